"""The contract that upper floors render through, and the state where a renderer stops and starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, overload

from torch import Tensor

from .noise import Noise


@dataclass(frozen=True)
class LayerState:
    """A picture in the making.

    Attributes:
        index: number of the last style_layer that ran, 0 ... 2 log2(R) - 4.
        x: that layer's output [N, C, H, W], never multiplied by a next style.
        rgb: the picture as it was before that layer's to_rgb [N, 3, h, w], or None before the first.
    """

    index: int
    x: Tensor
    rgb: Tensor | None

    def rows(self, index: Tensor | slice) -> LayerState:
        """The state of some of the images, in any order and number: one prefix, many edits."""
        return LayerState(self.index, self.x[index], None if self.rgb is None else self.rgb[index])

    def repeated(self, row: int, count: int) -> LayerState:
        """The state of one image, that many times; its memory is shared, and renderers read it once each."""
        one = self.rows(slice(row, row + 1))
        rgb = None if one.rgb is None else one.rgb.expand(count, -1, -1, -1)
        return LayerState(self.index, one.x.expand(count, -1, -1, -1), rgb)


Out = Literal["float", "uint8"]


class Renderer(Protocol):
    """Turns styles into images. Implementations answer alike, *close* to the plain module."""

    name: str

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
        """Render images, or a part of the way to them.

        Args:
            styles: one [N, C_l] per style row; the codes themselves [N, Z] for a generator without
                styles. With a state, only the rows after it are read.
            state: where to start; None = from the constant.
            start: number of the first style_layer to run: 0 without a state, ``state.index + 1`` with
                one (0 stands for that too).
            stop: number of the style_layer after which to stop and return the state.
            noise: "const", "random", "none" or `SampleNoise`.
            out: "float" [N, 3, H, W], nominal range [-1, 1]; "uint8" [N, H, W, 3].

        Raises:
            ValueError: styles, start, stop or noise that do not fit the network.
        """
        ...


def check_way(start: int, first: int, out: Out) -> None:
    """Refuse a start that is not where the state ends, or an unknown kind of picture."""
    if start not in (0, first):
        raise ValueError(
            f"render: start must be {first}, where the state ends, got {start}; "
            "leave it out, or give the state that ends before it"
        )
    if out not in ("float", "uint8"):
        raise ValueError(f'render: out must be "float" or "uint8", got {out!r}')
