"""What a sweep will take, from the times of single layers, measured now."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..generators import Generator
from ..rendering import LayerState, Step, layer_after
from .first_layers import FEWEST
from .prefixes import Prefixes
from .rows import Rows

if TYPE_CHECKING:
    from .grid import Sweep

Clock = Callable[[], float]
LONG = 0.5  # seconds: where a batch takes longer, one picture is measured in its place
SHORT = 0.25  # seconds: what takes less is measured three times; neighbours come and go


@dataclass(frozen=True)
class LayerTimes:
    """Seconds per picture.

    Attributes:
        layers: of each style_layer with what belongs to it; together those of a whole picture.
        sums: after which style_layer the next one is a sum of two terms: what a term takes, and a sum.
    """

    layers: tuple[float, ...]
    sums: dict[int, tuple[float, float]]

    def between(self, first: int, stop: int | None = None) -> float:
        """From style_layer `first` to before `stop`."""
        return sum(self.layers[first:stop])


def predicted_seconds(sweep: Sweep, *, clock: Clock = time.perf_counter) -> float:
    """Seconds that rendering a sweep will take; measures each layer, which takes some four batches.

    Args:
        sweep: whose seeds, directions and alphas are counted; none of its pictures is rendered.
        clock: seconds, of the wall or of the process.
    """
    with torch.inference_mode():
        rows = Rows(sweep, sweep.start.rows(slice(0, 1)), 0)
        prefixes = Prefixes(sweep, rows.base, sweep._noise(sweep.seeds[:1]))
        runs = prefixes.runs(sweep._cells(0))
        depths = {layer for layer, _ in runs if layer >= 0}
        lines = depths if len(sweep.alphas) >= FEWEST else set()
        times = layer_times(sweep.G, rows.base, sweep.batches.size, lines, clock=clock)
    seconds, states = 0.0, {-1}
    for number, (layer, cells) in enumerate(runs):
        if layer not in states:
            states.add(layer)
            seconds += times.between(max(at for at in states if at < layer) + 1, layer + 1)
        if layer in times.sums:
            terms = len(
                {cell.direction for cell in cells} | {None}
            )  # the seed's own is always needed
            term, each = times.sums[layer]
            seconds += terms * term + len(cells) * (each + times.between(layer + 2))
        else:
            seconds += len(cells) * times.between(layer + 1)
        states &= {-1, *(later for later, _ in runs[number:])}
    return seconds * len(sweep.seeds)


def layer_times(
    G: Generator, base: Tensor, batch: int, lines: set[int], *, clock: Clock = time.perf_counter
) -> LayerTimes:
    """The times of a generator's layers.

    Args:
        G: the generator.
        base: packed styles [1, S] of a picture.
        batch: pictures at once.
        lines: style_layers after which directions go on by sums.
        clock: seconds.
    """
    render: Any = G.renderer.render
    one = G.unpack(base)
    render(one, out="uint8")  # packs weights
    if _seconds(lambda: render(one, out="uint8"), G.device, clock) * batch > LONG:
        batch = 1
    styles = G.unpack(base.expand(batch, -1).contiguous())
    render(styles, out="uint8")
    whole = _seconds(lambda: render(styles, out="uint8"), G.device, clock) / batch
    if not G.has_styles():
        return LayerTimes((whole,), {})
    layers: list[float] = []
    sums: dict[int, tuple[float, float]] = {}
    state: LayerState | None = None
    for i in range(sum(not row.to_rgb for row in G.style_rows) - 1):
        made: list[LayerState] = []

        def layer(i: int = i, before: LayerState | None = state) -> None:
            made.append(render(styles, state=before, stop=i))  # noqa: B023 - called before the next

        layers.append(_seconds(layer, G.device, clock))
        state = made[-1]
        if i in lines:
            sums |= _sum_seconds(G, state, styles, clock)
    layers.append(_seconds(lambda: render(styles, state=state, out="uint8"), G.device, clock))
    scale = whole / sum(layers)  # what is done twice at a stop is not done in a picture
    return LayerTimes(tuple(t * scale for t in layers), sums)


def _sum_seconds(
    G: Generator, state: LayerState, styles: Sequence[Tensor] | Tensor, clock: Clock
) -> dict[int, tuple[float, float]]:
    """What a term of the layer after a state takes, and a picture's sum of two, where it is made so."""
    linear = layer_after(G.renderer, state)
    if linear is None or isinstance(styles, Tensor):
        return {}
    first = [rows[:1] for rows in styles]
    term = linear.term(0, first, first)  # packs the weight
    images, steps = [0] * len(state.x), [Step(term, term, 1.0)] * len(state.x)
    last = linear.index == sum(not row.to_rgb for row in G.style_rows) - 1

    def work() -> None:
        after = linear.state(images, steps, styles, styles, "const")
        if last:  # no layer follows whose time has this one's to_rgb
            G.renderer.render(styles, state=after, out="uint8")

    work()
    one = _seconds(lambda: linear.term(0, first, first), G.device, clock)
    every = _seconds(work, G.device, clock)
    return {state.index: (one, every / len(state.x))}


def _seconds(work: Callable[[], object], device: torch.device, clock: Clock) -> float:
    """Of one run: the median of up to three."""
    times: list[float] = []
    while len(times) < 3 and sum(times) < SHORT:
        started = clock()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(clock() - started)
    return median_low(times)
