"""`steerx report`: one self-contained HTML page of a sweep, or of what a method found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import jobs
from .dry_run import Cost, measured, tell
from .failures import DATA, USAGE, Failure
from .moves import alphas_of
from .opening import check_codes, in_options, open_generator, picked
from .options import (
    Batch,
    Class,
    Cutoff,
    Device,
    DryRun,
    DtypeName,
    Force,
    JobFile,
    Renderer,
    RendererName,
    Seeds,
    Trunc,
    seeds_of,
)
from .progress import rendering
from .strips import PAGE_PICTURES, PIXELS, pictures_of
from .sweep import said
from .swept import swept
from .writing import claim

if TYPE_CHECKING:
    from ..directions import Correlation, Directions
    from ..reporting import Section
    from ..sweeping import Sweep
    from .job_file import Job

_PAGE = 20_000  # bytes of a page beside its pictures


def report(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="Folder or job.yaml of a sweep, job of a mining; or a NETWORK.",
            show_default=False,
        ),
    ] = None,
    directions: Annotated[
        list[str] | None,
        typer.Argument(help="Behind NETWORK: what was mined in it.", show_default=False),
    ] = None,
    seeds: Seeds = "0-3",
    alphas: Annotated[
        str | None, typer.Option("--alphas", help="Edit strengths.", show_default="-3,-1.5,0,1.5,3")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", help="Some directions: 0-4, or names.")
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--scores", help="Scores of the attributes, to correlate them.", show_default=False
        ),
    ] = None,
    trunc: Trunc = 1.0,
    cutoff: Cutoff = None,
    label: Class = None,
    title: Annotated[str | None, typer.Option("--title", help="Heading of the page.")] = None,
    out: Annotated[Path, typer.Option("--out", "--output", "-o", help="The page.")] = Path(
        "report.html"
    ),
    any_checkpoint: Annotated[
        bool, typer.Option("--any-checkpoint", help="Take directions of another checkpoint.")
    ] = False,
    batch: Batch = None,
    device: Device = "auto",
    dtype: Annotated[
        DtypeName | None,
        typer.Option(
            "--dtype", help="Dtype of activations.", show_default="the sweep's, or float32"
        ),
    ] = None,
    renderer: Renderer = RendererName.auto,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Show a sweep, or what a method found, on one page that needs nothing beside it."""
    if source is None:
        raise Failure("give the folder or job of a sweep, or NETWORK and direction files", USAGE)
    if out.suffix.lower() not in (".html", ".htm"):
        raise Failure(f"--out must end in .html, got {out}", USAGE)
    claim([out], force=force)
    from ..reporting import Section
    from ..reporting import report as write_page

    files = directions or []
    sections: list[Section]
    past = _job_of(source) if not files else None
    if past is not None and past[0].command == "sweep":
        if any(map(jobs.typed, ("seeds", "alphas", "trunc", "cutoff", "label", "only", "scores"))):
            raise Failure(f"{past[1]} says seeds, alphas and the rest; leave them out", USAGE)
        own = None if renderer == RendererName.auto else renderer  # auto: that of the sweep
        grid = swept(past[0], past[1], device=device, batch=batch, renderer=own, dtype=dtype)
        jobs.settle("renderer", grid.G.renderer.name)
        sections = [Section(", ".join(grid.directions[:4]), grid)]
        network = str(past[0].arguments["network"])
        heading = title or f"Sweep of {Path(network).stem}"
    else:
        if past is not None:
            network, files = _mined(*past)
        elif files:
            network = source
        else:
            raise Failure(
                f"{source} is no folder or job of a sweep; give direction files behind NETWORK",
                USAGE,
            )
        sections = _sections(
            network,
            files,
            seeds=seeds_of(seeds),
            alphas=alphas_of(alphas, None, None, None),
            only=only,
            scores=scores,
            psi=trunc,
            cutoff=cutoff,
            label=label,
            any_checkpoint=any_checkpoint,
            batch=batch,
            device=device,
            dtype=dtype or DtypeName.float32,
            renderer=renderer,
        )
        heading = title or f"Directions of {Path(network).stem}"
    _check(sections)
    grids = [section.sweep for section in sections]
    if dry_run:
        tell(_cost(grids), out)
        return
    jobs.record(out, force=force, model=grids[0].G.model_id)
    with rendering(grids[0].G, "rendering", sum(grid.renders for grid in grids)):
        for grid in grids:
            _ = grid.images
    write_page(sections, out, title=heading, command=said(), overwrite=force)
    typer.echo(f"open {out}")


