"""`steerx augment`: the scorer of a job from the options that say it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import USAGE, Failure
from .scorers import scorer_named

if TYPE_CHECKING:
    from ..augmentation import Judge
    from ..generators import Generator

ScorerName = Annotated[
    str | None,
    typer.Option(
        "--scorer",
        help="faces, module:name or file.py:name; its scores stand beside each picture.",
        show_default=False,
    ),
]
Accept = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        help="Rule that a picture must keep: reached, quality>=0.5, drift(pose,age)<=1. May be repeated.",
        show_default=False,
    ),
]
Tries = Annotated[
    int, typer.Option("--tries", help="Draws of a sample before it is left out.", min=1)
]
Reach = Annotated[
    str, typer.Option("--reach", help="Lowest and highest alpha sought for a target.")
]
Tolerance = Annotated[
    float, typer.Option("--tolerance", help="Of a score that is a target.", min=1e-6)
]
Looks = Annotated[
    int, typer.Option("--looks", help="Pictures that a search for a target may render.", min=1)
]


def judge_of(
    G: Generator,
    scorer: str | None,
    accept: Sequence[str],
    *,
    tries: int,
    reach: str,
    tolerance: float,
    looks: int,
) -> Judge | None:
    """The judge that options mean; None without a scorer.

    Raises:
        Failure: rules without a scorer, or a scorer without names.
    """
    from ..augmentation import Judge

    if scorer is None:
        if accept or tries > 1:
            raise Failure(
                "--accept and --tries need a --scorer, which says what is accepted", USAGE
            )
        return None
    named = scorer_named(scorer, G)
    if named.names is None:
        raise Failure(f"--scorer {scorer}: it does not say its columns; give it .names", USAGE)
    try:
        low, high = map(float, reach.split(","))
    except ValueError as error:
        raise Failure(f"--reach must look like -6,6, got {reach!r}", USAGE) from error
    return Judge(
        named.scorer,
        names=named.names,
        accept=accept,
        tries=tries,
        reach=(low, high),
        tolerance=tolerance,
        looks=looks,
    )
