"""StyleGAN3: Fourier features that a transform places, and layers whose leaky ReLU is filtered.

Parameter names are the canonical ones of `docs/generators.md`; all runtime gains are folded into the tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from .. import ops
from .._shapes import shape
from ..checkpoints import FilteredLayer, StyleGAN3Config
from ..rendering import LayerState, Noise, Packed, PlainRenderer
from .generator import StyleRow, ToRGB
from .mapping import Mapping, linear
from .styled import Styled, StyledGenerator

_SQRT2 = math.sqrt(2)


class FourierInput(nn.Module):
    """Waves over an endless plane, and the window that w and a transform cut out of it."""

    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        channels = config.input_channels
        self.size, self.rate, self.bandwidth = (
            config.input_size,
            config.sampling_rate,
            config.bandwidth,
        )
        self.affine = linear(config.w_dim, 4)
        nn.init.zeros_(self.affine.weight)
        with torch.no_grad():
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
        self.weight = nn.Parameter(torch.randn(channels, channels).mul_(channels**-0.5))
        # Frequencies evenly over the disc of the bandwidth.
        angle, radius = 2 * torch.pi * torch.rand(channels), torch.rand(channels).sqrt()
        waves = torch.stack((angle.cos(), angle.sin()), dim=1) * radius[:, None] * self.bandwidth
        self.register_buffer("freqs", waves)
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))

    def forward(self, style: Tensor) -> Tensor:
        """Features [N, C, H, W] of the placement [N, 4]: a turn (cos, sin) of any length, and a shift.

        Each wave is sin(2 pi (f . x + p)) at x = R T M x', M the user's transform, T the shift, R the turn.
        Waves that turn past the grid's own limit fade out.

        Source: Karras et al. 2021 (StyleGAN3), section 3.2 and appendix F.
        """
        placed = style / style[:, :2].norm(dim=1, keepdim=True)
        cos, sin, right, down = placed.unbind(dim=1)
        turn = torch.stack((cos, -sin, sin, cos), dim=1).view(-1, 2, 2)
        shift = torch.stack((right, down), dim=1)[:, :, None]
        window = torch.cat((turn, -turn @ shift), dim=2) @ self.transform  # [N, 2, 3]
        freqs = self.freqs @ window[:, :, :2]  # [N, C, 2]
        phases = self.phases + window[:, :, 2] @ self.freqs.t()  # [N, C]
        limit = self.rate / 2
        strength = 1 - (freqs.norm(dim=2) - self.bandwidth) / (limit - self.bandwidth)
        # Middles of the pixels, in picture sides from the middle of the picture.
        axis = torch.arange(self.size, device=style.device, dtype=style.dtype)
        axis = (axis + 0.5 - self.size / 2) / self.rate
        right_part = axis[None, None, :, None] * freqs[:, None, None, :, 0]
        down_part = axis[None, :, None, None] * freqs[:, None, None, :, 1]
        turns = right_part + down_part + phases[:, None, None]  # [N, H, W, C]
        waves = (turns * (2 * torch.pi)).sin() * strength.clamp(0, 1)[:, None, None]
        features: Tensor = waves @ self.weight.t()
        return features.permute(0, 3, 1, 2)  # channels last in memory


class FilteredStyleLayer(nn.Module):
    """Parameters of one modulated layer with a filtered leaky ReLU; of to_rgb, which has none."""

    magnitude: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(self, config: StyleGAN3Config, index: int) -> None:
        super().__init__()
        self.form: FilteredLayer = config.layers[index]
        self.to_rgb, self.clamp = index == len(config.layers) - 1, config.conv_clamp
        inputs, form = config.layer_inputs(index), self.form
        self.affine = linear(config.w_dim, inputs, bias=1.0)
        weight = torch.randn(form.outputs, inputs, form.kernel, form.kernel)
        scale = weight[0].numel() ** -0.5 if self.to_rgb else 1.0
        self.weight = nn.Parameter(weight.mul_(scale))
        self.bias = nn.Parameter(torch.zeros(form.outputs))
        self.register_buffer("magnitude", torch.ones(()))
        for name, taps in (("up_filter", form.up_shape), ("down_filter", form.down_shape)):
            even = torch.full(taps, 1 / math.prod(taps)) if taps else None
            self.register_buffer(name, even)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """The layer's output [N, O, H, W]."""
        form = self.form
        # A full convolution: the operator pads by half the kernel, the rest is added here.
        rest = form.kernel - 1 - form.kernel // 2
        x = ops.modulated_conv2d(
            pad(x, [rest] * 4) if rest else x, style, self.weight, demodulate=not self.to_rgb
        )
        x = x * self.magnitude.rsqrt().to(x.dtype)
        slope, gain = (1.0, 1.0) if self.to_rgb else (0.2, _SQRT2)
        return ops.filtered_lrelu(
            x,
            self.bias,
            up_filter=self.up_filter,
            down_filter=self.down_filter,
            up=form.up,
            down=form.down,
            padding=form.padding,
            slope=slope,
            gain=gain,
            clamp=self.clamp,
        )


