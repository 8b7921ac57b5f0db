"""Soft shapes on a batch of pictures: signed distances turned into coverage, coverage into paint.

Coordinates run from -1 to 1 with y pointing down. A coverage is [N, h, w] in 0..1; its edge is
as wide as about one and a half pixels, so a drawing is antialiased at every resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

_EDGE_PIXELS: Final = 1.5


@dataclass(frozen=True)
class Window:
    """A rectangle of the canvas, so that small shapes cost little.

    Attributes:
        pixels: view of the canvas [N, 3, h, w]; painting writes through it.
        x: pixel centres [1, 1, w].
        y: pixel centres [1, h, 1].
        edge: width of an antialiased edge, in picture units.
    """

    pixels: Tensor
    x: Tensor
    y: Tensor
    edge: float

    def crop(self, left: float, top: float, right: float, bottom: float) -> Window:
        """The part of this window between the given coordinates."""
        height, width = self.pixels.shape[2:]
        columns = slice(_index(left, width), _index(right, width))
        rows = slice(_index(top, height), _index(bottom, height))
        return Window(
            self.pixels[:, :, rows, columns], self.x[:, :, columns], self.y[:, rows], self.edge
        )

    def paint(self, colour: Tensor, coverage: Tensor) -> None:
        """Blend colour [N, 3] (or [N, 3, h, w]) over the window where coverage [N, h, w] says."""
        if colour.ndim == 2:
            colour = colour[:, :, None, None]
        self.pixels.lerp_(colour, coverage[:, None])

    def ellipse(
        self, x: Tensor, y: Tensor, width: Tensor | float, height: Tensor | float
    ) -> Tensor:
        """Coverage of an ellipse with the given half axes around the origin of x, y."""
        smaller = torch.minimum(torch.as_tensor(width), torch.as_tensor(height))
        radius = ((x / width).square() + (y / height).square()).sqrt_()
        return radius.mul_(-smaller / self.edge).add_(0.5 + smaller / self.edge).clamp_(0, 1)

    def ring(self, x: Tensor, y: Tensor, radius: Tensor | float, half: float) -> Tensor:
        """Coverage of a circle line of the given radius and half thickness."""
        distance = (x.square() + y.square()).sqrt_().sub_(radius).abs_()
        return self.cover(distance.sub_(half))

    def stroke(self, x: Tensor, v: Tensor, length: Tensor | float, half: Tensor | float) -> Tensor:
        """Coverage of a stroke: |x| within length, v the distance from its centre line."""
        beyond = (x.abs() - length).clamp(min=0)
        return self.cover((v.square() + beyond.square()).sqrt_().sub_(half))

    def cover(self, distance: Tensor) -> Tensor:
        """Coverage of a signed distance in picture units (negative inside); overwrites it."""
        return distance.mul_(-1 / self.edge).add_(0.5).clamp_(0, 1)


def canvas(count: int, resolution: int, *, like: Tensor) -> Window:
    """An empty picture batch [N, 3, R, R] with the device and dtype of `like`."""
    pixels = like.new_empty(count, 3, resolution, resolution)
    centres = (torch.arange(resolution, device=like.device, dtype=like.dtype) + 0.5) / resolution
    line = centres * 2 - 1
    return Window(pixels, line[None, None, :], line[None, :, None], _EDGE_PIXELS * 2 / resolution)


def _index(coordinate: float, size: int) -> int:
    return round(min(max((coordinate + 1) / 2, 0.0), 1.0) * size)
