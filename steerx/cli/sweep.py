"""`steerx sweep`: seeds or codes along directions, as strips, a grid, a page and an animation."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import jobs
from .dry_run import Cost, measured, side_by_side, tell
from .failures import USAGE, Failure
from .moves import ALPHAS, alphas_of, changed, together
from .opening import (
    check_codes,
    in_options,
    note_classes,
    open_codes,
    open_directions,
    open_generator,
    place_pictures,
    previewing,
    truncation_said,
)
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
    Motion,
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
    SpaceName,
    Translate,
    Trunc,
    Unit,
    named,
    seeds_unless,
)
from .progress import rendering
from .strips import (
    check_film,
    check_page,
    fits,
    frames,
    pictures_of,
    strip_files,
    too_large,
    write_strips,
)
from .writing import claim, write

if TYPE_CHECKING:
    from ..sweeping import Sweep

FRAME = 120  # milliseconds


class OrderName(StrEnum):
    """Which comes first from the top of the grid."""

    seed = "seed"
    direction = "direction"


def sweep(
    network: Network = None,
    directions: Annotated[
        list[str] | None,
        typer.Argument(help="Direction files (.safetensors, .npy, .npz).", show_default=False),
    ] = None,
    seeds: Seeds = "0-3",
    codes: Codes = None,
    space: Annotated[
        SpaceName | None,
        typer.Option("--space", help="Where --codes and boundaries (.npy) live."),
    ] = None,
    alphas: Annotated[
        str | None, typer.Option("--alphas", help="Edit strengths.", show_default=ALPHAS)
    ] = None,
    start: Annotated[
        float | None, typer.Option("--from", help="First alpha, instead of --alphas.")
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
    joint: Annotated[
        str | None,
        typer.Option("--together", help="One edit along several at once: smile=1,age=-0.5."),
    ] = None,
    motion: Motion = None,
    unit: Unit = None,
    label: Class = None,
    translate: Translate = None,
    rotate: Rotate = None,
    noise_mode: NoiseMode = NoiseName.const,
    outdir: Outdir = Path("out"),
    order: Annotated[
        OrderName, typer.Option("--order", help="What the rows of the grid are sorted by.")
    ] = OrderName.seed,
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
    preview: Preview = None,
    batch: Batch = None,
    device: Device = "auto",
    dtype: Dtype = DtypeName.float32,
    renderer: Renderer = RendererName.auto,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Render seeds x directions x alphas: a strip for each, and a grid of all."""
    files = directions or []
    network = named(network)
    if not files:
        raise Failure("give direction files behind NETWORK; `steerx mine` makes them", USAGE)
    strengths = alphas_of(alphas, start, end, steps)
    origin: dict[str, Any] = {"seeds": seeds_unless(codes, seeds)}
    G = open_generator(network, device=device, dtype=dtype, renderer=renderer)
    place_pictures(G, translate, rotate)
    if codes is None:
        check_codes(G, label, trunc, cutoff)
    else:
        saved = open_codes(codes, G, space=space, any_checkpoint=any_checkpoint)
        origin.update(codes=saved.codes, space=saved.space)
        if saved.space == "w_plus" and trunc == 1:  # what they went through shrinks steps in w
            trunc, cutoff = truncation_said(codes, saved)
    singles = open_directions(files, G, only=only, any_checkpoint=any_checkpoint, space=space)
    note_classes(singles, label)
    singles = changed(singles, G, layers=layers, motion=motion, unit=unit)
    if joint is not None:
        singles = together(joint, singles, G)
    shown = previewing(G, preview, singles)

    from .._pictures import encode
    from ..sweeping import sweep as swept

    try:
        grid = swept(
            G,
            directions=singles,
            alphas=strengths,
            **origin,
            psi=trunc,
            cutoff=cutoff,
            label=label,
            noise_mode=noise_mode.value,
            batch=batch,
            preview=preview,
            any_checkpoint=any_checkpoint,
        )
        _reach(grid)
    except ValueError as error:
        raise Failure(in_options(str(error)), USAGE) from error
    strips = strip_files(grid, outdir, start="seed" if codes is None else "code")
    sheet, page, film = (outdir / name for name in ("grid.png", "index.html", "sweep.webp"))
    whole = fits(grid, scale=scale)
    if report:
        check_page(grid)
    if webp:
        check_film(grid, scale=scale)
    extra = [path for path, wanted in ((page, report), (film, webp)) if wanted]
    sheets = [sheet] if whole else []
    claim([*(file for row in strips for file in row), *sheets, *extra], force=force)
    if not whole:
        typer.secho("warning: ", fg="yellow", nl=False, err=True)
        typer.echo(f"no grid.png: {too_large(grid, scale=scale)}; the strips show all", err=True)
    if dry_run:
        tell(_cost(grid, whole=whole, page=report, film=webp, scale=scale), outdir)
        return
    jobs.record(outdir, force=force, model=G.model_id)
    with rendering(G, "rendering", grid.renders):
        write_strips(grid, strips, scale=scale, force=force, keep=whole or report or webp)
    if whole:
        write(sheet, encode(grid.grid(order=order.value, scale=scale), ".png"), force=force)
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
    count = sum(map(len, strips))
    where = f"and {sheet}" if whole else f"in {outdir}"
    typer.echo(f"{grid.renders} pictures of {shown.resolution} px in {count} strips {where}")
    for path in extra:
        typer.echo(f"open {path}")


def _reach(grid: Sweep) -> None:
    """Refuse, before anything is rendered, a direction that these codes cannot be moved along."""
    import torch

    from ..editing import edited, is_line

    first = grid.start.rows(slice(0, 1))
    with torch.inference_mode():
        for one in grid.singles:
            if not is_line(one):
                edited(first, grid.G, one.to(grid.G.device), 0, torch.ones(1))


def _cost(grid: Sweep, *, whole: bool, page: bool, film: bool, scale: int) -> Cost:
    """What a sweep would write, from the times of the layers and from its first strip, which is not kept."""
    from .._pictures import encode
    from ..sweeping import predicted_seconds

    strip = grid.strip(scale=scale)
    size = len(encode(strip, ".png"))
    encoding = measured(lambda: encode(strip, ".png"))
    picture = size / len(grid.alphas)
    count = pictures_of(grid)
    # WebP takes about a quarter of PNG; a page shows each picture twice, in text of 4/3 the length.
    shown = 1.0 + whole + film * 2 * 0.25 + page * 2 * 0.25 * 4 / 3 / scale**2
    files = len(grid.seeds) * len(grid.directions) + whole + film + page + 1
    strips = encoding * count / len(grid.alphas)
    seconds = side_by_side(predicted_seconds(grid), strips) + strips * (shown - 1)
    return Cost(files, round(picture * count * shown), grid.renders, seconds)


def said() -> str:
    """The command line of this process, to be copied."""
    return shlex.join(["steerx", *sys.argv[1:]])
