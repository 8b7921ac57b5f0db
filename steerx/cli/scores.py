"""Scores for commands that use them: of the built-in faces, or from a file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from . import jobs
from .failures import DATA, USAGE, Failure, argument
from .progress import rendering

if TYPE_CHECKING:
    from ..generators import Generator
    from ..scoring import Scores


def of_pictures(G: Generator, seeds: list[int], *, psi: float, label: int | None) -> Scores:
    """What the built-in scorer sees in the pictures of seeds."""
    from ..faces import scorer
    from ..scoring import Scores, score

    warn_of_strangers(G)
    judge = scorer().to(G.device)
    with rendering(G, "rendering and scoring", len(seeds)):
        values = score(G, judge, seeds=seeds, psi=psi, label=label)
    return Scores(values, judge.names, tuple(seeds))


def warn_of_strangers(G: Generator) -> None:
    """Say so where a scorer of the built-in faces is asked about another network."""
    from ..checkpoints import read
    from ..generators.loading import resolve

    if G.model_id != read(resolve("faces")).model_id:
        warnings.warn(
            "--scorer knows the built-in faces, and this is another network: unless it is a copy of "
            "theirs, the scores mean nothing; give scores of your own (`steerx score`, --scores FILE)",
            stacklevel=2,
        )


def of_truth(G: Generator, network: str, seeds: list[int]) -> Scores:
    """What is true of the built-in faces, known from z without looking at a picture.

    Raises:
        Failure: another network, whose pictures this knows nothing of.
    """
    from ..faces.truth import FACTORS, Z_DIM, factors
    from ..scoring import Scores

    if G.z_dim != Z_DIM:
        raise Failure(
            f"--scorer truth knows the built-in faces only, and {network} is another network; "
            "score its pictures with a scorer of your own (`steerx score`)",
            USAGE,
        )
    warn_of_strangers(G)
    z = G.codes(seeds=seeds, space="z")
    assert not isinstance(z, list)
    return Scores(factors(z), FACTORS, tuple(seeds))


def from_file(path: Path, *, invalid: float | None = None) -> Scores:
    """Scores of a file: see `steerx.scoring.Scores.load`.

    Raises:
        Failure: a file that holds no scores.
        OSError: the file cannot be read.
    """
    from ..scoring import Scores, ScoresFileError

    try:
        return Scores.load(path, invalid=invalid)
    except ScoresFileError as error:
        raise Failure(str(error), DATA) from error


def check_made_alike(source: Path, **now: object) -> None:
    """Warn where the job beside a file of scores says that its pictures were made otherwise.

    Args:
        source: the scores; scores.csv has scores.job.yaml beside it where `steerx score` made it.
        now: options of this command that must be what they were, by the names that jobs have.
    """
    beside = source.with_suffix(".job.yaml")
    if not beside.is_file():
        return
    try:
        job = jobs.read(beside)
    except (Failure, OSError):  # nobody asked for it; the scores stand for themselves
        return
    if job.command != "score":
        return
    for name, value in now.items():
        was = job.arguments.get(name)
        if was != value and not (was is None and value is None):
            option = "--" + name.replace("_", "-")
            warnings.warn(
                f"{source} was made with {option} {was} (says {beside}), and this command has {value}: "
                "the scores may not belong to these codes",
                stacklevel=2,
            )


def of_seeds(scores: Scores, seeds: list[int] | None, source: Path) -> Scores:
    """Scores of a file with the seed of each row: its own (those asked for), or else the ones given.

    Args:
        scores: of `from_file`.
        seeds: of --seeds; None = those that the file says, else 0, 1, 2, ...
        source: the file, for messages.

    Raises:
        Failure: seeds that the file does not score, or another number of them.
    """
    from ..scoring import Scores

    if scores.seeds is not None:
        with argument(f"--seeds, {source}"):
            return scores if seeds is None else scores.aligned(seeds)
    given = range(len(scores)) if seeds is None else seeds
    if len(given) != len(scores):
        raise Failure(
            f"--seeds names {len(given)} seeds, and {source} scores {len(scores)} images", USAGE
        )
    return Scores(scores.values, scores.names, tuple(given))
