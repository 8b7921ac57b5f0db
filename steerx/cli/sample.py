"""`steerx sample`: pictures of seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import jobs
from .dry_run import Cost, measured, tell
from .opening import check_codes, open_generator
from .options import (
    Batch,
    Class,
    Cutoff,
    Device,
    DryRun,
    Dtype,
    DtypeName,
    Force,
    JobFile,
    Network,
    NoiseMode,
    NoiseName,
    Num,
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
    batch: Batch = None,
    device: Device = "auto",
    dtype: Dtype = DtypeName.float32,
    force: Force = False,
    dry_run: DryRun = False,
    num: Num = None,
    job: JobFile = None,
) -> None:
    """Render the pictures of seeds: seed0000.png, seed0001.png, ..."""
    network = named(network)
    numbers = seeds_of(seeds, num)
    files = {seed: outdir / f"seed{seed:04d}.png" for seed in numbers}
    sheet = outdir / "grid.png"
    claim([*files.values(), *([sheet] if grid else [])], force=force)
    G = open_generator(network, device=device, dtype=dtype)
    check_codes(G, label, trunc, cutoff)

    import numpy as np
    import torch
    from PIL import Image

    from .._pictures import encode, tile
    from ..rendering import Batches, noise_of
    from ..scoring import batch_size

    batches = Batches("sample", batch_size("sample", G, batch))

    @torch.inference_mode()
    def pictures(some: Sequence[int]) -> list[Image.Image]:
        noise = noise_of("sample", noise_mode.value, 0, tuple(some), G.device)
        entrance = G.enter(
            G.codes(seeds=some, space="z"), space="z", psi=trunc, cutoff=cutoff, label=label
        )
        images = G.renderer.render(entrance, noise=noise, out="uint8")
        return [Image.fromarray(pixels) for pixels in images.cpu().numpy()]

    if dry_run:
        probe = numbers[: batches.size]
        took = measured(lambda: [encode(one, ".png") for one in pictures(probe)]) / len(probe)
        each = len(encode(pictures(probe[:1])[0], ".png"))
        count = len(files) + grid
        size = each * len(numbers) * (1 + grid * scale**2)
        tell(Cost(count + 1, size, len(numbers), took * len(numbers)), outdir)
        return
    jobs.record(outdir, force=force, model=G.model_id)
    kept = []
    with progress("rendering", len(numbers)) as advance:
        for some, made in batches.over(numbers, pictures):
            for seed, picture in zip(some, made, strict=True):
                write(files[seed], encode(picture, ".png"), force=force)
            if grid:
                kept += [np.asarray(picture) for picture in made]
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
