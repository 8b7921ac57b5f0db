"""The 3x3 layers of PGGAN and StyleGAN: at one size, or at twice the size."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from ..rendering import Packed


def convolved(
    x: Tensor, weight: Tensor, *, up: int, name: str, packed: Packed[Tensor] | None
) -> Tensor:
    """The convolution of x, or with up = 2 of x with every pixel doubled in both directions.

    The doubled picture is never made: its convolution with W is a transposed one of x, with stride 2 and the
    4x4 sums of W's neighbours.

    Args:
        x: [N, I, H, W].
        weight: W [O, I, 3, 3].
        up: 1 or 2.
        name: of the packed form.
        packed: where it is kept; None = made anew, with gradients.

    Returns:
        [N, O, H * up, W * up].
    """

    def pack(weight: Tensor) -> Tensor:
        weight = spread(weight) if up == 2 else weight
        return weight.to(x.dtype, memory_format=torch.channels_last)

    form = pack(weight) if packed is None else packed.get(name, weight, x.dtype, pack)
    if up == 2:
        return conv_transpose2d(x, form, stride=2, padding=1)
    return conv2d(x, form, padding=1)


def spread(weight: Tensor) -> Tensor:
    """The kernel [I, O, 4, 4] of the transposed convolution that doubles pixels and convolves with W."""
    # A transposed convolution turns its kernel around; so is W first.
    turned = pad(weight.flip((2, 3)).transpose(0, 1), (1, 1, 1, 1))
    rows = turned[:, :, 1:] + turned[:, :, :-1]
    return rows[:, :, :, 1:] + rows[:, :, :, :-1]


def kernel(outputs: int, inputs: int, taps: int) -> nn.Parameter:
    """A weight [O, I, k, k] at the scale at which these networks start training."""
    weight = torch.randn(outputs, inputs, taps, taps)
    return nn.Parameter(weight.mul_(math.sqrt(2 / (inputs * taps**2))))


class PlainToRGB(nn.Module):
    """The plain to_rgb of these families: no style reaches it."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, inputs, 1, 1).mul_(inputs**-0.5))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Images [N, 3, H, W], float32 at least."""
        dtype = torch.promote_types(x.dtype, self.weight.dtype)
        return conv2d(x.to(dtype), self.weight.to(dtype), self.bias.to(dtype))