class Synthesis(Styled):
    """The synthesis network: styles -> picture. Layer 0 is the input, the last one to_rgb."""

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        filtered_layers = (FilteredStyleLayer(config, i) for i in range(len(config.layers)))
        self.layers = nn.ModuleList([FourierInput(config), *filtered_layers])
        self.rows = tuple(_style_rows(config))
        self.num_ws, self.w_dim, self.channels = config.num_ws, config.w_dim, config.img_channels
        self.output_scale = config.output_scale
        self.sizes = [(config.input_channels, config.input_size)]
        self.sizes += [(layer.outputs, layer.size) for layer in config.layers]

    def affines(self) -> list[nn.Linear]:
        """Affine of each style row."""
        return [cast(FilteredStyleLayer, layer).affine for layer in self.layers]

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
        """Run the layers after `state`, to `stop` or to the picture; there is no noise in any mode."""
        self.check(styles, state, stop)
        if state is None:
            x, first = self.layers[0](styles[0]).to(dtype or styles[0].dtype), 1
            if stop == 0:
                return LayerState(0, x, None)
        else:
            x, first = state.x, state.index + 1
        for i in range(first, len(self.layers)):
            x = self.layers[i](x, styles[i])
            if i == stop:
                return LayerState(i, x, None)
        return x.to(torch.promote_types(x.dtype, torch.float32)) * self.output_scale  # type: ignore[no-any-return]

    def check_state(self, state: LayerState) -> None:
        """A state must be one of this network: any other shape would render garbage."""
        channels, side = self.sizes[state.index]
        shape("render: state.x", state.x, "N C H W", C=channels, H=side, W=side)
        if state.rgb is not None:
            raise ValueError("render: state.rgb must be None: StyleGAN3 has one to_rgb, at its end")


class StyleGAN3(StyledGenerator):
    """StyleGAN3, T (translation) and R (rotation too): pictures that move with their transform.

    Slot 0 of w_plus places the input (four numbers: a turn and a shift), slot i steers layer i, the last one
    to_rgb. There is no noise.

    Args:
        config: sizes; fresh random weights and flat filters. `load` fills in those of a file.
        dtype: of activations in the renderer; parameters and styles stay as they are. None = as they.

    Source: Karras et al., "Alias-free generative adversarial networks", NeurIPS 2021.
    """

    family = "stylegan3"
    synthesis: Synthesis

    def __init__(self, config: StyleGAN3Config, *, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.config = config
        self.z_dim, self.w_dim, self.c_dim = config.z_dim, config.w_dim, config.c_dim
        self.num_ws, self.resolution = config.num_ws, config.resolution
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)
        self.style_rows = self.synthesis.rows
        activations = (f"act:{i}" for i in range(config.num_ws - 1))
        self.spaces = ("z", "w", "w_plus", "styles", *activations)
        self.renderer = PlainRenderer(self.synthesis, dtype=dtype)

    def place(self, *, translate: tuple[float, float] = (0.0, 0.0), rotate: float = 0.0) -> None:
        """Place every picture from now on: turned about its middle, then shifted.

        Args:
            translate: right and down, in sides of the picture.
            rotate: degrees, counter-clockwise.

        Raises:
            ValueError: numbers that are not finite.
        """
        if not all(map(math.isfinite, (*translate, rotate))):
            raise ValueError(
                f"place: translate and rotate must be finite, got {translate}, {rotate}"
            )
        angle = math.radians(rotate)
        cos, sin = math.cos(angle), math.sin(angle)
        right, down = translate
        # Where the picture goes; a window onto the plane moves the other way.
        moved = torch.tensor([[cos, sin, right], [-sin, cos, down], [0.0, 0.0, 1.0]])
        place = cast(FourierInput, self.synthesis.layers[0]).transform
        place.copy_(torch.linalg.inv(moved))

    def style_weights(
        self, layers: Sequence[int] | None = None, *, to_rgb: ToRGB = "last"
    ) -> list[Tensor]:
        """Affine weights [C_l, D] of the style rows; the input's place (slot 0) is no style and left out."""
        slots = range(self.num_ws) if layers is None else layers
        return super().style_weights([slot for slot in slots if slot], to_rgb=to_rgb)


def _style_rows(config: StyleGAN3Config) -> list[StyleRow]:
    rows = [StyleRow(f"{config.input_size}:input", 0, 4, False)]
    for i, layer in enumerate(config.layers):
        last = i == len(config.layers) - 1
        name = f"{layer.size}:{'to_rgb' if last else f'conv{i}'}"
        rows.append(StyleRow(name, i + 1, config.layer_inputs(i), last))
    return rows
