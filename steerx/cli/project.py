"""`steerx project`: pictures to codes, which `edit`, `sweep` and `walk` take by --codes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import jobs
from .dry_run import Cost, measured, tell
from .failures import DATA, INTERRUPTED, USAGE, Failure, argument
from .opening import check_codes, open_generator
from .options import Batch, Class, Device, Draw, DryRun, Force, JobFile, Network, Scale, named
from .progress import progress
from .writing import claim, write

if TYPE_CHECKING:
    from torch import Tensor

    from ..generators import Generator

_PROBE = 4  # steps
_PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}  # that are taken from a folder


class CodeSpaceName(StrEnum):
    """Where codes of pictures are looked for."""

    w = "w"
    w_plus = "w_plus"


def project(
    network: Network = None,
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Picture files, or folders of them; their middle squares are taken.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "--out", "-o", help="File for the codes: .safetensors.")
    ] = Path("codes.safetensors"),
    space: Annotated[
        CodeSpaceName,
        typer.Option("--space", help="w edits best, w_plus (a code per layer) comes closer."),
    ] = CodeSpaceName.w_plus,
    steps: Annotated[int, typer.Option("--steps", help="Of Adam, per picture.", min=1)] = 1000,
    rate: Annotated[float, typer.Option("--rate", help="Highest learning rate.")] = 0.1,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            help="A network whose features are compared too: module:name or path/to/file.py:name, code of "
            "your own, which is imported and run as it is. Pictures come at 256 px at most, in [-1, 1].",
            show_default=False,
        ),
    ] = None,
    pixels: Annotated[
        float, typer.Option("--pixels", help="Weight of the pixels and their Laplacian pyramid.")
    ] = 1.0,
    learn_noise: Annotated[
        bool,
        typer.Option(
            "--learn-noise/--own-noise",
            help="Let each picture have noise of its own on the way, or the network's as it is.",
        ),
    ] = True,
    tune: Annotated[
        Path | None,
        typer.Option(
            "--tune",
            help="Then bend the network's weights towards the pictures (pivotal tuning), and write it here: "
            ".safetensors. Its codes are those of --output.",
            show_default=False,
        ),
    ] = None,
    tune_steps: Annotated[
        int, typer.Option("--tune-steps", help="Of the tuning, per batch of pictures.", min=1)
    ] = 350,
    tune_rate: Annotated[
        float, typer.Option("--tune-rate", help="Learning rate of the tuning.")
    ] = 3e-4,
    show: Annotated[
        Path | None,
        typer.Option(
            "--show", help="Folder for each picture beside its projection.", show_default=False
        ),
    ] = None,
    scale: Scale = 1,
    label: Class = None,
    seed: Draw = 0,
    batch: Batch = None,
    device: Device = "auto",
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Find the codes of pictures; a run that was cut short goes on when it is given again."""
    network = named(network)
    pictures = _files(pictures or [])
    for option, file in (("--output", output), ("--tune", tune)):
        if file is not None and file.suffix.lower() != ".safetensors":
            raise Failure(f"{option} must end in .safetensors, got {str(file)!r}", USAGE)
    if tune == output:
        raise Failure("--tune and --output are one file; give two names", USAGE)
    sides = [] if show is None else [show / f"projected{n:04d}.png" for n in range(len(pictures))]
    claim([output, *([tune] if tune else []), *sides], force=force)
    G = open_generator(network, device=device, dtype="float32")
    check_codes(G, label)

    from ..generators.codes_file import save_codes
    from ..projecting import Loss, Schedule, projection
    from ..projecting import project as projected

    schedule = Schedule(steps=steps, rate=rate)
    options: dict[str, Any] = {"pixels": pixels, "label": label, "seed": seed, "batch": batch}
    if features is not None:
        what = "takes images [N, 3, H, W] and returns features [N, ...]"
        options["features"] = _named(features, G, what)
    with argument("pictures, --rate, --pixels"):
        schedule.check("project")
        Loss(options.get("features"), pixels).check("project")
        targets = _targets(pictures, G)
        projection.check_pictures("project", G, targets)
    search = {"space": space.value, "learn_noise": learn_noise, **options}
    if dry_run:
        some = targets[: projection.per_batch("project", G, batch)]
        few = replace(schedule, steps=_PROBE)
        took = measured(lambda: projected(G, some, schedule=few, **search)) / len(some) / _PROBE
        numbers = len(pictures) * G.w_dim * (G.num_ws if space == CodeSpaceName.w_plus else 1)
        work = took * steps * len(pictures)  # the tuning's own steps take about twice as long
        tell(Cost(2 + len(sides), 4 * numbers, seconds=work), output)
        return
    part = output.with_name(f"{output.name}.part")
    jobs.record(output, force=force or part.exists(), model=G.model_id)
    with _watched("projecting", part) as watch:
        found = projected(G, targets, schedule=schedule, journal=part, watch=watch, **search)
    drawn = projection.rendered(G, found.codes).detach()
    errors = found.error
    if tune is not None:
        from ..generators import save
        from ..projecting import tune as tuned

        kept = tune.with_name(f"{tune.name}.part")
        tune.parent.mkdir(parents=True, exist_ok=True)
        with _watched("tuning", kept) as watch:
            way: dict[str, Any] = {"steps": tune_steps, "rate": tune_rate, **options}
            bent = tuned(G, targets, found.codes, journal=kept, watch=watch, **way)
        drawn = projection.rendered(bent, found.codes)
        errors = (drawn.clamp(-1, 1) - targets).abs().mean(dim=(1, 2, 3))
        facts = {"tuned_from": G.model_id, "pictures": len(targets), "steps": tune_steps}
        save(bent, tune, facts=facts, overwrite=force)
        kept.unlink(missing_ok=True)
        G = bent
    known = {"model_id": G.model_id, "label": label, "pictures": [p.name for p in pictures]}
    facts = {name: value for name, value in known.items() if value is not None}
    save_codes(output, found.codes.to("cpu"), found.space, overwrite=force, facts=facts)
    part.unlink(missing_ok=True)
    if show is not None:
        _write(sides, targets, drawn, scale, force)
    typer.echo(
        f"{len(pictures)} codes ({found.space}) in {output}; mean absolute error {errors.mean():.4f}, at most "
        f"{errors.max():.4f}, of pictures from -1 to 1"
    )
    if tune is not None:
        typer.echo(f"the tuned network in {tune}")


