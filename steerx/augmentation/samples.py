"""What sample i of a plan is: a pure function of (plan, i), whatever the batch, the order or the worker.

Random numbers are Philox, keyed by the plan's key and what they are for, and counted by the sample or its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
import torch
from torch import Tensor

from .._seeds import normal, philox, subkey, z_from_seeds
from .plan import Drawn, Plan, Seeded

LATENT: Final = 0
NOISE: Final = 1
UNIFORM: Final = 2
NORMAL: Final = 3
FIRST: Final = 4  # where a source begins in the turns of directions and of fixed alphas


@dataclass(frozen=True, eq=False)
class Samples:
    """Some samples of a plan.

    Attributes:
        ids: [B] int64.
        sources: number of each one's source [B] int64.
        alphas: [B, K] float64; NaN where a sample is not moved along a direction.
    """

    ids: Tensor
    sources: Tensor
    alphas: Tensor


def samples_of(plan: Plan, ids: Sequence[int]) -> Samples:
    """Which source each sample has, and how far it is moved along each direction."""
    numbers = torch.tensor(ids, dtype=torch.int64)
    sources = numbers // plan.per_source
    turns = numbers % plan.per_source - int(plan.keep_original)  # -1: unedited
    count = len(plan.edits)
    alphas = torch.full((len(numbers), count), torch.nan, dtype=torch.float64)
    if count == 0 or len(numbers) == 0:
        return Samples(numbers, sources, alphas)
    first = _words(plan, FIRST, sources, count + 1)
    uniform = (_words(plan, UNIFORM, numbers, count).double() + 0.5) / 2**32
    normals = normal(subkey(plan.key, NORMAL), numbers, count).double()
    before = turns * plan.at_once  # how many moves the source's earlier samples have had
    for k, edit in enumerate(plan.edits):
        ahead = (k - first[:, count] - before) % count  # moves until it is direction k's turn
        moved = (turns >= 0) & (ahead < plan.at_once)
        turn = (before + ahead) // count + first[:, k]
        found = edit.alphas.at(turn, uniform[:, k], normals[:, k])
        alphas[:, k] = torch.where(moved, found, alphas[:, k])
    return Samples(numbers, sources, alphas)


def drawn_z(plan: Plan, sources: Tensor, z_dim: int) -> Tensor:
    """z [B, Z] float32 of sources that are drawn, or seeds."""
    if isinstance(plan.sources, Seeded):
        return z_from_seeds(seeds_at(plan.sources, sources.tolist()), z_dim)
    assert isinstance(plan.sources, Drawn)
    return normal(subkey(plan.key, LATENT), sources, z_dim)


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
