"""Mean and covariance of a stream of rows, exact in float64 whatever the chunks."""

from __future__ import annotations

import torch
from torch import Tensor


class Moments:
    """Running count n, mean [D] and sum of squares about it M2 [D, D].

    Two parts merge as n = n_a + n_b, mean = mean_a + delta n_b / n, M2 = M2_a + M2_b + delta deltaᵀ
    n_a n_b / n with delta = mean_b - mean_a, so nothing cancels and the order of chunks does not
    matter beyond rounding.

    Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances", 1979.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(0, dtype=torch.float64)
        self.squares = torch.zeros(0, 0, dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Take in rows [N, D]."""
        chunk = rows.detach().double()
        count, mean = len(chunk), chunk.mean(dim=0)
        centred = chunk - mean
        if self.count == 0:
            self.count, self.mean, self.squares = count, mean, centred.T @ centred
            return
        total, delta = self.count + count, mean - self.mean
        # In place: of [D, D] there is one, which matters at thousands of features.
        self.squares.addmm_(centred.T, centred)
        self.squares.addr_(delta, delta, alpha=self.count * count / total)
        self.mean = self.mean + delta * (count / total)
        self.count = total

    def covariance(self) -> Tensor:
        """[D, D] with denominator n - 1."""
        return self.squares / (self.count - 1)
