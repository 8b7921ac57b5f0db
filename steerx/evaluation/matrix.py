"""`Effects`: what K directions did to A' attributes of pictures, as statistics over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Leak(NamedTuple):
    """How far the other attributes moved while the target moved as far as was asked for.

    Attributes:
        alpha: [K], where the target moves that far; NaN where it never does.
        mean: [K], mean over the other attributes of mean_n |change| / sigma (AD of StyleSpace).
        largest: [K], the largest of these.
    """

    alpha: Tensor
    mean: Tensor
    largest: Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Effects:
    """Effects of K directions on A' attributes at A edit strengths, over N seeds.

    All are in units of sigma, the standard deviation of an attribute over the unedited pictures, so
    that scaling a score changes nothing. Tensors are float64 on the CPU.

    Attributes:
        directions: names of the K directions.
        attributes: names of the A' attributes.
        targets: per direction the number of the attribute that it is meant to move.
        alphas: the A edit strengths, ascending, 0 among them.
        count: N.
        sigma: [A'], in units of the scorer.
        dS: [K, A', A], mean change mean_n(score(edited) - score(unedited)) / sigma, signed.
        size: [K, A', A], mean_n |score(edited) - score(unedited)| / sigma.
        slope: [K, A'], least-squares slope of the score on alpha, per seed, then the mean.
        r: [K, A'], Pearson correlation of score and alpha, per seed, then the mean; a seed whose
            score does not move counts as 0. |r| near 1: the attribute follows alpha in a line.
        monotonic: [K, A'], share of the seeds whose scores rise, or fall, at every step of alpha.
        baseline: the same for random directions of the same step length, or None.
    """

    directions: tuple[str, ...]
    attributes: tuple[str, ...]
    targets: tuple[int, ...]
    alphas: tuple[float, ...]
    count: int
    sigma: Tensor
    dS: Tensor
    size: Tensor
    slope: Tensor
    r: Tensor
    monotonic: Tensor
    baseline: Effects | None = None

    def __repr__(self) -> str:
        k, a, n = len(self.directions), len(self.attributes), self.count
        return f"Effects({k} directions on {a} attributes over {n} seeds, alphas {self.alphas})"

    def at(self, change: float = 1.0) -> Tensor:
        """Mean changes [K, A'] of all attributes where the target changes by `change` sigma.

        Matched target change, not matched alpha, is what makes two directions comparable. dS is
        taken as straight between alphas; of the two sides of 0 the nearer one counts.

        Args:
            change: wanted mean change of the target, in sigma, signed, not 0.

        Returns:
            [K, A']; a row of NaN where the target never changes that much.

        Raises:
            ValueError: a change that is 0 or not finite.
        """
        return self._between(self.dS, self._matched("Effects.at", change))

    def leak(self, change: float = 1.0) -> Leak:
        """What moves beside the target at matched target change (attribute dependency).

        Args:
            change: wanted mean change of the target, in sigma, signed, not 0.

        Raises:
            ValueError: a change that is 0 or not finite, or no attribute beside the target.

        Source: Wu, Lischinski and Shechtman, "StyleSpace analysis", CVPR 2021, section 5.
        """
        if len(self.attributes) < 2:
            raise ValueError(
                f"Effects.leak: {self.attributes[0]} is the only attribute, so nothing can leak; "
                "use a scorer of two attributes or more"
            )
        alpha = self._matched("Effects.leak", change)
        sizes = self._between(self.size, alpha)
        others = torch.ones_like(sizes, dtype=torch.bool)
        others[torch.arange(len(sizes)), list(self.targets)] = False
        rest = sizes[others].view(len(sizes), -1)
        return Leak(alpha, rest.mean(dim=1), rest.amax(dim=1))

    def _matched(self, what: str, change: float) -> Tensor:
        """Alpha [K] nearest to 0 where the target's mean change is `change`, or NaN."""
        if not math.isfinite(change) or change == 0:
            raise ValueError(f"{what}: change must be a finite number of sigma but 0, got {change}")
        found = [
            _first_crossing(self.alphas, self.dS[k, target].tolist(), change)
            for k, target in enumerate(self.targets)
        ]
        return torch.tensor(found, dtype=torch.float64)

    def _between(self, table: Tensor, alpha: Tensor) -> Tensor:
        """A table [K, A', A] read at one alpha per direction [K], straight between its columns."""
        places = torch.tensor(self.alphas, dtype=torch.float64)
        right = torch.searchsorted(places, alpha.nan_to_num(0.0)).clamp(1, len(places) - 1)
        share = (alpha - places[right - 1]) / (places[right] - places[right - 1])
        rows = torch.arange(len(alpha))
        low, high = table[rows, :, right - 1], table[rows, :, right]
        return low + share[:, None] * (high - low)


def _first_crossing(alphas: Sequence[float], changes: Sequence[float], wanted: float) -> float:
    """Alpha nearest to 0 where the line through (alphas, changes) has the wanted height, or NaN."""
    crossings = []
    for i in range(len(alphas) - 1):
        low, high = changes[i], changes[i + 1]
        if low != high and min(low, high) <= wanted <= max(low, high):
            crossings.append(
                alphas[i] + (wanted - low) / (high - low) * (alphas[i + 1] - alphas[i])
            )
    return min(crossings, key=abs, default=math.nan)
