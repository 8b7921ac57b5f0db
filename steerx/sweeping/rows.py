"""What enters the renderer for the pictures of a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .. import ops
from ..editing import edited
from ..generators import Start
from ..generators.generator import Codes

if TYPE_CHECKING:
    from .grid import Sweep


@dataclass(frozen=True)
class Cell:
    """One picture of the grid.

    Attributes:
        source: row of the start codes.
        direction: number of the direction, None = unedited.
        alpha: edit strength.
    """

    source: int
    direction: int | None
    alpha: float


class Rows:
    """What enters the renderer for any cells of a few seeds: lines by one operator, the rest by paths."""

    def __init__(self, sweep: Sweep, start: Start, first: int) -> None:
        self.sweep, self.start, self.first = sweep, start, first
        self.base = sweep.G.pack(start.rendered(sweep.G))

    def sources(self, cells: Sequence[Cell]) -> Tensor:
        """Row of each cell among these seeds [B]."""
        return self._index(c.source - self.first for c in cells)

    def of(self, cells: Sequence[Cell]) -> Codes:
        """What enters the renderer, a row per cell."""
        sources, device = self.sources(cells), self.base.device
        lines, steps = self.sweep.lines
        columns = self._index(lines.get(c.direction, 0) for c in cells)
        alphas = torch.tensor([c.alpha for c in cells], dtype=self.base.dtype, device=device)
        rows = ops.edit_styles(self.base, steps, alphas, sources, columns)
        for k in sorted({c.direction for c in cells} - set(lines)):  # type: ignore[type-var]
            where = self._index(i for i, c in enumerate(cells) if c.direction == k)
            assert k is not None
            one = self.sweep.singles[k].to(device)
            moved = edited(self.start.rows(sources[where]), self.sweep.G, one, 0, alphas[where])
            rows[where] = self.sweep.G.pack(moved)
        return self.sweep.G.unpack(rows)

    def _index(self, values: Iterable[int]) -> Tensor:
        return torch.tensor(list(values), dtype=torch.int64, device=self.base.device)
