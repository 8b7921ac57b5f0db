"""`steerx convert`: a checkpoint in another format, proved by its pictures before it takes its name."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from . import jobs
from .dry_run import Cost, size, tell
from .failures import DATA, FAILED, IO, USAGE, Failure
from .options import DryRun, Force, JobFile, seeds_of
from .writing import claim

if TYPE_CHECKING:
    from ..checkpoints import Checkpoint, Layout
    from ..generators import Generator

TOLERANCE = 1e-4
_TOLD = ("state", "left_out", "inferred", "defaulted", "unused_settings", "skipped", "w_avg")


class FormatName(StrEnum):
    """Whose file it becomes."""

    safetensors = "safetensors"
    rosinality = "rosinality"
    genforce = "genforce"


class StoredName(StrEnum):
    """Dtype of the stored weights."""

    float32 = "float32"
    float16 = "float16"


_SUFFIXES = {
    FormatName.safetensors: (".safetensors",),
    FormatName.rosinality: (".pt", ".pth"),
    FormatName.genforce: (".pth", ".pt"),
}


def convert(
    network: Annotated[
        str | None,
        typer.Argument(metavar="IN", help='Checkpoint, or "faces".', show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="The new file.", show_default=False)
    ] = None,
    form: Annotated[
        FormatName | None,
        typer.Option(
            "--format",
            help="Whose names the file uses.",
            show_default="by OUT: .safetensors, .pt rosinality, .pth genforce",
        ),
    ] = None,
    dtype: Annotated[
        StoredName, typer.Option("--dtype", help="Of the stored weights.")
    ] = StoredName.float32,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read it back and compare the pictures of some seeds.")
    ] = False,
    seeds: Annotated[
        str, typer.Option("--seeds", "--seed", help="Seeds that --verify renders.")
    ] = "0-3",
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Write a checkpoint as safetensors, or under rosinality's or genforce's names; nothing in it is run."""
    if network is None or output is None:
        raise Failure("give IN and OUT, such as `steerx convert ffhq.pkl ffhq.safetensors`", USAGE)
    form = _form(form, output)
    numbers = seeds_of(seeds)

    from ..checkpoints import CheckpointError, read
    from ..generators.loading import resolve

    source = resolve(network)
    if output.exists() and source.exists() and output.samefile(source):
        raise Failure(f"{output} is IN itself; give another name for OUT", USAGE)
    claim([output], force=force)
    try:
        checkpoint = read(source)
    except CheckpointError as error:
        raise Failure(f"{network} is refused: {error}", DATA) from error
    _tell(network, checkpoint)
    said = _expressible(checkpoint, form, numbers)
    if dry_run:
        count = sum(tensor.numel() for tensor in said.tensors.values())
        tell(Cost(2, count * (2 if dtype == StoredName.float16 else 4)), output)
        return
    home = next(folder for folder in output.absolute().parents if folder.is_dir())
    try:
        place = Path(tempfile.mkdtemp(prefix=".steerx-", dir=home))
    except OSError as error:  # its own words name the temporary folder
        raise Failure(
            f"{output}: {error.strerror}; nothing can be written to {home}", IO
        ) from error
    try:
        made = place / output.name
        _write(made, said, form, dtype)
        back = read(made)
        if verify:
            _verify(checkpoint, back, numbers, name=output)
        jobs.record(output, force=force, model=checkpoint.model_id)
        _rename(made, output, force=force)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    typer.echo(f"{output}: {form.value}, {dtype.value}, {size(output.stat().st_size)}")
    same = back.model_id == checkpoint.model_id
    what = "the same" if same else "another, by rounding: directions of IN need --any-checkpoint"
    typer.echo(f"model_id {back.model_id[:12]} ({what}); {checkpoint.facts['licence']}")


def _form(form: FormatName | None, output: Path) -> FormatName:
    """The format that is asked for, which the name of the file must not contradict."""
    suffix = output.suffix.lower()
    if form is None:
        for one, suffixes in _SUFFIXES.items():
            if suffix == suffixes[0]:
                return one
        raise Failure(f"OUT {output} ends in none of .safetensors, .pt, .pth; give --format", USAGE)
    if suffix not in _SUFFIXES[form]:
        wanted = " or ".join(_SUFFIXES[form])
        raise Failure(f"--format {form.value} writes {wanted} files, and OUT is {output}", USAGE)
    return form


