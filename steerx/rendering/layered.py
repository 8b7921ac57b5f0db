"""What a renderer that runs a network layer by layer asks of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from torch import Tensor

from .plain import Network
from .renderer import LayerState


class Layered(Network, Protocol):
    """A synthesis network with its parameters, layer by layer.

    Layers have index, up, clamp, weight, bias, noise and noise_strength; to_rgbs weight, bias and clamp.
    """

    layers: Any
    to_rgbs: Any

    def parameters(self) -> Iterable[Tensor]:
        """All of them."""
        ...

    def buffers(self) -> Iterable[Tensor]:
        """All of them."""
        ...

    @property
    def const(self) -> Tensor:
        """[C, 4, 4]."""
        ...

    @property
    def filter(self) -> Tensor:
        """Of upsampling, sum 1."""
        ...

    def check(
        self, styles: Sequence[Tensor] | Tensor, state: LayerState | None, stop: int | None
    ) -> None:
        """Refuse styles, states and stops that are not the network's."""
        ...
