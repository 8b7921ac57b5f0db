"""What edits of later layers share: each seed's unedited picture up to the layer before the first change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from torch import Tensor

from ..generators import Generator
from ..rendering import LayerState, Noise

if TYPE_CHECKING:
    from .grid import Sweep
    from .rows import Cell


def depth(G: Generator, step: Tensor) -> int:
    """Number of the last style_layer that a step in packed styles [S] leaves as it was; -1 where none.

    Both a changed style_layer and a changed to_rgb stand behind the style_layers before them: a state
    goes on with its own layer's to_rgb.
    """
    before = -1
    for row, part in zip(G.style_rows, G.unpack(step[None]), strict=True):
        if bool(part.any()):
            break
        before += not row.to_rgb
    # A step that changes nothing leaves the picture itself, which any state leads to.
    return before


class Prefixes:
    """States of the unedited pictures of a few seeds, rendered when first asked for.

    Args:
        sweep: whose seeds they are.
        base: packed styles of the seeds [N, S].
        noise: of these seeds.
    """

    def __init__(self, sweep: Sweep, base: Tensor, noise: Noise) -> None:
        self.sweep, self.base, self.noise = sweep, base, noise
        self._states: dict[int, LayerState] = {}

    def runs(self, cells: Sequence[Cell]) -> list[tuple[int, list[Cell]]]:
        """Neighbouring cells that go on from the same layer, and that layer; -1 where from the beginning."""
        depths = self.sweep.depths
        # Two pictures may share noise only where it is not drawn anew for each.
        shared = self.noise != "random" and self.sweep.G.has_styles()

        def layer(cell: Cell) -> int:
            return depths.get(cell.direction, -1) if shared else -1

        return [(at, list(some)) for at, some in groupby(cells, layer)]

    def state(self, layer: int, sources: Tensor) -> LayerState | None:
        """The state after a layer, for some of the seeds in any number and order."""
        if layer < 0:
            return None
        if layer not in self._states:
            earlier = max((at for at in self._states if at < layer), default=None)
            self._states[layer] = self.sweep.G.renderer.render(
                self.sweep.G.unpack(self.base),
                state=None if earlier is None else self._states[earlier],
                stop=layer,
                noise=self.noise,
            )
        return self._states[layer].rows(sources)
