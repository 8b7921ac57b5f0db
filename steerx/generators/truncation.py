"""Truncation: w drawn towards its mean, the same in every generator that has a w."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from .._shapes import shape
from .generator import Generator, check_truncation


class TruncatedGenerator(Generator):
    """A generator with w slots, and a mean of w towards which they can be drawn."""

    @abstractmethod
    def mean_w(self) -> Tensor:
        """The mean of w [D], or one for each w slot [L, D]."""

    def truncation_scale(self, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """What truncation multiplies a step in w by, per w slot [L]."""
        check_truncation(psi, cutoff, self.num_ws)
        dtype = next(self.parameters()).dtype
        scale = torch.ones(self.num_ws, dtype=dtype, device=self.device)
        scale[:cutoff] = psi
        return scale

    def truncate(self, w: Tensor, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """w_plus [N, L, D] = w_avg + psi (w - w_avg) on w slots below cutoff (None = all).

        Args:
            w: [N, D], or [N, L, D].
            psi: 1 = off.
            cutoff: 0 ... L or None.

        Source: Karras et al. 2019 (StyleGAN), appendix B.
        """
        if w.dim() == 2:
            shape("truncate: w", w, "N D", D=self.w_dim)
            w = w[:, None].repeat(1, self.num_ws, 1)  # slots of their own, which an edit may move
        shape("truncate: w_plus", w, "N L D", L=self.num_ws, D=self.w_dim)
        scale = self.truncation_scale(psi=psi, cutoff=cutoff)
        if psi == 1:
            return w  # bit for bit
        w_avg = self.mean_w()
        truncated = w_avg + psi * (w - w_avg)
        return torch.where((scale != 1)[:, None], truncated, w)