def _named(text: str, G: Generator, what: str) -> Callable[..., Any]:
    from .scorers import code_named

    return code_named("--features", text, G, what)


def _files(paths: Sequence[Path]) -> list[Path]:
    """Picture files, and those of folders by name.

    Raises:
        Failure: none were given, or a folder has none.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found = [file for file in inside if file == path or file.suffix.lower() in _PICTURES]
        if not found:
            kinds = ", ".join(sorted(_PICTURES))
            raise Failure(f"{path} has no pictures ({kinds}) in it; give another folder", USAGE)
        files += found
    if not files:
        raise Failure("give picture files, or a folder of them, behind NETWORK", USAGE)
    return files


def _targets(files: Sequence[Path], G: Generator) -> Tensor:
    import torch

    from .._pictures import from_file

    try:
        return torch.stack([from_file(file, G.resolution) for file in files]).to(G.device)
    except ValueError as error:
        raise Failure(str(error), DATA) from error


def _write(files: Sequence[Path], targets: Tensor, drawn: Tensor, scale: int, force: bool) -> None:
    """Each picture beside what its code makes."""
    from .._pictures import encode, tile, to_uint8

    pairs = zip(to_uint8(targets).cpu().numpy(), to_uint8(drawn).cpu().numpy(), strict=True)
    for file, pair in zip(files, pairs, strict=True):
        write(file, encode(tile([list(pair)], scale=scale), ".png"), force=force)


@contextlib.contextmanager
def _watched(what: str, part: Path) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, and say what is kept where it is interrupted."""
    advance: Callable[[int], None] | None = None
    done = total = 0
    with contextlib.ExitStack() as stack:

        def watch(now: int, of: int) -> None:
            nonlocal advance, done, total
            if advance is None:
                if now:
                    typer.echo(f"resuming: {now} of {of} steps are made", err=True)
                advance = stack.enter_context(progress(what, of - now))
            else:
                advance(now - done)
            done, total = now, of

        try:
            yield watch
        except KeyboardInterrupt as error:
            if not done:
                raise
            raise Failure(
                f"interrupted: {done} of {total} steps are kept in {part}; the same command goes on",
                INTERRUPTED,
            ) from error
