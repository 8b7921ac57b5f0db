"""What sample i of a plan is: a pure function of (plan, i), whatever the batch, the order or the worker.

Random numbers are Philox, keyed by the plan's key and what they are for, and counted by the sample or its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Final

import numpy as np
import torch
from torch import Tensor

from .._seeds import normal, philox, subkey, z_from_seeds
from .alphas import Draws, Target
from .plan import Drawn, Plan, Seeded

LATENT: Final = 0
NOISE: Final = 1
UNIFORM: Final = 2
NORMAL: Final = 3
FIRST: Final = 4  # where a source begins in the turns of directions and of fixed alphas
AGAIN: Final = 5  # z of a sample whose first picture was refused
_TRY: Final = 48  # bit of a sample's counter from which its tries are counted


@dataclass(frozen=True, eq=False)
class Samples:
    """Some samples of a plan.

    Attributes:
        ids: [B] int64.
        sources: number of each one's source [B] int64.
        alphas: [B, K] float64; NaN where a sample is not moved along a direction, and where its alpha is
            still to be sought.
        targets: scores that are sought [B, K] float64; NaN where none is.
        tries: pictures of each that were refused before this one [B] int64.
    """

    ids: Tensor
    sources: Tensor
    alphas: Tensor
    targets: Tensor
    tries: Tensor

    @property
    def moved(self) -> Tensor:
        """Whether each sample is moved along each direction [B, K]."""
        return ~(self.alphas.isnan() & self.targets.isnan())

    def first(self, count: int) -> Samples:
        """The first of them."""
        return Samples(*(getattr(self, part.name)[:count] for part in fields(self)))


def samples_of(plan: Plan, ids: Sequence[int], tries: Tensor | None = None) -> Samples:
    """Which source each sample has, and how far it is moved along each direction.

    Args:
        plan: the plan.
        ids: of the samples.
        tries: which of its draws each sample is at [B]; None = all at the first.
    """
    numbers = torch.tensor(ids, dtype=torch.int64)
    if tries is None:
        tries = torch.zeros_like(numbers)
    counters = numbers + (tries << _TRY)
    sources = numbers // plan.per_source
    turns = numbers % plan.per_source - int(plan.keep_original)  # -1: unedited
    count = len(plan.edits)
    alphas = torch.full((len(numbers), count), torch.nan, dtype=torch.float64)
    targets = alphas.clone()
    if count == 0 or len(numbers) == 0:
        return Samples(numbers, sources, alphas, targets, tries)
    first = _words(plan, FIRST, sources, count + 1)
    uniform = (_words(plan, UNIFORM, counters, count).double() + 0.5) / 2**32
    normals = normal(subkey(plan.key, NORMAL), counters, count).double()
    before = turns * plan.at_once  # how many moves the source's earlier samples have had
    before_all = sources * plan.edits_per_source * plan.at_once + before
    for k, edit in enumerate(plan.edits):
        ahead = (k - first[:, count] - before) % count  # moves until it is direction k's turn
        moved = (turns >= 0) & (ahead < plan.at_once)
        turn = (before + ahead) // count + first[:, k]
        draws = Draws(turn, (before_all + ahead) // count, uniform[:, k], normals[:, k])
        told, column = edit.alphas, alphas[:, k]
        if isinstance(told, Target):
            told, column = told.scores, targets[:, k]
        column[moved] = told.at(draws)[moved]
    return Samples(numbers, sources, alphas, targets, tries)


def drawn_z(plan: Plan, samples: Samples, z_dim: int) -> Tensor:
    """z [B, Z] float32 of samples whose sources are drawn, or seeds.

    A sample whose first picture was refused has a z of its own from then on, where sources are drawn.
    """
    if isinstance(plan.sources, Seeded):
        return z_from_seeds(seeds_at(plan.sources, samples.sources.tolist()), z_dim)
    assert isinstance(plan.sources, Drawn)
    z = normal(subkey(plan.key, LATENT), samples.sources, z_dim)
    if not bool(samples.tries.any()):
        return z
    again = normal(subkey(plan.key, AGAIN), samples.ids + (samples.tries << _TRY), z_dim)
    return torch.where(samples.tries[:, None] > 0, again, z)


def seeds_at(sources: Seeded, places: Sequence[int]) -> list[int]:
    """The seeds at some places of a list that is kept as ranges."""
    ends = list(accumulate(last - first + 1 for first, last in sources.ranges))
    rows = np.searchsorted(ends, places, side="right")
    return [
        sources.ranges[row][1] - (ends[row] - 1 - place)
        for row, place in zip(rows.tolist(), places, strict=True)
    ]


def _words(plan: Plan, purpose: int, ids: Tensor, count: int) -> Tensor:
    """Random 32-bit words [B, count]."""
    return philox(subkey(plan.key, purpose), ids, -(-count // 4)).flatten(1)[:, :count]
