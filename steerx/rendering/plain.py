"""The plain renderer: the network's own module, layer by layer. The oracle of every other one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, overload

import torch
from torch import Tensor

from .._pictures import to_uint8
from .noise import Noise
from .packing import Packed
from .renderer import LayerState, Out, check_way


class Network(Protocol):
    """What the plain renderer asks of a generator's synthesis network."""

    def run(
        self,
        styles: Any,
        *,
        state: LayerState | None,
        stop: int | None,
        noise: Noise,
        dtype: torch.dtype | None,
        packed: Packed[Tensor] | None,
    ) -> Tensor | LayerState:
        """Run style_layers after `state` until `stop`, or to the picture."""
        ...


class PlainRenderer:
    """Renders through the plain module; gradients flow to styles (and weights, where they ask)."""

    name = "plain"

    def __init__(self, network: Network, *, dtype: torch.dtype | None = None) -> None:
        """Store the network and the dtype of activations (None = the parameters' own)."""
        self.network = network
        self.dtype = dtype
        self.packed: Packed[Tensor] = Packed()

    def __repr__(self) -> str:
        return f"PlainRenderer(dtype={self.dtype})"

    @overload
    def render(
        self,
        styles: Sequence[Tensor] | Tensor,
        *,
        state: LayerState | None = None,
        start: int = 0,
        stop: None = None,
        noise: Noise = "const",
        out: Out = "float",
    ) -> Tensor: ...

    @overload
    def render(
        self,
        styles: Sequence[Tensor] | Tensor,
        *,
        state: LayerState | None = None,
        start: int = 0,
        stop: int,
        noise: Noise = "const",
        out: Out = "float",
    ) -> LayerState: ...

    def render(
        self,
        styles: Sequence[Tensor] | Tensor,
        *,
        state: LayerState | None = None,
        start: int = 0,
        stop: int | None = None,
        noise: Noise = "const",
        out: Out = "float",
    ) -> Tensor | LayerState:
        """See `steerx.rendering.Renderer.render`. *repeatable*: same shapes, same bits."""
        check_way(start, 0 if state is None else state.index + 1, out)
        # Packed weights carry no gradient, so they serve only where none can be asked for.
        packed = None if torch.is_grad_enabled() else self.packed
        result = self.network.run(
            styles, state=state, stop=stop, noise=noise, dtype=self.dtype, packed=packed
        )
        if isinstance(result, LayerState) or out == "float":
            return result
        return to_uint8(result)
