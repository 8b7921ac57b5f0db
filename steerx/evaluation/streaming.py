"""Sums over seeds from which all statistics of `Effects` follow; no score is kept."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDING = 1e-6  # of a score computed in float32: pictures differ by as much from batch to batch


class Sums:
    """Streams scores [N, K, A, A'] in chunks of N; holds [K, A, A'] whatever the number of seeds.

    Args:
        alphas: [A] float64, ascending.
        unedited: column of alpha 0.
    """

    def __init__(self, alphas: Tensor, unedited: int) -> None:
        self.alphas, self.unedited = alphas, unedited
        self.count = 0
        self._shift = self._mean = self._squares = torch.zeros(0, dtype=torch.float64)
        self._largest = torch.zeros(0, dtype=torch.float64)
        self._changes: dict[str, Tensor] = {}

    def add(self, scores: Tensor) -> None:
        """Take in the scores of some more seeds."""
        s = scores.double()
        base = s[:, 0, self.unedited]  # [N, A'], the same picture for every direction
        if not self.count:
            self._shift = base[0].clone()  # a large common offset must not cost digits
            self._mean, self._squares = torch.zeros_like(base[0]), torch.zeros_like(base[0])
            self._largest = torch.zeros_like(base[0])
        self.count += len(s)
        self._largest = torch.maximum(self._largest, s.abs().amax(dim=(0, 1, 2)))
        self._mean += (base - self._shift).sum(dim=0)
        self._squares += (base - self._shift).square().sum(dim=0)
        change = s - base[:, None, None]
        about = self.alphas - self.alphas.mean()
        centred = change - change.mean(dim=2, keepdim=True)
        pull = torch.einsum("a,nkab->nkb", about, centred)
        spread = centred.square().sum(dim=2).sqrt() * about.square().sum().sqrt()
        steps = s.diff(dim=2)
        per_seed = {
            "dS": change,
            "size": change.abs(),
            "slope": pull / about.square().sum(),
            "r": torch.where(spread > 0, pull / spread.where(spread > 0, 1.0), 0.0),
            "monotonic": ((steps > 0).all(dim=2) | (steps < 0).all(dim=2)).double(),
        }
        for name, value in per_seed.items():
            total = value.sum(dim=0)
            self._changes[name] = self._changes[name] + total if name in self._changes else total

    def sigma(self) -> Tensor:
        """Standard deviation [A'] of each attribute over the unedited pictures (n - 1)."""
        centred = self._squares - self._mean.square() / self.count
        return (centred.clamp_min(0) / (self.count - 1)).sqrt()

    def constant(self) -> Tensor:
        """Attributes [A'] whose spread over the unedited pictures is no more than rounding's."""
        return ~(self.sigma() > ROUNDING * self._largest)

    def statistics(self, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """dS and size [K, A', A], slope, r and monotonic [K, A']: means over the seeds, in sigma."""
        mean = {name: value / self.count for name, value in self._changes.items()}
        return (
            (mean["dS"] / sigma).transpose(1, 2).contiguous(),
            (mean["size"] / sigma).transpose(1, 2).contiguous(),
            mean["slope"] / sigma,
            mean["r"],
            mean["monotonic"],
        )
