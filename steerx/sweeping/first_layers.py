"""The first layer that edits change: along straight directions its convolution is linear in alpha."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ..rendering import LayerState, LinearLayer, Noise, Step, Term

if TYPE_CHECKING:
    from .grid import Sweep
    from .rows import Cell

FEWEST = 3  # alphas from which on one convolution per direction, and a sum per picture, are faster


class FirstLayer:
    """The states after it, from one convolution per seed and one per seed and direction.

    Args:
        sweep: whose cells are asked for.
        linear: the layer, of a few seeds.
        base: packed styles of these seeds [N, S].
    """

    def __init__(self, sweep: Sweep, linear: LinearLayer, base: Tensor) -> None:
        self.sweep, self.linear, self.base = sweep, linear, base
        self._terms: dict[tuple[int, int], Term] = {}

    def state(
        self, cells: Sequence[Cell], sources: Tensor, styles: Sequence[Tensor], noise: Noise
    ) -> LayerState:
        """The state after the layer, of some cells: their rows among the seeds, their styles, their noise."""
        rows, places = sources.tolist(), self.sweep.lines[0]
        pairs = [(n, places[cell.direction]) for n, cell in zip(rows, cells, strict=True)]
        # The terms of the last batch serve again where this one goes on along the same direction.
        wanted = {*pairs, *((n, 0) for n in rows)}
        self._terms = {pair: term for pair, term in self._terms.items() if pair in wanted}
        for n, place in sorted(wanted - set(self._terms)):
            self._terms[n, place] = self._term(n, place)
        steps = [
            Step(self._terms[n, 0], self._terms[n, place] if place else None, cell.alpha)
            for (n, place), cell in zip(pairs, cells, strict=True)
        ]
        start = list(self.sweep.G.unpack(self.base[sources]))
        return self.linear.state(rows, steps, styles, start, noise)

    def _term(self, n: int, place: int) -> Term:
        """Of seed n, by row of the steps: 0 is no step, and stands for the seed's own styles."""
        start = self.base[n : n + 1]
        styles = self.sweep.lines[1][place : place + 1] if place else start
        unpack = self.sweep.G.unpack
        return self.linear.term(n, list(unpack(styles)), list(unpack(start)))