def _job_of(source: str) -> tuple[Job, Path] | None:
    """The job that a folder or file holds, and its file; None where the source is none of these."""
    path = Path(source)
    if path.is_dir():
        file = path / "job.yaml"
        if not file.is_file():
            raise Failure(f"{source} holds no job.yaml; give the folder of `steerx sweep`", DATA)
        path = file
    elif path.suffix.lower() not in (".yaml", ".yml"):
        return None
    found = jobs.read(path)
    if found.command != "sweep" and not found.command.startswith("mine "):
        raise Failure(
            f"{path} is a job of `steerx {found.command}`; a page shows a sweep or a mining", DATA
        )
    if not isinstance(found.arguments.get("network"), str):
        raise Failure(f"{path} is refused: its job names no network", DATA)
    return found, path


def _mined(job: Job, file: Path) -> tuple[str, list[str]]:
    """Network and directions of a mining: they lie beside the job under its name."""
    found = file.with_name(file.name.split(".job")[0] + ".safetensors")
    if not found.is_file():
        raise Failure(f"{found}, what {file} found, is not there; give NETWORK and files", DATA)
    return str(job.arguments["network"]), [str(found)]


def _sections(
    network: str,
    files: list[str],
    *,
    seeds: list[int],
    alphas: list[float],
    only: str | None,
    scores: Path | None,
    psi: float,
    cutoff: int | None,
    label: int | None,
    any_checkpoint: bool,
    batch: int | None,
    device: str,
    dtype: str,
    renderer: str,
) -> list[Section]:
    """A section per file, nothing rendered yet."""
    from ..directions import as_directions
    from ..reporting import Section
    from ..sweeping import sweep

    G = open_generator(network, device=device, dtype=dtype, renderer=renderer)
    check_codes(G, label, psi, cutoff)
    sections = []
    for file in files:
        try:
            found = as_directions(file)
            found.check_generator(G, any_checkpoint=any_checkpoint)
        except ValueError as error:
            line = in_options(str(error))
            raise Failure(line if file in line else f"{file}: {line}", DATA) from error
        if only is not None:
            found = found[picked(only, found.names)]
        try:
            grid = sweep(
                G,
                directions=found,
                alphas=alphas,
                seeds=seeds,
                psi=psi,
                cutoff=cutoff,
                label=label,
                batch=batch,
                any_checkpoint=any_checkpoint,
            )
        except ValueError as error:
            raise Failure(in_options(str(error)), USAGE) from error
        together = None if scores is None else _correlation(scores, found)
        sections.append(replace(Section(Path(file).stem, grid), mined=found, correlation=together))
    return sections


def _correlation(file: Path, found: Directions) -> Correlation | None:
    """How the attributes go together in a file of scores; None where it has fewer than two of them."""
    from ..directions import correlate
    from .scores import from_file

    table = from_file(file)
    names = [name for name in table.names if name in found.names]
    if len(names) < 2:
        return None
    columns = [list(table.names).index(name) for name in names]
    try:
        return correlate(table.values[:, columns], found[list(names)], names=names)
    except ValueError as error:
        raise Failure(f"--scores {file}: {error}", DATA) from error


def _check(sections: list[Section]) -> None:
    """Refuse a page that would hold too many pictures, before any is rendered."""
    count = sum(pictures_of(section.sweep) for section in sections)
    side = sections[0].sweep.G.resolution
    most = min(PAGE_PICTURES, PIXELS // side**2)
    if count > most:
        raise Failure(
            f"a page holds at most {most} pictures of {side} px, and this one would have {count}; "
            "give fewer seeds, alphas or directions (--only)",
            USAGE,
        )


def _cost(grids: list[Sweep]) -> Cost:
    """What a page would hold, from a probe of a strip; each picture stands on it twice."""
    from .._pictures import encode

    first = grids[0]
    seconds = measured(first.strip) / len(first.alphas)
    picture = len(encode(first.strip(), ".webp")) / len(first.alphas)
    shown = sum(map(pictures_of, grids))
    renders = sum(grid.renders for grid in grids)
    return Cost(2, _PAGE + round(picture * shown * 2 * 4 / 3), renders, seconds * renders)
