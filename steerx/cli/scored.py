"""Codes and their scores, for `steerx mine interfacegan`: drawn, rendered and scored, or from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .dry_run import measured
from .failures import DATA, USAGE, Failure
from .opening import in_options, open_codes
from .options import SpaceName
from .progress import progress, rendering

if TYPE_CHECKING:
    from torch import Tensor

    from ..generators import Generator
    from ..scoring import Scores
    from .scorers import Named

BoundarySpace = Literal["z", "w", "w_plus"]
CODES = 10_000  # drawn at a time


def pictures_scored(
    G: Generator, judge: Named, seeds: Sequence[int], *, psi: float, label: int | None
) -> Scores:
    """What a scorer sees in the pictures of seeds."""
    from ..scoring import Scores, score

    with rendering(G, "rendering and scoring", len(seeds)):
        values = score(G, judge.scorer, seeds=seeds, psi=psi, label=label, names=judge.names)
    names = judge.names or tuple(f"attribute{k}" for k in range(values.shape[1]))
    return Scores(values, names, tuple(seeds))


def seconds_each(G: Generator, judge: Named, *, psi: float, label: int | None) -> float:
    """Seconds that rendering and scoring a picture take, from a probe of a batch."""
    from ..scoring import batch_size, score

    seeds = range(batch_size("score", G, None))
    return measured(lambda: score(G, judge.scorer, seeds=seeds, psi=psi, label=label)) / len(seeds)


def codes_drawn(
    G: Generator, seeds: Sequence[int], *, space: str, psi: float, label: int | None
) -> Tensor:
    """Codes [N, D] (w_plus: [N, L, D]) of many seeds, some at a time."""
    import torch

    parts = []
    with progress("drawing codes", len(seeds)) as advance, torch.inference_mode():
        for first in range(0, len(seeds), CODES):
            some = seeds[first : first + CODES]
            part = G.codes(seeds=some, space=space, psi=psi, label=label)
            assert not isinstance(part, list)  # only styles are lists
            parts.append(part)
            advance(len(some))
    return torch.cat(parts)


def codes_of_file(
    file: Path, scores: Scores, G: Generator, *, space: SpaceName | None
) -> tuple[Tensor, BoundarySpace]:
    """The code of each row of scores, and the space of the codes.

    Rows of scores that have a seed (or the number of a picture file) have the code of that row.

    Raises:
        Failure: a file that holds no codes of this generator, or too few of them.
        OSError: a file that cannot be read.
    """
    saved = open_codes(file, G, space=space)
    codes = saved.codes
    try:
        where = G.space_of("mine interfacegan", codes, saved.space)
    except ValueError as error:
        raise Failure(f"{file}: {in_options(str(error))}", USAGE) from error
    if isinstance(codes, list) or where == "styles":
        raise Failure(f"{file} holds styles; boundaries are of z, w or w_plus", DATA)
    if scores.seeds is not None:
        last = max(scores.seeds)
        if last >= len(codes):
            raise Failure(
                f"{file} holds codes 0-{len(codes) - 1}, and there are scores of picture {last}",
                DATA,
            )
        return codes[list(scores.seeds)], where
    if len(scores) != len(codes):
        raise Failure(
            f"{file} holds {len(codes)} codes, and there are {len(scores)} rows of scores; each code "
            "needs its row",
            DATA,
        )
    return codes, where
