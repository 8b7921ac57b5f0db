"""StyleGAN2 with skip connections: mapping, affines, synthesis. One operator call per layer.

Parameter names are the canonical ones of `docs/architecture.md`; all runtime gains are folded into the
tensors, so a layer is what its weights say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from .. import ops
from .._shapes import shape
from ..checkpoints import StyleGAN2Config
from ..rendering import LayerState, Noise, Packed, PlainRenderer
from ..rendering.noise import layer_noise
from .generator import StyleRow
from .mapping import Mapping, linear
from .styled import Styled, StyledGenerator, binomial


class StyleLayer(nn.Module):
    """Parameters of one style_layer."""

    noise: Tensor

    def __init__(self, config: StyleGAN2Config, index: int) -> None:
        super().__init__()
        inputs, outputs = config.layer_channels(index)
        size = config.layer_resolution(index)
        self.index, self.up, self.clamp = index, 2 if index % 2 else 1, config.conv_clamp
        self.affine = linear(config.w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3).mul_((inputs * 9) ** -0.5))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
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
        drawn = layer_noise(
            noise, self.noise, layer=self.index, batch=x.shape[0], dtype=self.noise.dtype
        )
        return ops.style_layer(
            x,
            style,
            _weight(self, f"layers.{self.index}", x.dtype, packed),
            self.bias,
            noise_strength=self.noise_strength if drawn else None,
            filter=filter if self.up == 2 else None,
            up=self.up,
            clamp=self.clamp,
            **drawn,
        )


class ToRGBLayer(nn.Module):
    """Parameters of one to_rgb."""

    def __init__(self, config: StyleGAN2Config, block: int) -> None:
        super().__init__()
        inputs = config.channels[config.resolutions[block]]
        self.block, self.clamp = block, config.conv_clamp
        self.affine = linear(config.w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(
            torch.randn(config.img_channels, inputs, 1, 1).mul_(inputs**-0.5)
        )
        self.bias = nn.Parameter(torch.zeros(config.img_channels))

    def forward(
        self,
        x: Tensor,
        style: Tensor,
        *,
        skip: Tensor | None,
        filter: Tensor,
        packed: Packed[Tensor] | None,
    ) -> Tensor:
        """The picture so far [N, 3, H, W]."""
        return ops.to_rgb(
            x,
            style,
            _weight(self, f"to_rgbs.{self.block}", x.dtype, packed),
            self.bias,
            skip=skip,
            filter=None if skip is None else filter,
            clamp=self.clamp,
        )


class Synthesis(Styled):
    """The synthesis network: styles -> picture."""

    filter: Tensor

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.const = nn.Parameter(torch.randn(config.channels[4], 4, 4))
        self.layers = nn.ModuleList(StyleLayer(config, i) for i in range(config.num_layers))
        self.to_rgbs = nn.ModuleList(ToRGBLayer(config, b) for b in range(len(config.resolutions)))
        self.register_buffer("filter", binomial(config.filter_shape))
        self.rows = tuple(_style_rows(config))
        self.num_ws, self.w_dim, self.channels = config.num_ws, config.w_dim, config.img_channels

    def affines(self) -> list[nn.Linear]:
        """Affine of each style row."""
        modules: list[Any] = []
        for i, layer in enumerate(self.layers):
            modules.append(layer.affine)
            if i % 2 == 0:
                modules.append(self.to_rgbs[i // 2].affine)
        return modules

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
            x = const.expand(styles[0].shape[0], *const.shape)
            # channels_last from the start; every operator keeps its input's memory format.
            x, rgb, first = x.contiguous(memory_format=torch.channels_last), None, 0
        else:
            x, rgb, first = state.x, state.rgb, state.index + 1
            rgb = self._to_rgb(state.index, x, rgb, styles, packed)
        for i in range(first, len(self.layers)):
            # Style rows in order of execution: conv i stands behind i convs and (i + 1) // 2 to_rgbs.
            style = styles[i + (i + 1) // 2]
            x = self.layers[i](x, style, filter=self.filter, noise=noise, packed=packed)
            if i == stop:
                return LayerState(i, x, rgb)
            rgb = self._to_rgb(i, x, rgb, styles, packed)
        assert rgb is not None
        return rgb

    def _to_rgb(
        self,
        layer: int,
        x: Tensor,
        rgb: Tensor | None,
        styles: Sequence[Tensor] | Tensor,
        packed: Packed[Tensor] | None,
    ) -> Tensor | None:
        """The picture after a style_layer: even ones end a block and have a to_rgb."""
        if layer % 2:
            return rgb
        block = layer // 2
        style = styles[3 * block + 1]
        return self.to_rgbs[block](x, style, skip=rgb, filter=self.filter, packed=packed)  # type: ignore[no-any-return]

    def check_state(self, state: LayerState) -> None:
        """A state must be one of this network: any other shape would render garbage."""
        layer = cast(StyleLayer, self.layers[state.index])
        side, outputs = layer.noise.shape[-1], layer.weight.shape[0]
        batch = shape("render: state.x", state.x, "N C H W", C=outputs, H=side, W=side)["N"]
        if (state.rgb is None) != (state.index == 0):
            came = "None" if state.rgb is None else list(state.rgb.shape)
            raise ValueError(
                f"render: state.rgb is None at style_layer 0 and there alone; got {came} at {state.index}"
            )
        if state.rgb is not None:  # the picture of the block before
            known = {"N": batch, "P": self.channels, "H": side // 2, "W": side // 2}
            shape("render: state.rgb", state.rgb, "N P H W", **known)


class StyleGAN2(StyledGenerator):
    """StyleGAN2 (config-e, config-f, ada; skip architecture; any power-of-two resolution).

    ``G.mapping(z)`` and ``G.synthesis(codes)`` are its two plain modules; `codes`, `enter` and
    ``G.renderer`` are what upper floors use.

    Args:
        config: sizes; fresh random weights, as for training. `load` fills in those of a file.
        dtype: of activations in the renderer; parameters and styles stay as they are. None = as they.

    Source: Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020.
    """

    family = "stylegan2"
    synthesis: Synthesis

    def __init__(self, config: StyleGAN2Config, *, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.config = config
        self.z_dim, self.w_dim, self.c_dim = config.z_dim, config.w_dim, config.c_dim
        self.num_ws, self.resolution = config.num_ws, config.resolution
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)
        self.style_rows = self.synthesis.rows
        activations = (f"act:{i}" for i in range(config.num_layers))
        self.spaces = ("z", "w", "w_plus", "styles", *activations)
        self.renderer = PlainRenderer(self.synthesis, dtype=dtype)


def _style_rows(config: StyleGAN2Config) -> list[StyleRow]:
    rows = []
    for i in range(config.num_layers):
        inputs, outputs = config.layer_channels(i)
        size = config.layer_resolution(i)
        name = "conv" if i == 0 else "conv0" if i % 2 else "conv1"
        rows.append(StyleRow(f"{size}:{name}", i, inputs, False))
        if i % 2 == 0:
            rows.append(StyleRow(f"{size}:to_rgb", i + 1, outputs, True))
    return rows


def _weight(
    layer: StyleLayer | ToRGBLayer, name: str, dtype: torch.dtype, packed: Packed[Tensor] | None
) -> Tensor:
    """The layer's weight in the activations' dtype and memory format, packed once where it may be."""

    def pack(weight: Tensor) -> Tensor:
        return weight.to(dtype, memory_format=torch.channels_last)

    if packed is None:  # the same form, so the same bits, with gradients
        return pack(layer.weight)
    return packed.get(name, layer.weight, dtype, pack)
