"""`steerx mine interfacegan`: boundaries between codes of high and of low score."""

from __future__ import annotations

import math
import warnings
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import scores as scores_of
from .dry_run import Cost, tell
from .failures import DATA, USAGE, Failure, argument
from .found import claimed, save, show, show_correlation, size
from .opening import check_codes, in_options, open_generator
from .options import (
    Class,
    Device,
    Draw,
    DryRun,
    Force,
    JobFile,
    MotionName,
    Network,
    Output,
    SpaceName,
    named,
    seeds_of,
)
from .scored import BoundarySpace, codes_drawn, codes_of_file, pictures_scored, seconds_each
from .scorers import Named, scorer_named

if TYPE_CHECKING:
    from ..directions import Directions
    from ..scoring import Scores


class SolverName(StrEnum):
    """How InterFaceGAN finds a boundary."""

    svm = "svm"
    ridge = "ridge"
    mean = "mean"


class OriginName(StrEnum):
    """Where an absolute distance is measured from."""

    zero = "zero"
    boundary = "boundary"


def interfacegan(
    network: Network = None,
    scorer: Annotated[
        str | None,
        typer.Option(
            "--scorer",
            help="faces looks at pictures; truth knows the built-in faces; module:function or "
            "file.py:function is code of your own.",
        ),
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
    codes: Annotated[
        Path | None,
        typer.Option("--codes", help="Codes that were scored, instead of seeds; needs --scores."),
    ] = None,
    space: Annotated[
        SpaceName | None,
        typer.Option(
            "--space",
            help="Where codes live; w_plus gives a boundary per layer.",
            show_default="w",
        ),
    ] = None,
    attributes: Annotated[
        str | None, typer.Option("--attributes", help="Some of the attributes: smile,age.")
    ] = None,
    solver: Annotated[
        SolverName, typer.Option("--solver", help="svm is as published; ridge is fast.")
    ] = SolverName.svm,
    ratio: Annotated[
        float,
        typer.Option(
            "--ratio",
            help="Share of the codes in each extreme class; above 1: how many codes in each.",
        ),
    ] = 0.02,
    split: Annotated[
        float, typer.Option("--split", help="Share of each class that trains; the rest validates.")
    ] = 0.7,
    C: Annotated[float, typer.Option("--C", help="Of the svm.")] = 1.0,
    invalid: Annotated[
        float | None,
        typer.Option("--invalid", help="A score that marks a code without one, such as nan."),
    ] = None,
    motion: Annotated[
        MotionName,
        typer.Option("--motion", help="What alpha does: is added, or (absolute) is the distance."),
    ] = MotionName.relative,
    origin: Annotated[
        OriginName, typer.Option("--origin", help="Of absolute distances; zero is as published.")
    ] = OriginName.zero,
    compat: Annotated[
        Literal["interfacegan"] | None,
        typer.Option("--compat", help="Split as this published program does."),
    ] = None,
    trunc: Annotated[
        float,
        typer.Option("--trunc", help="Truncation psi of the scored pictures."),
    ] = 1.0,
    seed: Draw = 0,
    label: Class = None,
    output: Output = None,
    device: Device = "auto",
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """InterFaceGAN: boundaries between codes of high and of low score."""
    network = named(network)
    if (scorer is None) == (scores is None):
        raise Failure("give --scorer faces, or --scores FILE", USAGE)
    if codes is not None and (scores is None or seeds is not None):
        raise Failure(
            "--codes needs --scores FILE, a row per code, and no --seeds; `steerx score --codes` "
            "makes one",
            USAGE,
        )
    _check(ratio, split, C, motion, origin, space)
    file = claimed(output, "interfacegan", force)
    numbers = None if seeds is None else seeds_of(seeds)
    known = None if scores is None else scores_of.from_file(scores, invalid=invalid)
    G = open_generator(network, device=device, dtype="float32")
    judge: Named | None = None
    if known is not None and codes is None:
        scores_of.check_made_alike(scores or Path(), **{"trunc": trunc, "class": label})
        known = scores_of.of_seeds(known, numbers, scores or Path())
    elif known is None:
        numbers = list(range(samples)) if numbers is None else numbers
        if scorer == "truth":
            known = scores_of.of_truth(G, network, numbers)
        else:
            judge = scorer_named(scorer or "", G, known=("faces", "truth"))
    with argument("--attributes"):
        known = None if known is None else known.only(attributes)
    where: BoundarySpace = "w" if space is None else space.value
    if codes is None:
        check_codes(G, label, trunc)
    else:
        assert known is not None
        rows, where = codes_of_file(codes, known, G, space=space)
    if dry_run:
        count = len(numbers or ())
        took = None if judge is None else count * seconds_each(G, judge, psi=trunc, label=label)
        cost = size(len(known.names) if known else 1, G.w_dim or G.z_dim, covariance=True)
        tell(Cost(2, cost, count if judge else 0, took), file)
        return
    if judge is not None:
        assert numbers is not None
        known = pictures_scored(G, judge, numbers, psi=trunc, label=label).only(attributes)
    assert known is not None
    if codes is None:
        assert known.seeds is not None
        rows = codes_drawn(G, known.seeds, space=where, psi=trunc, label=label)

    from ..directions import InterFaceGAN

    method = InterFaceGAN(
        ratio,
        split=split,
        solver=solver.value,
        C=C,
        space=where,
        invalid=invalid,
        seed=seed,
        names=known.names,
        motion=motion.value,
        origin=origin.value,
        compat=compat,
    )
    try:
        method.fit(rows, known.values, G, label=label, truncation=(trunc, None))
    except ValueError as error:
        raise Failure(in_options(str(error)), DATA) from error
    save(method.directions_, file, force=force, model=G.model_id)
    show(method.directions_, method)
    if len(known.names) > 1:
        _show_correlation(known, method.directions_, invalid)


def _check(
    ratio: float,
    split: float,
    C: float,
    motion: MotionName,
    origin: OriginName,
    space: SpaceName | None,
) -> None:
    """Refuse numbers and choices that mean nothing, before any work.

    Raises:
        Failure: one of them.
    """
    if not 0 < ratio < math.inf or (ratio > 1 and ratio != int(ratio)):
        raise Failure(
            f"--ratio must be a share such as 0.02, or a whole number of codes, got {ratio:g}",
            USAGE,
        )
    if not 0 < split <= 1:
        raise Failure(f"--split must be above 0 and at most 1, got {split:g}", USAGE)
    if not 0 < C < math.inf:
        raise Failure(f"--C must be above 0, got {C:g}", USAGE)
    if motion == MotionName.absolute and space == SpaceName.w_plus:
        raise Failure("--motion absolute is a distance in z or w; give --space z or w", USAGE)
    if origin == OriginName.boundary and motion == MotionName.relative:
        raise Failure("--origin boundary is of distances; add --motion absolute", USAGE)


def _show_correlation(scores: Scores, directions: Directions, invalid: float | None) -> None:
    """How the attributes hang together; where that cannot be said, one line says why."""
    from ..directions.correlation import correlate

    try:
        found = correlate(scores.values, directions, invalid=invalid)
    except ValueError as error:  # rows without a score may leave none that has all
        warnings.warn(f"no table of correlations: {error}", stacklevel=2)
    else:
        show_correlation(found)
