"""The style_layer after a state along a line of styles: two convolutions serve any number of steps.

    conv(x (s + a d)) = conv(x s) + a conv(x d)

What follows is not linear: demodulation is that of s + a d, noise, bias and activation come after the sum. The
to_rgb between the state and the layer is linear alike. Sums are float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import ops
from ..ops._epilogue import epilogue
from ..ops._modulated_conv2d import EPS
from ..ops._to_rgb import upsample
from . import few_channels
from .fused import FusedRenderer
from .noise import Noise
from .packing import Packed
from .plain import PlainRenderer
from .renderer import LayerState, Renderer
from .tails import noise_parts
from .workspace import Workspace


@dataclass(frozen=True)
class Term:
    """What one term of one image's styles, s or d, becomes in the layer.

    Attributes:
        z: its convolution [H, W, O], multiplied by the demodulation of s.
        share: its to_rgb [3, h, w], without bias; None where no to_rgb stands before the layer.
    """

    z: Tensor
    share: Tensor | None


class Step(NamedTuple):
    """An image: the term of s, that of d (None = s alone), and a."""

    start: Term
    move: Term | None
    alpha: float


class LinearLayer:
    """The style_layer after a state, along lines of styles. Of any number of images; `layer_after` makes it.

    Args:
        renderer: whose convolution is used.
        state: of the images [N], in float32 on the CPU.
    """

    def __init__(self, renderer: FusedRenderer | PlainRenderer, state: LayerState) -> None:
        network: Any = renderer.network
        self.renderer, self.network, self.before = renderer, network, state
        self.index = state.index + 1
        self.layer = network.layers[self.index]
        self.to_rgb = network.to_rgbs[state.index // 2] if self.index % 2 else None
        self.row = (
            self.index + (self.index + 1) // 2
        )  # of the layer's style; its to_rgb's is before
        self.packed: Packed[Tensor] = Packed()
        self.workspace = Workspace()
        self.skip = state.rgb  # what the to_rgb adds to, as large as its share
        if self.skip is not None and self.to_rgb is not None:
            self.skip = upsample(self.skip.float(), network.filter.float())

    def term(self, n: int, styles: Sequence[Tensor], start: Sequence[Tensor]) -> Term:
        """One term of image n.

        Args:
            n: row of the state.
            styles: the term: s, or d; one [1, C_l] per style row.
            start: s.
        """
        x = self.before.x[n : n + 1]
        with torch.autocast("cpu", enabled=False):  # sums are float32
            z = self._convolved(x, styles[self.row].float(), start)
            if self.to_rgb is None:
                return Term(z[0], None)
            weight = styles[self.row - 1].float() * self.to_rgb.weight.float().flatten(1)  # [3, C]
            return Term(z[0], torch.einsum("chw,oc->ohw", x[0], weight))

    def _convolved(self, x: Tensor, style: Tensor, start: Sequence[Tensor]) -> Tensor:
        """The convolution of x style, multiplied by the demodulation of `start` [1, H, W, O]."""
        filter = self.network.filter.float() if self.layer.up == 2 else None
        some = few_channels.chosen(style, filter)
        if some is not None:
            factor = self._demodulation(start)[0, :, None] * style[0, some]  # [O, k]
            weight = self.layer.weight[:, some].float() * factor[:, :, None, None]
            return few_channels.convolved(x[:, some], few_channels.taps(weight, filter))
        if isinstance(self.renderer, FusedRenderer):
            return self.renderer.bare(self.index, x, style, start[self.row])
        weight = self.packed.get("weight", self.layer.weight, x.dtype, _channels_last)
        up = self.layer.up
        z = ops.modulated_conv2d(x, style, weight, filter=filter, up=up, demodulate=False)
        return z.permute(0, 2, 3, 1) * self._demodulation(start)[:, None, None]

    def state(
        self,
        images: Sequence[int],
        steps: Sequence[Step],
        styles: Sequence[Tensor],
        start: Sequence[Tensor],
        noise: Noise,
    ) -> LayerState:
        """The state after the layer. Its x is overwritten by the next one.

        Args:
            images: rows of the state that the B images go on from.
            steps: what each of them is made of.
            styles: s + a d of each, one [B, C_l] per style row.
            start: s of each.
            noise: of the B images.
        """
        size = (len(steps), *steps[0].start.z.shape)
        z, y = (self.workspace.take(name, size, torch.float32) for name in "zy")
        for out, (term, move, alpha) in zip(z, steps, strict=True):
            if move is None:
                out.copy_(term.z)
            else:
                torch.add(term.z, move.z, alpha=alpha, out=out)
        with torch.autocast("cpu", enabled=False):
            ratio = self._demodulation(styles) / self._demodulation(start)
        bias, clamp = self.layer.bias.float(), self.layer.clamp
        drawn = noise_parts(self.layer, noise, len(z))
        epilogue(z, demodulation=ratio, bias=bias, clamp=clamp, y=y, **drawn)
        rgb = None if self.skip is None else self.skip[torch.tensor(images)]
        if self.to_rgb is not None:
            share = torch.stack([_sum(step) for step in steps])
            bias, clamp = self.to_rgb.bias.float(), self.to_rgb.clamp
            share = ops.bias_act(share, bias, slope=1.0, gain=1.0, clamp=clamp)
            rgb = share if rgb is None else rgb + share
        return LayerState(self.index, y.permute(0, 3, 1, 2), rgb)

    def _demodulation(self, styles: Sequence[Tensor]) -> Tensor:
        """Of the layer's style [N, O]."""

        def build(weight: Tensor) -> Tensor:
            return weight.float().square().sum((2, 3)).t().contiguous()  # [I, O]

        power = self.packed.get("power", self.layer.weight, torch.float32, build)
        return (styles[self.row].float().square() @ power + EPS).rsqrt()


def layer_after(renderer: Renderer, state: LayerState) -> LinearLayer | None:
    """The style_layer after a state along lines; None where it is not linear, or no faster so.

    In bfloat16 the sum costs what the convolution does on processors that multiply in it (0.84-1.0x the speed).
    """
    if not isinstance(renderer, (FusedRenderer, PlainRenderer)):
        return None
    network: Any = renderer.network
    plain = state.x.dtype == torch.float32 and state.x.device.type == "cpu"
    styled = hasattr(network, "to_rgbs") and state.index + 1 < len(network.layers)
    return LinearLayer(renderer, state) if plain and styled else None


def _sum(step: Step) -> Tensor:
    assert step.start.share is not None
    if step.move is None or step.move.share is None:
        return step.start.share
    return step.start.share + step.alpha * step.move.share


def _channels_last(x: Tensor) -> Tensor:
    return x.float().contiguous(memory_format=torch.channels_last)
