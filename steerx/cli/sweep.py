"""`steerx sweep`: seeds along directions, as strips, a grid, a page and an animation."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import USAGE, Failure, argument
from .opening import check_codes, open_directions, open_generator
from .options import (
    Class,
    Cutoff,
    Device,
    Dtype,
    DtypeName,
    Force,
    Network,
    NoiseMode,
    NoiseName,
    Outdir,
    Scale,
    Seeds,
    Trunc,
    named,
    rows_of,
    seeds_of,
)
from .progress import rendering
from .writing import claim, stems, write

if TYPE_CHECKING:
    from PIL import Image

    from ..sweeping import Sweep

ALPHAS = "-3,-1.5,0,1.5,3"
FRAME = 120  # milliseconds


def sweep(
    network: Network = None,
    directions: Annotated[
        list[str] | None,
        typer.Argument(help="Direction files (.safetensors, .npy, .npz).", show_default=False),
    ] = None,
    seeds: Seeds = "0-3",
    alphas: Annotated[
        str | None, typer.Option("--alphas", help="Edit strengths.", show_default=ALPHAS)
    ] = None,
    start: Annotated[
        float | None, typer.Option("--from", help="First alpha, with --to and --steps.")
    ] = None,
    end: Annotated[float | None, typer.Option("--to", help="Last alpha.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="How many alphas.", min=1)] = None,
    trunc: Trunc = 1.0,
    cutoff: Cutoff = None,
    layers: Annotated[
        str | None, typer.Option("--layers", help="Move these layers instead of each direction's.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", help="Some directions: 0-4, or names.")
    ] = None,
    label: Class = None,
    noise_mode: NoiseMode = NoiseName.const,
    outdir: Outdir = Path("out"),
    report: Annotated[
        bool, typer.Option("--report", help="Also write a page, index.html.")
    ] = False,
    webp: Annotated[
        bool, typer.Option("--webp", help="Also write a looping animation, sweep.webp.")
    ] = False,
    scale: Scale = 1,
    any_checkpoint: Annotated[
        bool, typer.Option("--any-checkpoint", help="Take directions of another checkpoint.")
    ] = False,
    device: Device = "auto",
    dtype: Dtype = DtypeName.float32,
    force: Force = False,
) -> None:
    """Render seeds x directions x alphas: a strip for each, and a grid of all."""
    files = directions or []
    network = named(network)
    if not files:
        raise Failure("give direction files behind NETWORK; `steerx mine` makes them", USAGE)
    numbers, strengths = seeds_of(seeds), alphas_of(alphas, start, end, steps)
    G = open_generator(network, device=device, dtype=dtype)
    check_codes(G, label, trunc, cutoff)
    singles = open_directions(files, G, only=only, any_checkpoint=any_checkpoint)
    if layers is not None:
        rows = rows_of(layers, G.num_ws)
        singles = [replace(one, layers=(rows,)) for one in singles]

    from .._pictures import encode
    from ..sweeping import sweep as swept

    grid = swept(
        G,
        directions=singles,
        alphas=strengths,
        seeds=numbers,
        psi=trunc,
        cutoff=cutoff,
        label=label,
        noise_mode=noise_mode.value,
        any_checkpoint=any_checkpoint,
    )
    strips = strip_files(grid, outdir)
    sheet, page, film = (outdir / name for name in ("grid.png", "index.html", "sweep.webp"))
    extra = [path for path, wanted in ((page, report), (film, webp)) if wanted]
    claim([*strips, sheet, *extra], force=force)
    with rendering(G, "rendering", grid.renders):
        _ = grid.images
    write_strips(grid, strips, scale=scale, force=force)
    write(sheet, encode(grid.grid(scale=scale), ".png"), force=force)
    if webp:
        write(film, encode(frames(grid, scale=scale), ".webp", duration=FRAME), force=force)
    if report:
        from ..reporting import Section
        from ..reporting import report as write_page

        write_page(
            [Section(", ".join(Path(file).stem for file in files), grid)],
            page,
            title=f"Sweep of {Path(network).stem}",
            command=said(),
            overwrite=force,
        )
    typer.echo(f"{grid.renders} pictures of {G.resolution} px in {len(strips)} strips and {sheet}")
    for path in extra:
        typer.echo(f"open {path}")


def alphas_of(
    text: str | None, start: float | None, end: float | None, steps: int | None
) -> list[float]:
    """Alphas of `-3,0,3`, or evenly spaced ones.

    Raises:
        Failure: both, half of the second, or something that is not a finite number.
    """
    given = [value is not None for value in (start, end, steps)]
    if any(given):
        if text is not None or not all(given):
            raise Failure("give --alphas, or all of --from, --to and --steps", USAGE)
        assert start is not None and end is not None and steps is not None
        gap = (end - start) / max(steps - 1, 1)
        values = [round(start + i * gap, 9) for i in range(steps)]
    else:
        with argument("--alphas"):
            values = [float(part) for part in (ALPHAS if text is None else text).split(",")]
    if not all(map(math.isfinite, values)) or len(set(values)) < len(values):
        raise Failure("--alphas must be different finite numbers such as -3,0,3", USAGE)
    return values


def strip_files(grid: Sweep, folder: Path) -> list[Path]:
    """A file per direction and seed."""
    names = stems(grid.directions)
    return [folder / f"{name}_seed{seed:04d}.png" for name in names for seed in grid.seeds]


def write_strips(grid: Sweep, files: Sequence[Path], *, scale: int, force: bool) -> None:
    """Write the strips of `strip_files`."""
    from .._pictures import encode

    pairs = [(name, seed) for name in grid.directions for seed in grid.seeds]
    for file, (name, seed) in zip(files, pairs, strict=True):
        picture = grid.strip(seed=seed, direction=name, scale=scale)
        write(file, encode(picture, ".png"), force=force)


def frames(grid: Sweep, *, scale: int) -> list[Image.Image]:
    """A looping animation: a row per seed, a column per direction, alpha there and back."""
    from .._pictures import tile

    order = sorted(range(len(grid.alphas)), key=lambda i: grid.alphas[i])
    return [
        tile(
            [list(of_seed[:, i]) for of_seed in grid.images],
            row_labels=[str(seed) for seed in grid.seeds],
            column_labels=grid.directions,
            scale=scale,
        )
        for i in [*order, *order[-2:0:-1]]
    ]


def said() -> str:
    """The command line of this process, to be copied."""
    return shlex.join(["steerx", *sys.argv[1:]])
