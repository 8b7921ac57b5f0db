"""`steerx sample`: pictures of seeds or codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import jobs
from .dry_run import Cost, measured, tell
from .failures import USAGE, Failure
from .opening import check_codes, in_options, open_codes, open_generator, place_pictures, previewing
from .options import (
    Batch,
    Class,
    Codes,
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
    Outdir,
    Preview,
    Renderer,
    RendererName,
    Rotate,
    Scale,
    Seeds,
    Space,
    Translate,
    Trunc,
    named,
    seeds_unless,
)
from .progress import progress
from .strips import PIXELS
from .writing import claim, write

if TYPE_CHECKING:
    from .._pictures import Pixels


def sample(
    network: Network = None,
    seeds: Seeds = "0-7",
    codes: Codes = None,
    space: Space = None,
    trunc: Trunc = 1.0,
    cutoff: Cutoff = None,
    label: Class = None,
    translate: Translate = None,
    rotate: Rotate = None,
    noise_mode: NoiseMode = NoiseName.const,
    outdir: Outdir = Path("out"),
    grid: Annotated[
        bool, typer.Option("--grid", help="Also write all of them as grid.png.")
    ] = False,
    scale: Scale = 1,
    preview: Preview = None,
    batch: Batch = None,
    device: Device = "auto",
    dtype: Dtype = DtypeName.float32,
    renderer: Renderer = RendererName.auto,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Render the pictures of seeds: seed0000.png, seed0001.png, ... (of codes: code0000.png, ...)."""
    network = named(network)
    origin: dict[str, Any] = {"seeds": seeds_unless(codes, seeds)}
    sheet = [outdir / "grid.png"] if grid else []
    if codes is None:
        claim([*_files(outdir, "seed", origin["seeds"]), *sheet], force=force)
    G = open_generator(network, device=device, dtype=dtype, renderer=renderer)
    place_pictures(G, translate, rotate)
    if codes is None:
        check_codes(G, label, trunc, cutoff)
    else:
        saved = open_codes(codes, G, space=space)
        origin.update(codes=saved.codes, space=saved.space)
    G = previewing(G, preview)

    import numpy as np
    import torch
    from PIL import Image

    from .._behind import behind
    from .._pictures import encode, tile
    from ..generators.start import begin
    from ..rendering import noise_of
    from ..scoring import batches_of

    origin = {"codes": None, "space": None, **origin}
    try:
        start, numbers = begin("sample", G, **origin, psi=trunc, cutoff=cutoff, label=label)
    except ValueError as error:
        raise Failure(in_options(str(error)), USAGE) from error
    files = _files(outdir, "seed" if codes is None else "code", numbers)
    if grid and len(files) * (G.resolution * scale) ** 2 > PIXELS:
        raise Failure(
            f"--grid: {len(files)} pictures are more than the {PIXELS / 1e6:.0f} megapixels that are "
            "drawn; give fewer seeds, or leave it out",
            USAGE,
        )
    claim([*files, *sheet], force=force)
    batches = batches_of("sample", G, batch)

    @torch.inference_mode()
    def pictures(places: Sequence[int]) -> list[Image.Image]:
        noise = noise_of("sample", noise_mode.value, 0, tuple(numbers[n] for n in places), G.device)
        entrance = start.rows(torch.tensor(places, device=G.device)).rendered(G)
        images = G.renderer.render(entrance, noise=noise, out="uint8")
        return [Image.fromarray(pixels) for pixels in images.cpu().numpy()]

    if dry_run:
        probe = range(min(batches.size, len(files)))
        took = measured(lambda: [encode(one, ".png") for one in pictures(probe)]) / len(probe)
        each = len(encode(pictures(probe[:1])[0], ".png"))
        size = each * len(files) * (1 + grid * scale**2)
        tell(Cost(len(files) + grid + 1, size, len(files), took * len(files)), outdir)
        return
    jobs.record(outdir, force=force, model=G.model_id)
    kept: list[Pixels] = []
    with progress("rendering", len(files)) as advance:

        def finish(batch: tuple[Sequence[int], list[Image.Image]]) -> None:
            some, made = batch
            for n, picture in zip(some, made, strict=True):
                write(files[n], encode(picture, ".png"), force=force)
            if grid:
                kept.extend(np.asarray(picture) for picture in made)
            advance(len(some))

        behind(batches.over(range(len(files)), pictures), finish)
    if grid:
        write(sheet[0], encode(tile(_square(kept), scale=scale), ".png"), force=force)
    typer.echo(f"{len(files)} pictures of {G.resolution} px in {outdir}")


def _files(folder: Path, start: str, numbers: Sequence[int]) -> list[Path]:
    """A file per seed or code."""
    return [folder / f"{start}{n:04d}.png" for n in numbers]


def _square(pictures: list[Pixels]) -> list[list[Pixels]]:
    """Rows of a grid about as wide as high, the last one filled up with white."""
    import numpy as np

    columns = math.isqrt(len(pictures) - 1) + 1
    white = np.full_like(pictures[0], 255)
    filled = pictures + [white] * (-len(pictures) % columns)
    return [filled[i : i + columns] for i in range(0, len(filled), columns)]
