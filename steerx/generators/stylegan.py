"""StyleGAN (the first): mapping, affines, and layers that the style scales and shifts at their end.

Parameter names are the canonical ones of `docs/generators.md`; all runtime gains are folded into the tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from .. import ops
from .._shapes import shape
from ..checkpoints import StyleGANConfig
from ..ops._style_layer import noise_map
from ..rendering import LayerState, Noise, Packed, PlainRenderer
from ..rendering.noise import layer_noise
from .convolving import PlainToRGB, convolved, kernel
from .generator import StyleRow
from .mapping import Mapping, linear
from .styled import Styled, StyledGenerator, binomial

_EPS = 1e-8


class AdaptiveLayer(nn.Module):
    """Parameters of one layer: convolution, noise, bias, leaky ReLU, instance norm, style."""

    noise: Tensor

    def __init__(self, config: StyleGANConfig, index: int) -> None:
        super().__init__()
        inputs, outputs = config.layer_channels(index)
        size = config.layer_resolution(index)
        self.index, self.up = index, 2 if index and index % 2 == 0 else 1
        self.affine = linear(config.w_dim, 2 * outputs)
        self.weight = kernel(outputs, inputs, 3) if index else None  # the first has the constant
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("noise", torch.randn(size, size))

    def forward(
        self,
        x: Tensor,
        style: Tensor,
        *,
        filter: Tensor,
        noise: Noise,
        packed: Packed[Tensor] | None,
    ) -> Tensor:
        """The layer's output [N, O, H, W]."""
        if self.weight is not None:
            x = convolved(x, self.weight, up=self.up, name=f"layers.{self.index}", packed=packed)
        if self.up == 2:
            rows, columns = (taps // 2 for taps in filter.shape)
            x = ops.upfirdn2d(x, filter, padding=(columns, columns, rows, rows))
        picture = self._noise_picture(noise, x)
        if picture is not None:
            x = x + (picture * self.noise_strength[:, None, None]).to(x.dtype)
        return stylised(ops.bias_act(x, self.bias, gain=1.0), style)

    def _noise_picture(self, noise: Noise, x: Tensor) -> Tensor | None:
        """Noise of mean 0 and variance 1, [H, W] or [N, 1, H, W], or None."""
        batch, dtype = x.shape[0], self.noise.dtype
        drawn = layer_noise(noise, self.noise, layer=self.index, batch=batch, dtype=dtype)
        ids, key = drawn.get("sample_ids"), drawn.get("noise_key", 0)
        return noise_map(drawn.get("noise"), ids, key, x.shape[2], x.shape[3], dtype)


def stylised(x: Tensor, style: Tensor) -> Tensor:
    """Adaptive instance norm: (x - mean) / sqrt(var + 1e-8) * (scale + 1) + shift, over each picture.

    Args:
        x: [N, C, H, W]. Half precision is normalised in float32.
        style: [N, 2 C]: scales, then shifts.

    Source: Karras et al. 2019 (StyleGAN), section 2, equation 1.
    """
    scale, shift = style[:, :, None, None].chunk(2, dim=1)
    wide = x.to(torch.promote_types(x.dtype, style.dtype))
    # Layers may hardly vary about their mean (at first the constant does not), so it goes first.
    centred = wide - wide.mean(dim=(2, 3), keepdim=True)
    variance = centred.square().mean(dim=(2, 3), keepdim=True)
    return torch.addcmul(shift, centred, (scale + 1) * (variance + _EPS).rsqrt()).to(x.dtype)


class Synthesis(Styled):
    """The synthesis network: styles -> picture."""

    filter: Tensor

    def __init__(self, config: StyleGANConfig) -> None:
        super().__init__()
        self.const = nn.Parameter(torch.ones(config.channels[4], 4, 4))
        self.layers = nn.ModuleList(AdaptiveLayer(config, i) for i in range(config.num_layers))
        self.to_rgb = PlainToRGB(config.channels[config.resolution], config.img_channels)
        self.register_buffer("filter", binomial(config.filter_shape))
        self.rows = tuple(_style_rows(config))
        self.num_ws, self.w_dim, self.channels = config.num_ws, config.w_dim, config.img_channels

    def affines(self) -> list[nn.Linear]:
        """Affine of each style row."""
        return [cast(AdaptiveLayer, layer).affine for layer in self.layers]

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
        self.check(styles, state, stop)
        if state is None:
            const = self.const.to(dtype or self.const.dtype)
            x, first = const.expand(styles[0].shape[0], *const.shape), 0
            x = x.contiguous(memory_format=torch.channels_last)
        else:
            x, first = state.x, state.index + 1
        for i in range(first, len(self.layers)):
            x = self.layers[i](x, styles[i], filter=self.filter, noise=noise, packed=packed)
            if i == stop:
                return LayerState(i, x, None)
        return self.to_rgb(x)  # type: ignore[no-any-return]

    def check_state(self, state: LayerState) -> None:
        """A state must be one of this network: any other shape would render garbage."""
        layer = cast(AdaptiveLayer, self.layers[state.index])
        side, outputs = layer.noise.shape[-1], layer.bias.shape[0]
        shape("render: state.x", state.x, "N C H W", C=outputs, H=side, W=side)
        if state.rgb is not None:
            raise ValueError("render: state.rgb must be None: StyleGAN has one to_rgb, at its end")


class StyleGAN(StyledGenerator):
    """StyleGAN, the first of its line (2019; any power-of-two resolution).

    A style has a scale and a shift for each channel of its layer's output: styles [N, 2 C], where 0 leaves
    the normalised layer as it is. Slot i of w_plus is read by layer i; to_rgb has no style.

    Args:
        config: sizes; fresh random weights, as for training. `load` fills in those of a file.
        dtype: of activations in the renderer; parameters and styles stay as they are. None = as they.

    Source: Karras et al., "A style-based generator architecture for generative adversarial networks", CVPR
        2019.
    """

    family = "stylegan"
    synthesis: Synthesis

    def __init__(self, config: StyleGANConfig, *, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.config = config
        self.z_dim, self.w_dim = config.z_dim, config.w_dim
        self.num_ws, self.resolution = config.num_ws, config.resolution
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)
        self.style_rows = self.synthesis.rows
        activations = (f"act:{i}" for i in range(config.num_layers))
        self.spaces = ("z", "w", "w_plus", "styles", *activations)
        self.renderer = PlainRenderer(self.synthesis, dtype=dtype)


def _style_rows(config: StyleGANConfig) -> list[StyleRow]:
    names = (
        "const" if i == 0 else "conv" if i == 1 else f"conv{i % 2}"
        for i in range(config.num_layers)
    )
    return [
        StyleRow(f"{config.layer_resolution(i)}:{name}", i, 2 * config.layer_channels(i)[1], False)
        for i, name in enumerate(names)
    ]
