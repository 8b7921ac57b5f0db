"""`steerx mine`: find directions, one command per method."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import jobs
from . import scores as scores_of
from .failures import USAGE, Failure
from .opening import check_codes, open_generator
from .options import (
    Class,
    Device,
    Force,
    JobFile,
    Layers,
    Network,
    Output,
    SpaceName,
    named,
    rows_of,
    seeds_of,
)
from .progress import mapping, progress
from .tables import table
from .writing import claim

if TYPE_CHECKING:
    from torch import Tensor

    from ..directions import Directions, InterFaceGAN
    from ..generators import Generator

app = typer.Typer(help="Find directions: sefa, ganspace or interfacegan.", no_args_is_help=False)

CODES = 10_000  # mapped at a time


class ToRGBName(StrEnum):
    """Which to_rgb layers SeFa reads."""

    last = "last"
    none = "none"
    first = "first"
    all = "all"


class ScorerName(StrEnum):
    """Who scores."""

    faces = "faces"
    truth = "truth"


class SolverName(StrEnum):
    """How InterFaceGAN finds a boundary."""

    svm = "svm"
    ridge = "ridge"
    mean = "mean"


Count = Annotated[int, typer.Option("-k", help="How many directions.", min=1)]
Draw = Annotated[int, typer.Option("--seed", help="Of the random draw.", min=0)]


@app.command("sefa")
def sefa(
    network: Network = None,
    k: Count = 5,
    layers: Layers = "all",
    to_rgb: Annotated[
        ToRGBName, typer.Option("--to-rgb", help="Which to_rgb count.")
    ] = ToRGBName.last,
    per_layer: Annotated[bool, typer.Option("--per-layer", help="k directions per layer.")] = False,
    output: Output = None,
    force: Force = False,
    job: JobFile = None,
) -> None:
    """SeFa: eigenvectors of the style weights; no picture is rendered."""
    network = named(network)
    file = _claimed(output, "sefa", force)
    G = open_generator(network, device="cpu", dtype="float32")
    if "w_plus" in G.spaces:
        rows_of(layers, G.num_ws)

    from ..directions import SeFa

    method = SeFa(layers=layers, k=k, to_rgb=to_rgb.value, per_layer=per_layer).fit(G)
    _save(method.directions_, file, force)
    _show(method.directions_)


@app.command("ganspace")
def ganspace(
    network: Network = None,
    k: Count = 10,
    n: Annotated[int, typer.Option("-n", help="How many codes are drawn.", min=2)] = 100_000,
    layers: Layers = "all",
    seed: Draw = 0,
    label: Class = None,
    output: Output = None,
    device: Device = "auto",
    force: Force = False,
    job: JobFile = None,
) -> None:
    """GANSpace: principal components of w; alpha = 1 is one standard deviation."""
    network = named(network)
    file = _claimed(output, "ganspace", force)
    G = open_generator(network, device=device, dtype="float32")
    check_codes(G, label)
    rows_of(layers, G.num_ws)

    from ..directions import GANSpace

    method = GANSpace(k=k, n=n, layers=layers, seed=seed)
    with mapping(G, "mapping codes", n):
        method.fit(G, label=label)
    _save(method.directions_, file, force)
    _show(method.directions_)


@app.command("interfacegan")
def interfacegan(
    network: Network = None,
    scorer: Annotated[
        ScorerName | None,
        typer.Option("--scorer", help="faces looks at pictures; truth knows the built-in faces."),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--scores", help="Scores of seeds 0, 1, ...: .csv with names, or .npy [N, A]."
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", help="With --scorer: seeds 0 ... samples-1.", min=8)
    ] = 4000,
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="Seeds that were scored, instead of 0, 1, ...")
    ] = None,
    attributes: Annotated[
        str | None, typer.Option("--attributes", help="Some of the attributes: smile,age.")
    ] = None,
    space: Annotated[SpaceName, typer.Option("--space", help="Where codes live.")] = SpaceName.w,
    solver: Annotated[
        SolverName, typer.Option("--solver", help="svm is as published; ridge is fast.")
    ] = SolverName.svm,
    ratio: Annotated[
        float, typer.Option("--ratio", help="Share of the codes in each extreme class.")
    ] = 0.02,
    trunc: Annotated[
        float,
        typer.Option("--trunc", help="Truncation psi of the scored pictures."),
    ] = 1.0,
    seed: Draw = 0,
    label: Class = None,
    output: Output = None,
    device: Device = "auto",
    force: Force = False,
    job: JobFile = None,
) -> None:
    """InterFaceGAN: boundaries between codes of high and of low score."""
    network = named(network)
    if (scorer is None) == (scores is None):
        raise Failure("give --scorer faces, or --scores FILE", USAGE)
    file = _claimed(output, "interfacegan", force)
    read = None if scores is None else scores_of.from_file(scores)
    G = open_generator(network, device=device, dtype="float32")
    check_codes(G, label, trunc)
    numbers = seeds_of(seeds) if seeds is not None else list(range(samples))
    if scorer == ScorerName.faces:
        read = scores_of.of_pictures(G, numbers, psi=trunc, label=label)
    elif read is None:
        read = scores_of.of_truth(G, network, numbers)
    elif read.seeds is not None:
        numbers = read.seeds
    elif seeds is None:
        numbers = list(range(len(read.values)))
    if len(numbers) != len(read.values):
        raise Failure(
            f"--seeds names {len(numbers)} seeds, and {scores} scores {len(read.values)}", USAGE
        )
    read = read.only(attributes)

    from ..directions import InterFaceGAN

    codes = _codes(G, numbers, space=space.value, psi=trunc, label=label)
    method = InterFaceGAN(
        ratio, solver=solver.value, space=space.value, seed=seed, names=read.names
    )
    method.fit(codes, read.values, G, label=label, truncation=(trunc, None))
    _save(method.directions_, file, force)
    _show(method.directions_, method)


def _codes(G: Generator, seeds: list[int], *, space: str, psi: float, label: int | None) -> Tensor:
    """Codes [N, D] of many seeds, some at a time."""
    import torch

    parts = []
    with progress("drawing codes", len(seeds)) as advance:
        for first in range(0, len(seeds), CODES):
            some = seeds[first : first + CODES]
            part = G.codes(seeds=some, space=space, psi=psi, label=label)
            assert not isinstance(part, list)  # only styles are lists
            parts.append(part)
            advance(len(some))
    return torch.cat(parts)


def _claimed(output: Path | None, method: str, force: bool) -> Path:
    file = Path(f"{method}.safetensors") if output is None else output
    if file.suffix.lower() != ".safetensors":
        raise Failure(f"--output must end in .safetensors, got {str(file)!r}", USAGE)
    claim([file], force=force)
    return file


def _save(directions: Directions, file: Path, force: bool) -> None:
    jobs.record(file, force=force)
    directions.save(file, overwrite=force)
    typer.echo(f"{len(directions)} directions in {file}")


def _show(directions: Directions, boundaries: InterFaceGAN | None = None) -> None:
    """What was found: a line per direction."""
    from .._layers import format_layers

    d = directions
    head = ["name", "layers"]
    columns: list[Sequence[str]] = [
        d.names,
        ["all" if rows is None else format_layers(rows) for rows in d.layers],
    ]
    if d.unit == "sigma":
        head.append("sigma")
        columns.append([f"{value:.4g}" for value in d.scale.tolist()])
    if d.scores is not None:
        head.append((d.score_name or "score").replace("_", " "))
        columns.append([f"{value:.4g}" for value in d.scores.tolist()])
    if boundaries is not None:
        for part in ("train", "middle"):
            head.append(f"{part} accuracy")
            means = boundaries.accuracy_[part].reshape(len(d), -1).mean(dim=1)
            columns.append(["-" if value != value else f"{value:.4g}" for value in means.tolist()])
    table(zip(*columns, strict=True), head=head)
