"""What the style families share: styles as affines of the w slots."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import get_args

import torch
from torch import Tensor, nn

from .._shapes import floating, one_device, shape
from ..rendering import LayerState, Noise, Packed
from .generator import StyleRow, ToRGB
from .mapping import Mapping
from .truncation import TruncatedGenerator


class Styled(nn.Module, ABC):
    """A synthesis network whose layers are steered by affines of w.

    Attributes:
        rows: its modulated layers, in order of execution.
        num_ws, w_dim: sizes of the w_plus that it reads.
        channels: of the picture.
    """

    rows: tuple[StyleRow, ...]
    num_ws: int
    w_dim: int
    channels: int
    layers: nn.ModuleList

    @abstractmethod
    def affines(self) -> list[nn.Linear]:
        """Affine of each style row."""

    @abstractmethod
    def run(
        self,
        styles: Sequence[Tensor] | Tensor,
        *,
        state: LayerState | None = None,
        stop: int | None = None,
        noise: Noise = "const",
        dtype: torch.dtype | None = None,
        packed: Packed[Tensor] | None = None,
    ) -> Tensor | LayerState:
        """Run the layers after `state`, to `stop` or to the picture. See `Renderer.render`."""

    @abstractmethod
    def check_state(self, state: LayerState) -> None:
        """Refuse a state of any other network: it would render garbage."""

    def styles(self, w_plus: Tensor) -> list[Tensor]:
        """Styles [N, C_l] of w_plus [N, L, D], one per style row."""
        shape("styles: w_plus", w_plus, "N L D", L=self.num_ws, D=self.w_dim)
        pairs = zip(self.rows, self.affines(), strict=True)
        return [affine(w_plus[:, row.slot]) for row, affine in pairs]

    def check(
        self, styles: Sequence[Tensor] | Tensor, state: LayerState | None, stop: int | None
    ) -> None:
        """Refuse styles, a state or a stop that are not this network's.

        Raises:
            ValueError, TypeError: which one, and what it must be.
        """
        if isinstance(styles, Tensor) or len(styles) != len(self.rows):
            raise ValueError(
                f"render: styles must be a list of {len(self.rows)} tensors [N, C_l], one per style "
                f"row, got {'a tensor' if isinstance(styles, Tensor) else len(styles)}; "
                "use G.styles(w_plus)"
            )
        known = {} if state is None else {"N": state.x.shape[0]}
        for row, style in zip(self.rows, styles, strict=True):
            name = f"render: styles of {row.name}"
            known = {"N": shape(name, style, "N C", **known, C=row.channels)["N"]}
            floating(name, style)
        going_on = [] if state is None else [("x", state.x), ("rgb", state.rgb)]
        for name, tensor in going_on:
            if tensor is not None:
                floating(f"render: state.{name}", tensor)
        one_device("render", *styles, *(tensor for _, tensor in going_on), next(self.parameters()))
        last = len(self.layers) - 1
        if state is not None:
            if not 0 <= state.index <= last:
                raise ValueError(f"render: state.index must be 0-{last}, got {state.index}")
            self.check_state(state)
        first = 0 if state is None else state.index + 1
        if stop is not None and first > last:
            raise ValueError("render: the state is that of the last style_layer; leave stop out")
        if stop is not None and not first <= stop <= last:
            raise ValueError(f"render: stop must be a style_layer {first}-{last}, got {stop}")

    def forward(self, codes: Tensor | Sequence[Tensor], *, noise: Noise = "const") -> Tensor:
        """Images [N, 3, H, W] of w [N, D], w_plus [N, L, D] (both as they are) or styles, with gradients."""
        if isinstance(codes, Tensor):
            w_plus = codes if codes.dim() == 3 else codes[:, None].expand(-1, self.num_ws, -1)
            codes = self.styles(w_plus)
        images = self.run(codes, noise=noise)
        assert isinstance(images, Tensor)
        return images


class StyledGenerator(TruncatedGenerator):
    """A generator with a mapping network, w slots and styles."""

    mapping: Mapping
    synthesis: Styled

    def mean_w(self) -> Tensor:
        """The mean of w [D], or one for each w slot [L, D]; the checkpoint's own."""
        return self.mapping.w_avg

    def styles(self, w_plus: Tensor) -> list[Tensor]:
        """Styles [N, C_l], one per style row, of w_plus [N, L, D]."""
        return self.synthesis.styles(w_plus)

    def style_steps(self, steps: Tensor) -> list[Tensor]:
        """What a step in w_plus [K, L, D] adds to each style row [K, C_l]."""
        shape("style_steps: steps", steps, "K L D", L=self.num_ws, D=self.w_dim)
        pairs = zip(self.style_rows, self.synthesis.affines(), strict=True)
        return [steps[:, row.slot] @ affine.weight.t() for row, affine in pairs]

    def style_weights(
        self, layers: Sequence[int] | None = None, *, to_rgb: ToRGB = "last"
    ) -> list[Tensor]:
        """Affine weights [C_l, D] of the style rows that read the given w slots.

        Args:
            layers: w slots; None = all.
            to_rgb: which to_rgb rows count: "last" (the one alone in its slot; the published choice),
                "none", "first" or "all". A family whose to_rgb has no style has none of them.
        """
        slots = range(self.num_ws) if layers is None else [int(slot) for slot in layers]
        if not set(slots) <= set(range(self.num_ws)):
            raise ValueError(
                f"style_weights: layers are w slots 0-{self.num_ws - 1}, got {list(slots)}"
            )
        if to_rgb not in get_args(ToRGB):
            raise ValueError(
                f"style_weights: to_rgb must be one of {', '.join(get_args(ToRGB))}, got {to_rgb!r}"
            )
        count = sum(row.to_rgb for row in self.style_rows)
        wanted = {"none": (), "first": (0,), "last": (count - 1,), "all": range(count)}[to_rgb]
        weights, block = [], 0
        for row, affine in zip(self.style_rows, self.synthesis.affines(), strict=True):
            taken = block in wanted if row.to_rgb else True
            block += row.to_rgb
            if taken and row.slot in slots:
                weights.append(affine.weight.detach())
        return weights


def binomial(shape: tuple[int, int]) -> Tensor:
    """outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64 for (4, 4): products of rows of Pascal's triangle, sum 1."""
    rows, columns = (
        [math.comb(taps - 1, i) / 2 ** (taps - 1) for i in range(taps)] for taps in shape
    )
    return torch.tensor([[row * column for column in columns] for row in rows], dtype=torch.float32)