def _tell(network: str, checkpoint: Checkpoint) -> None:
    """What was read, and what of it the file does not say itself."""
    config, facts = checkpoint.config, checkpoint.facts
    labels = f", {config.c_dim} classes" if config.c_dim else ""
    typer.echo(
        f"{network}: {facts['layout']} ({facts['container']}), {checkpoint.family}, "
        f"{config.resolution} px{labels}"
    )
    for name in _TOLD:
        value = facts.get(name)
        if value:
            words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            typer.echo(f"  {name.replace('_', ' ')}: {words}")


def _expressible(checkpoint: Checkpoint, form: FormatName, seeds: Sequence[int]) -> Checkpoint:
    """The checkpoint as the format can hold it: without a clamp that no picture of the seeds reaches.

    Raises:
        Failure: something would be lost that shows.
    """
    if form == FormatName.safetensors:
        return checkpoint
    from ..checkpoints import unsaid

    bare = checkpoint
    if checkpoint.config.conv_clamp is not None:
        bare = replace(checkpoint, config=replace(checkpoint.config, conv_clamp=None))
    lost = unsaid(bare, cast("Layout", form.value))
    if lost:
        raise Failure(
            f"--format {form.value}: such a file cannot hold {'; nor '.join(lost)}; convert to "
            ".safetensors instead",
            DATA,
        )
    if bare is not checkpoint:
        clamp = f"conv_clamp = {checkpoint.config.conv_clamp:g}"
        change, _ = _differences(checkpoint, bare, seeds)
        if change > 0:
            raise Failure(
                f"--format {form.value}: such a file cannot hold {clamp}, and without it pictures change "
                f"by {change:.1e}; convert to .safetensors instead",
                DATA,
            )
        typer.secho("warning: ", fg="yellow", nl=False, err=True)
        typer.echo(
            f"{clamp} is left out: {form.value} files cannot hold it, and the pictures of "
            f"{len(seeds)} seeds are the same without it",
            err=True,
        )
    return bare


def _write(path: Path, checkpoint: Checkpoint, form: FormatName, dtype: StoredName) -> None:
    import torch

    from ..checkpoints import export, write

    stored = getattr(torch, dtype.value)
    try:
        if form == FormatName.safetensors:
            write(path, checkpoint, dtype=stored)
        else:
            export(path, checkpoint, cast("Layout", form.value), dtype=stored)
    except ValueError as error:
        raise Failure(str(error), DATA) from error


def _verify(checkpoint: Checkpoint, back: Checkpoint, seeds: Sequence[int], *, name: Path) -> None:
    """Compare pictures and w of a file that was read back with those of the original.

    Raises:
        Failure: they differ by more than the tolerance.
    """
    images, w = _differences(checkpoint, back, seeds)
    line = (
        f"{len(seeds)} seeds, max |difference| of images {images:.1e}, of w {w:.1e} "
        f"(at most {TOLERANCE:g})"
    )
    if not max(images, w) <= TOLERANCE:
        raise Failure(f"--verify: {name} is not the same network: {line}; it was not kept", FAILED)
    typer.echo(f"verified: {line}")


def _differences(
    checkpoint: Checkpoint, other: Checkpoint, seeds: Sequence[int]
) -> tuple[float, float]:
    """Greatest |difference| of images and of w, in units of their range where that is above 1."""
    import torch

    from ..generators.loading import build

    networks = [build(one) for one in (checkpoint, other)]
    images = w = 0.0
    with torch.inference_mode():
        for k, seed in enumerate(seeds):
            label = k % checkpoint.config.c_dim if checkpoint.config.c_dim else None
            sides = [_rendered(G, seed, label) for G in networks]
            images = max(images, _greatest(sides[0][0], sides[1][0]))
            w = max(w, _greatest(sides[0][1], sides[1][1]))
    return images, w


def _rendered(G: Generator, seed: int, label: int | None) -> tuple[Any, Any]:
    """Picture and w of a seed; z where the network has no w."""
    z = G.codes([seed], space="z")
    if not G.has_styles():
        return G.renderer.render(G.enter(z, space="z", label=label)), z
    w = G.mapping(z, label)
    return G.renderer.render(G.styles(G.truncate(w))), w


def _greatest(a: Any, b: Any) -> float:
    difference = float((a - b).abs().max())
    # NaN is no agreement: it would lose every comparison with a tolerance.
    return difference / max(1.0, float(a.abs().max())) if difference == difference else float("inf")


def _rename(made: Path, output: Path, *, force: bool) -> None:
    """Give a finished file its name; without force never over another one."""
    from .._files import take_name

    take_name(made, output, overwrite=force)
