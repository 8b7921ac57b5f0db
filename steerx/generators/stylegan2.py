"""StyleGAN2 with skip connections: mapping, affines, synthesis. One operator call per layer.

Parameter names are the canonical ones of `docs/architecture.md`; all runtime gains are folded into the
tensors, so a layer is what its weights say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn

from .. import ops
from .._shapes import shape
from ..checkpoints import StyleGAN2Config
from ..rendering import LayerState, Noise, Packed, PlainRenderer
from ..rendering.noise import layer_noise
from .generator import Generator, StyleRow, ToRGB, check_truncation
from .labels import Label, one_hot

_EPS = 1e-8


def normalise(x: Tensor) -> Tensor:
    """x / sqrt(mean x^2 + 1e-8) along the last axis."""
    return x * (x.square().mean(dim=-1, keepdim=True) + _EPS).rsqrt()


class Mapping(nn.Module):
    """The mapping network: (normalised z, embedded label) -> w [N, D]."""

    w_avg: Tensor

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.c_dim = config.c_dim
        if config.c_dim:
            self.embed = _linear(config.c_dim, config.embed_dim)
        width = config.z_dim + config.embed_dim
        depth = config.mapping_layers
        self.layers = nn.ModuleList(
            _linear(width if i == 0 else config.w_dim, config.w_dim) for i in range(depth)
        )
        rows = () if config.w_avg_rows == 1 else (config.w_avg_rows,)
        self.register_buffer("w_avg", torch.zeros(*rows, config.w_dim))

    def forward(self, z: Tensor, label: Label = None) -> Tensor:
        """w [N, D] of z [N, Z]; a label is a class, [N] classes or one-hot rows [N, c_dim]."""
        x = normalise(z.to(self.w_avg.dtype))
        rows = one_hot(label, len(z), self.c_dim, like=x)
        if rows is not None:
            x = torch.cat((x, normalise(self.embed(rows))), dim=1)
        for layer in self.layers:
            # The bias is the operator's, so only the product is the linear layer's.
            x = ops.bias_act(x @ layer.weight.t(), layer.bias)  # type: ignore[operator, arg-type]
        return x


class StyleLayer(nn.Module):
    """Parameters of one style_layer."""

    noise: Tensor

    def __init__(self, config: StyleGAN2Config, index: int) -> None:
        super().__init__()
        inputs, outputs = config.layer_channels(index)
        size = config.layer_resolution(index)
        self.index, self.up, self.clamp = index, 2 if index % 2 else 1, config.conv_clamp
        self.affine = _linear(config.w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3) / math.sqrt(inputs * 9))
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
        self.affine = _linear(config.w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(
            torch.randn(config.img_channels, inputs, 1, 1) / math.sqrt(inputs)
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


class Synthesis(nn.Module):
    """The synthesis network: styles -> picture."""

    filter: Tensor

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.const = nn.Parameter(torch.randn(config.channels[4], 4, 4))
        self.layers = nn.ModuleList(StyleLayer(config, i) for i in range(config.num_layers))
        self.to_rgbs = nn.ModuleList(ToRGBLayer(config, b) for b in range(len(config.resolutions)))
        rows, columns = (_binomial(taps) for taps in config.filter_shape)
        self.register_buffer("filter", torch.outer(rows, columns))
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

    def styles(self, w_plus: Tensor) -> list[Tensor]:
        """Styles [N, C_l] of w_plus [N, L, D], one per style row."""
        shape("styles: w_plus", w_plus, "N L D", L=self.num_ws, D=self.w_dim)
        pairs = zip(self.rows, self.affines(), strict=True)
        return [affine(w_plus[:, row.slot]) for row, affine in pairs]

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

    def check(
        self, styles: Sequence[Tensor] | Tensor, state: LayerState | None, stop: int | None
    ) -> None:
        """Refuse styles, a state or a stop that are not this network's.

        Raises:
            ValueError: which one, and what it must be.
        """
        if isinstance(styles, Tensor) or len(styles) != len(self.rows):
            raise ValueError(
                f"render: styles must be a list of {len(self.rows)} tensors [N, C_l], one per style "
                f"row, got {'a tensor' if isinstance(styles, Tensor) else len(styles)}; "
                "use G.styles(w_plus)"
            )
        batch = styles[0].shape[0] if state is None else state.x.shape[0]
        for row, style in zip(self.rows, styles, strict=True):
            shape(f"render: styles of {row.name}", style, "N C", N=batch, C=row.channels)
        first = 0
        if state is not None:
            self._check_state(state)
            first = state.index + 1
        last = len(self.layers) - 1
        if stop is not None and first > last:
            raise ValueError("render: the state is that of the last style_layer; leave stop out")
        if stop is not None and not first <= stop <= last:
            raise ValueError(f"render: stop must be a style_layer {first}-{last}, got {stop}")

    def _check_state(self, state: LayerState) -> None:
        """A state must be one of this network: any other shape would render garbage."""
        last = len(self.layers) - 1
        if not 0 <= state.index <= last:
            raise ValueError(f"render: state.index must be 0-{last}, got {state.index}")
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

    def forward(self, codes: Tensor | Sequence[Tensor], *, noise: Noise = "const") -> Tensor:
        """Images [N, 3, H, W] of w [N, D], w_plus [N, L, D] (both as they are) or styles, with gradients."""
        if isinstance(codes, Tensor):
            w_plus = codes if codes.dim() == 3 else codes[:, None].expand(-1, self.num_ws, -1)
            codes = self.styles(w_plus)
        images = self.run(codes, noise=noise)
        assert isinstance(images, Tensor)
        return images


class StyleGAN2(Generator):
    """StyleGAN2 (config-e, config-f, ada; skip architecture; any power-of-two resolution).

    ``G.mapping(z)`` and ``G.synthesis(codes)`` are its two plain modules; `codes`, `enter` and
    ``G.renderer`` are what upper floors use.

    Args:
        config: sizes; fresh random weights, as for training. `load` fills in those of a file.
        dtype: of activations in the renderer; parameters and styles stay as they are. None = as they.

    Source: Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020.
    """

    family = "stylegan2"
    mapping: Mapping

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

    def truncation_scale(self, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """What truncation multiplies a step in w by, per w slot [L]."""
        check_truncation(psi, cutoff, self.num_ws)
        scale = torch.ones(self.num_ws, dtype=self.mapping.w_avg.dtype, device=self.device)
        scale[:cutoff] = psi
        return scale

    def truncate(self, w: Tensor, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """w_plus [N, L, D] = w_avg + psi (w - w_avg) on w slots below cutoff (None = all).

        Args:
            w: [N, D], or [N, L, D].
            psi: 1 = off.
            cutoff: 0 ... L or None.

        Source: Karras et al. 2019 (StyleGAN), appendix B.
        """
        if w.dim() == 2:
            shape("truncate: w", w, "N D", D=self.w_dim)
            w = w[:, None].repeat(1, self.num_ws, 1)  # slots of their own, which an edit may move
        shape("truncate: w_plus", w, "N L D", L=self.num_ws, D=self.w_dim)
        scale = self.truncation_scale(psi=psi, cutoff=cutoff)
        if psi == 1:
            return w  # bit for bit
        w_avg = self.mapping.w_avg
        truncated = w_avg + psi * (w - w_avg)
        return torch.where((scale != 1)[:, None], truncated, w)

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
                "none", "first" or "all".
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


def _linear(inputs: int, outputs: int, bias: float = 0.0) -> nn.Linear:
    """A linear layer at the scale at which these networks start training."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=1 / math.sqrt(inputs))
    nn.init.constant_(layer.bias, bias)
    return layer


def _binomial(taps: int) -> Tensor:
    """[1, 3, 3, 1] / 8 for four taps: the row of Pascal's triangle, sum 1."""
    row = torch.tensor([math.comb(taps - 1, i) for i in range(taps)], dtype=torch.float32)
    return row / row.sum()
