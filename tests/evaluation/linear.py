"""A generator and scorers in which every effect of an edit is a formula."""

from __future__ import annotations

import torch
from torch import Tensor

from steerx.generators import Generator
from steerx.rendering import PlainRenderer

Z = 12


class LinearGenerator(Generator):
    """z [N, 12] are the pixels of a picture [N, 3, 2, 2]."""

    family = "linear"

    def __init__(self) -> None:
        super().__init__()
        self.z_dim, self.resolution, self.spaces = Z, 2, ("z",)
        self.model_id = "linear"
        self.anchor = torch.nn.Parameter(torch.zeros(()))
        self.renderer = PlainRenderer(self)

    def run(self, styles, *, state, stop, noise, dtype, packed):  # type: ignore[no-untyped-def]
        return styles.view(-1, 3, 2, 2) + self.anchor


class LinearScorer:
    """a_j = m_j . z (or its square); counts its pictures and the largest batch."""

    def __init__(self, rows: Tensor, *, squared: bool = False, scale: float = 1.0) -> None:
        self.rows, self.squared, self.scale = rows, squared, scale
        self.pictures = 0

    def __call__(self, images: Tensor) -> Tensor:
        self.pictures += len(images)
        read = images.flatten(1) @ self.rows.T
        return self.scale * (read.square() if self.squared else read)
