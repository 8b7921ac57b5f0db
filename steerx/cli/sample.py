"""`steerx sample`: pictures of seeds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .opening import check_codes, open_generator
from .options import (
    Class,
    Cutoff,
    Device,
    Dtype,
    DtypeName,
    Force,
    Network,
    NetworkOption,
    NoiseMode,
    NoiseName,
    Outdir,
    Scale,
    Seeds,
    Trunc,
    named,
    seeds_of,
)
from .progress import progress
from .writing import claim, write

if TYPE_CHECKING:
    from .._pictures import Pixels


def sample(
    network: Network = None,
    seeds: Seeds = "0-7",
    trunc: Trunc = 1.0,
    cutoff: Cutoff = None,
    label: Class = None,
    noise_mode: NoiseMode = NoiseName.const,
    outdir: Outdir = Path("out"),
    grid: Annotated[
        bool, typer.Option("--grid", help="Also write all of them as grid.png.")
    ] = False,
    scale: Scale = 1,
    device: Device = "auto",
    dtype: Dtype = DtypeName.float32,
    force: Force = False,
    network_option: NetworkOption = None,
) -> None:
    """Render the pictures of seeds: seed0000.png, seed0001.png, ..."""
    network = named(network, network_option)
    numbers = seeds_of(seeds)
    files = {seed: outdir / f"seed{seed:04d}.png" for seed in numbers}
    sheet = outdir / "grid.png"
    claim([*files.values(), *([sheet] if grid else [])], force=force)
    G = open_generator(network, device=device, dtype=dtype)
    check_codes(G, label, trunc, cutoff)

    import torch
    from PIL import Image

    from .._pictures import encode, tile
    from ..scoring import batch_size

    kept = []
    batch = batch_size("sample", G, None)
    with progress("rendering", len(numbers)) as advance, torch.inference_mode():
        for first in range(0, len(numbers), batch):
            some = numbers[first : first + batch]
            codes = G.codes(seeds=some, space="z")
            entrance = G.enter(codes, space="z", psi=trunc, cutoff=cutoff, label=label)
            images = G.renderer.render(entrance, noise=noise_mode.value, out="uint8")
            for seed, pixels in zip(some, images.cpu().numpy(), strict=True):
                write(files[seed], encode(Image.fromarray(pixels), ".png"), force=force)
                if grid:
                    kept.append(pixels)
            advance(len(some))
    if grid:
        write(sheet, encode(tile(_square(kept), scale=scale), ".png"), force=force)
    typer.echo(f"{len(numbers)} pictures of {G.resolution} px in {outdir}")


def _square(pictures: list[Pixels]) -> list[list[Pixels]]:
    """Rows of a grid about as wide as high, the last one filled up with white."""
    import numpy as np

    columns = math.isqrt(len(pictures) - 1) + 1
    white = np.full_like(pictures[0], 255)
    filled = pictures + [white] * (-len(pictures) % columns)
    return [filled[i : i + columns] for i in range(0, len(filled), columns)]
