"""What edits of later layers share: each seed's unedited picture up to the layer before the first change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..generators import Generator
from ..rendering import LayerState, Noise, SampleNoise, layer_after
from .first_layers import FEWEST, FirstLayer

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
    """States of the unedited pictures of a few seeds.

    Args:
        sweep: whose seeds they are.
        base: packed styles of the seeds [N, S].
        noise: of these seeds.
    """

    def __init__(self, sweep: Sweep, base: Tensor, noise: Noise) -> None:
        self.sweep, self.base, self.noise = sweep, base, noise
        self._states: dict[int, LayerState] = {}
        self._first: tuple[int, FirstLayer | None] = (-1, None)

    def runs(self, cells: Sequence[Cell]) -> list[tuple[int, list[Cell]]]:
        """Neighbouring cells that go on from the same layer, and that layer; -1 where from the beginning."""
        depths = self.sweep.depths
        # Two pictures may share noise only where it is not drawn anew for each.
        shared = self.noise != "random" and self.sweep.G.has_styles()

        def layer(cell: Cell) -> int:
            return depths.get(cell.direction, -1) if shared else -1

        return [(at, list(some)) for at, some in groupby(cells, layer)]

    def prepare(self, layer: int) -> None:
        """Render the states after a layer, in batches that fit; from an earlier layer's where there are some."""
        if layer < 0 or layer in self._states:
            return
        G, earlier = self.sweep.G, max((at for at in self._states if at < layer), default=None)

        @torch.inference_mode()
        def states(some: Sequence[int]) -> LayerState:
            rows = slice(some[0], some[-1] + 1)
            state = None if earlier is None else self._states[earlier].rows(rows)
            noise = self.noise.rows(rows) if isinstance(self.noise, SampleNoise) else self.noise
            codes = G.unpack(self.base[rows])
            return G.renderer.render(codes, state=state, stop=layer, noise=noise)

        count = range(len(self.base))
        parts = [part for _, part in self.sweep.batches.over(count, states, kind="states")]
        self._states[layer] = LayerState(
            layer,
            torch.cat([part.x for part in parts]),
            None
            if parts[0].rgb is None
            else torch.cat([p.rgb for p in parts if p.rgb is not None]),
        )

    def state(
        self,
        layer: int,
        cells: Sequence[Cell],
        sources: Tensor,
        styles: Sequence[Tensor] | Tensor,
        noise: Noise,
    ) -> LayerState | None:
        """Where cells go on from: after a layer that was prepared, or after the next one where that is cheaper.

        Args:
            layer: of `runs`; -1 = from the beginning.
            cells: some of a run.
            sources: the row of each among the seeds.
            styles: that enter the renderer for them.
            noise: of the cells.
        """
        if layer < 0:
            return None
        if self._first[0] != layer:
            self._first = (layer, self._first_layer(self._states[layer]))
        first = self._first[1]
        if first is None or isinstance(styles, Tensor):
            state = self._states[layer]
            if len({cell.source for cell in cells}) == 1:
                return state.repeated(int(sources[0]), len(cells))
            return state.rows(sources)
        return first.state(cells, sources, styles, noise)

    def _first_layer(self, state: LayerState) -> FirstLayer | None:
        """The layer after a state, where it is linear in alpha and so cheaper, for any size of batch."""
        if len(self.sweep.alphas) < FEWEST:
            return None
        linear = layer_after(self.sweep.G.renderer, state)
        return None if linear is None else FirstLayer(self.sweep, linear, self.base)

    def keep(self, layers: Collection[int]) -> None:
        """Give back the memory of all states but those after some layers."""
        self._states = {at: state for at, state in self._states.items() if at in layers}
        if self._first[0] not in layers:
            self._first = (-1, None)
