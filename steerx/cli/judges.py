"""`steerx augment`: the scorer of a job from the options that say it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import jobs
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
        Failure: settings of a scorer without one, or a scorer without names.
    """
    from ..augmentation import Judge

    try:
        low, high = map(float, reach.split(","))
    except ValueError as error:
        raise Failure(f"--reach must look like -6,6, got {reach!r}", USAGE) from error
    settings: dict[str, Any] = {"accept": tuple(accept), "tries": tries, "reach": (low, high)}
    settings |= {"tolerance": tolerance, "looks": looks}
    if scorer is None:
        for name, value in settings.items():
            if jobs.typed(name) or value != getattr(Judge, name):  # a job tells every default
                raise Failure(
                    f"--{name} needs a --scorer, which it is a setting of, got none; give --scorer faces, "
                    f"module:name or file.py:name, or leave --{name} out",
                    USAGE,
                )
        return None
    named = scorer_named(scorer, G)
    if named.names is None:
        raise Failure(f"--scorer {scorer}: it does not say its columns; give it .names", USAGE)
    return Judge(named.scorer, names=named.names, **settings)
