"""PGGAN: z alone, and layers that normalise each pixel before they convolve.

Parameter names are the canonical ones of `docs/generators.md`; all runtime gains are folded into the tensors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .. import ops
from .._shapes import shape
from ..checkpoints import PGGANConfig
from ..rendering import LayerState, Noise, Packed, PlainRenderer
from .convolving import PlainToRGB, convolved, kernel
from .generator import Generator, ToRGB
from .mapping import normalise

_EPS = 1e-8


def pixel_norm(x: Tensor) -> Tensor:
    """x / sqrt(mean x^2 + 1e-8) over the channels of each pixel [N, C, H, W]; the mean is float32 at least."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return x * (wide.square().mean(dim=1, keepdim=True) + _EPS).rsqrt().to(x.dtype)


class FirstLayer(nn.Module):
    """The 4x4 picture that z becomes: one linear map, bias, leaky ReLU."""

    def __init__(self, config: PGGANConfig) -> None:
        super().__init__()
        self.weight = kernel(config.channels[4], config.z_dim, 4)
        self.bias = nn.Parameter(torch.zeros(config.channels[4]))

    def forward(self, z: Tensor, *, dtype: torch.dtype) -> Tensor:
        """[N, C, 4, 4] of z [N, Z], which is normalised here, once by the network and once by the layer."""
        x = normalise(normalise(z.to(self.weight.dtype)))
        x = (x @ self.columns().t()).unflatten(1, (4, 4, -1)).permute(0, 3, 1, 2)
        return ops.bias_act(x.to(dtype), self.bias, gain=1.0)

    def columns(self) -> Tensor:
        """The weight as a linear map [16 C, Z]."""
        return self.weight.permute(2, 3, 0, 1).flatten(0, 2)


class ConvLayer(nn.Module):
    """Pixel norm, convolution (of the doubled picture on even layers), bias, leaky ReLU."""

    def __init__(self, config: PGGANConfig, index: int) -> None:
        super().__init__()
        inputs, outputs = config.layer_channels(index)
        self.index, self.up = index, 1 if index % 2 else 2
        self.weight = kernel(outputs, inputs, 3)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, *, packed: Packed[Tensor] | None) -> Tensor:
        """The layer's output [N, O, H, W]."""
        x, name = pixel_norm(x), f"layers.{self.index}"
        y = convolved(x, self.weight, up=self.up, name=name, packed=packed)
        return ops.bias_act(y, self.bias, gain=1.0)


class Synthesis(nn.Module):
    """The network: z -> picture."""

    def __init__(self, config: PGGANConfig) -> None:
        super().__init__()
        later = (ConvLayer(config, i) for i in range(1, config.num_layers))
        self.layers = nn.ModuleList([FirstLayer(config), *later])
        self.to_rgb = PlainToRGB(config.channels[config.resolution], config.img_channels)
        self.z_dim = config.z_dim
        self.sizes = [
            (config.layer_channels(i)[1], config.layer_resolution(i))
            for i in range(config.num_layers)
        ]

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
        """Run the layers after `state`, to `stop` or to the picture; there is no noise in any mode.

        Raises:
            ValueError, TypeError: codes that are not z [N, Z], or a state or stop of another network.
        """
        self._check(styles, state, stop)
        if state is None:
            assert isinstance(styles, Tensor)
            x = self.layers[0](styles, dtype=dtype or self.to_rgb.weight.dtype)
            x, first = x.contiguous(memory_format=torch.channels_last), 1
            if stop == 0:
                return LayerState(0, x, None)
        else:
            x, first = state.x, state.index + 1
        for i in range(first, len(self.layers)):
            x = self.layers[i](x, packed=packed)
            if i == stop:
                return LayerState(i, x, None)
        return self.to_rgb(pixel_norm(x))  # type: ignore[no-any-return]

    def _check(
        self, z: Sequence[Tensor] | Tensor, state: LayerState | None, stop: int | None
    ) -> None:
        shape("render: z", z, "N Z", Z=self.z_dim)
        last = len(self.layers) - 1
        if state is not None:
            if not 0 <= state.index <= last:
                raise ValueError(f"render: state.index must be 0-{last}, got {state.index}")
            channels, side = self.sizes[state.index]
            shape("render: state.x", state.x, "N C H W", C=channels, H=side, W=side)
        first = 0 if state is None else state.index + 1
        if stop is not None and not first <= stop <= last:
            which = (
                f"a layer {first}-{last}" if first <= last else "left out: the state is the last"
            )
            raise ValueError(f"render: stop must be {which}, got {stop}")

    def forward(self, z: Tensor, *, noise: Noise = "const") -> Tensor:
        """Images [N, 3, H, W] of z [N, Z], with gradients."""
        images = self.run(z, noise=noise)
        assert isinstance(images, Tensor)
        return images


class PGGAN(Generator):
    """Progressive GAN (any power-of-two resolution, grown to its end): z alone, and no noise.

    z is normalised by the network, so a step in it turns the code rather than lengthens it, and the picture
    moves along an arc. SeFa reads the first layer.

    Args:
        config: sizes; fresh random weights, as for training. `load` fills in those of a file.
        dtype: of activations in the renderer; parameters stay as they are. None = as they.

    Source: Karras et al., "Progressive growing of GANs for improved quality, stability, and variation", ICLR
        2018, table 2 and section 4.
    """

    family = "pggan"

    def __init__(self, config: PGGANConfig, *, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.config = config
        self.z_dim, self.resolution = config.z_dim, config.resolution
        self.synthesis = Synthesis(config)
        self.renderer = PlainRenderer(self.synthesis, dtype=dtype)

    def style_weights(
        self, layers: Sequence[int] | None = None, *, to_rgb: ToRGB = "last"
    ) -> list[Tensor]:
        """The first layer's weight [16 C, Z], the only one that z meets; there are no layers to choose."""
        if layers is not None:
            raise ValueError(
                f"style_weights: z enters the first layer alone; leave layers out, got {list(layers)}"
            )
        first = self.synthesis.layers[0]
        assert isinstance(first, FirstLayer)
        return [first.columns().detach()]
