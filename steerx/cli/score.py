"""`steerx score`: what a scorer sees in the pictures of seeds or codes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import jobs
from .crews import Processes, Ray, check_ray, crew_of
from .dry_run import Cost, measured, tell
from .failures import DATA, INTERRUPTED, USAGE, Failure
from .opening import check_codes, open_codes, open_generator
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
    Renderer,
    RendererName,
    Seeds,
    Space,
    Trunc,
    named,
    seeds_unless,
)
from .progress import progress
from .scorers import scorer_named
from .scores import of_truth
from .tables import table
from .writing import claim

if TYPE_CHECKING:
    from ..scoring import Scores

_BYTES = 20  # of one score in a table


def score(
    network: Network = None,
    scorer: Annotated[
        str,
        typer.Option(
            "--scorer",
            help="faces looks at pictures; truth knows the built-in faces; module:function or "
            "path/to/file.py:function is code of your own, which is imported and run as it is.",
        ),
    ] = "faces",
    seeds: Seeds = "0-999",
    codes: Codes = None,
    space: Space = None,
    trunc: Trunc = 1.0,
    cutoff: Cutoff = None,
    label: Class = None,
    noise_mode: NoiseMode = NoiseName.const,
    invalid: Annotated[
        float | None,
        typer.Option(
            "--invalid", help="A score that marks a picture without one, such as nan; else refused."
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File for the scores: .csv, or .npy (values alone)."),
    ] = Path("scores.csv"),
    batch: Batch = None,
    device: Device = "auto",
    dtype: Dtype = DtypeName.float32,
    renderer: Renderer = RendererName.auto,
    processes: Processes = None,
    ray: Ray = None,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Score pictures of seeds or codes; a run that was cut short goes on when it is given again."""
    network = named(network)
    check_ray(ray, processes)
    if output.suffix.lower() not in (".csv", ".npy"):
        raise Failure(f"--output must end in .csv or .npy, got {str(output)!r}", USAGE)
    numbers = seeds_unless(codes, seeds)
    claim([output], force=force)
    G = open_generator(network, device=device, dtype=dtype, renderer=renderer)
    if codes is None:
        check_codes(G, label, trunc, cutoff)
    if scorer == "truth":
        if numbers is None:
            raise Failure("--scorer truth knows the faces of seeds only; give --seeds", USAGE)
        scores = of_truth(G, network, numbers)
        if dry_run:
            tell(Cost(2, _size(scores.values.numel(), len(scores))), output)
            return
        jobs.record(output, force=force, model=G.model_id)
        scores.save(output, overwrite=force)
        _show(scores, output)
        return
    judge = scorer_named(scorer, G, known=("faces", "truth"))
    crew = crew_of(G, network, processes, ray, device=device, dtype=dtype.value)

    from ..scoring import Scores, batch_size
    from ..scoring import score as scored
    from ..working import one_thread

    start: dict[str, Any] = {"seeds": numbers, "label": label}
    count = len(numbers or ())
    if codes is not None:
        saved = open_codes(codes, G, space=space)
        try:
            G.space_of("score", saved.codes, saved.space)
        except ValueError as error:
            raise Failure(f"--codes {codes}: {error}", DATA) from error
        start = {"codes": saved.codes, "space": saved.space, "label": label}
        count = len(saved.codes[0] if isinstance(saved.codes, list) else saved.codes)
    options: dict[str, Any] = {
        "psi": trunc,
        "cutoff": cutoff,
        "noise_mode": noise_mode.value,
        "batch": batch,
        "names": judge.names,
        "invalid": invalid,
    }
    if dry_run:
        key = "seeds" if codes is None else "codes"
        probe = {**start, key: start[key][: batch_size("score", G, batch)]}
        columns = scored(G, judge.scorer, **probe, **options).shape[1]
        with one_thread() if processes else contextlib.nullcontext():
            took = measured(lambda: scored(G, judge.scorer, **probe, **options)) / len(probe[key])
        seconds = took * count / (processes or 1)
        tell(Cost(2, _size(columns * count, count), count, seconds), output)
        return
    part = output.with_name(f"{output.name}.part")
    jobs.record(output, force=force or part.exists(), model=G.model_id)
    with _watched(part) as watch, one_thread() if processes else contextlib.nullcontext():
        values = scored(
            G,
            judge.scorer if crew is None else scorer,
            **start,
            **options,
            journal=part,
            scorer_name=scorer,
            watch=watch,
            crew=crew,
        )
    names = judge.names or tuple(f"attribute{k}" for k in range(values.shape[1]))
    seen = Scores(values, names, None if numbers is None else tuple(numbers))
    seen.save(output, overwrite=force)
    part.unlink(missing_ok=True)
    _show(seen, output, invalid)


@contextlib.contextmanager
def _watched(part: Path) -> Iterator[Callable[[int, int], None]]:
    """Show how far a scoring is, and say what is kept where it is interrupted."""
    advance: Callable[[int], None] | None = None
    done = total = 0
    with contextlib.ExitStack() as stack:

        def watch(now: int, of: int) -> None:
            nonlocal advance, done, total
            if advance is None:
                if now:
                    typer.echo(f"resuming: {now} of {of} are scored", err=True)
                advance = stack.enter_context(progress("rendering and scoring", of - now))
            else:
                advance(now - done)
            done, total = now, of

        try:
            yield watch
        except KeyboardInterrupt as error:
            if not done:
                raise
            raise Failure(
                f"interrupted: {done} of {total} are kept in {part}; the same command goes on",
                INTERRUPTED,
            ) from error


def _size(scores: int, lines: int) -> int:
    """Bytes of a table, about."""
    return scores * _BYTES + lines * 8


def _show(scores: Scores, output: Path, invalid: float | None = None) -> None:
    """What was scored: a line per attribute."""
    from .._marks import marked

    lines = []
    for name, column in zip(scores.names, scores.values.T, strict=True):
        valid = column[~marked(column, invalid)]
        spread = f"{valid.std(correction=0):.4g}" if len(valid) else "-"
        mean = f"{valid.mean():.4g}" if len(valid) else "-"
        lines.append((name, mean, spread, str(len(valid))))
    typer.echo(f"{len(scores)} pictures scored in {output}")
    table(lines, head=("name", "mean", "standard deviation", "scored"))
