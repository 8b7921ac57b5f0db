"""A layer's convolution by the vendor's library, its weights scaled so that no half-precision number overflows.

y = conv(x s, W) rsqrt((s*s) @ (sum_k W^2)^T + eps). With s = a s' and W = b W', a the largest magnitude and b
that times at least sqrt(9 I), the number of taps, |s'| <= 1 and sum W'^2 <= 1, so that |conv(x s', W')| is no
larger than the y that it becomes, and

    y = conv(x s', W') rsqrt((s'*s') @ (sum_k W'^2)^T + eps / (a b)^2):

the scales cancel in the demodulation, and eps is scaled by the same factors, so that every dtype computes one
truth. An all-zero style keeps a = 1 (no 0/0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from ..ops import _demodulation

Form = Literal["plain", "transposed", "dense"]


@dataclass(frozen=True)
class Kernel:
    """A convolution's weight as the library takes it.

    Attributes:
        weight: W' in the dtype of activations, channels last: [O, I, 3, 3] for "plain", [I, O, 3, 3] for
            "transposed", [4 O, I, 2, 2] for "dense".
        power: sum_k W'^2 [I, O], float32.
        scale: b [O], float32: the largest |W| times a power of 2 that is sqrt(9 I) or more.
        form: how it is convolved.
    """

    weight: Tensor
    power: Tensor
    scale: Tensor
    form: Form


@dataclass(frozen=True)
class Style:
    """A style, scaled.

    Attributes:
        unit: s' [N, I], float32.
        scale: a [N, 1], float32.
    """

    unit: Tensor
    scale: Tensor


def scaled(style: Tensor) -> Style:
    """s' and a of a style [N, I]."""
    style = style.float().contiguous()
    scale = _largest(style, 1)
    return Style(style / scale, scale)


def kernel(weight: Tensor, form: Form, dtype: torch.dtype) -> Kernel:
    """A weight [O, I, 3, 3], packed."""
    weight = weight.detach().float()
    taps = max(weight.shape[1:].numel(), 1)
    # A power of 2: the bits of W' are what they were.
    scale = _largest(weight, (1, 2, 3)) * 2.0 ** math.ceil(math.log2(taps) / 2)
    unit = weight / scale
    packed = {"plain": unit, "transposed": unit.transpose(0, 1)}.get(form)
    packed = dense(unit) if packed is None else packed
    return Kernel(
        packed.to(dtype).contiguous(memory_format=torch.channels_last),
        unit.square().sum((2, 3)).t().contiguous(),
        scale.flatten(),
        form,
    )


def dense(weight: Tensor) -> Tensor:
    """The 2x2 kernel [4 O, I, 2, 2] whose plain convolution is a stride-2 transposed one, its phases aside.

    Row 2 a + i of the transposed convolution takes x[a] with tap i, and for i = 0 also x[a - 1] with
    tap 2; columns alike. Phase (i, j) stands at channels (2 i + j) O ... of the result.
    """
    o, i = weight.shape[:2]
    phases = weight.new_zeros(2, 2, o, i, 2, 2)
    taps = {0: ((0, 2), (1, 0)), 1: ((1, 1),)}  # phase -> (place in the 2x2 kernel, tap of the 3x3)
    for row, rows in taps.items():
        for column, columns in taps.items():
            for a, k in rows:
                for b, m in columns:
                    phases[row, column, :, :, a, b] = weight[:, :, k, m]
    return phases.view(4 * o, i, 2, 2)


def demodulation(style: Style, kernel: Kernel) -> Tensor:
    """What the convolution of x s' with W' is multiplied by [N, O], float32."""
    return _demodulation.demodulation(style.unit, style.scale, kernel.power, kernel.scale)


@dataclass(frozen=True)
class Policy:
    """What the library may do; given with every call, never as a global flag.

    Attributes:
        benchmark: measure its algorithms on new sizes and take the fastest.
        deterministic: take only algorithms that give the same bits again.
        tf32: round float32 factors to tf32.
    """

    benchmark: bool = True
    deterministic: bool = False
    tf32: bool = False


def convolve(x: Tensor, kernel: Kernel, policy: Policy) -> Tensor:
    """The convolution, channels last, as `steerx.ops._epilogue.epilogue` takes it.

    Args:
        x: x s' [N, I, H, W], channels last.

    Returns:
        [N, H, W, O] for "plain", [N, 2 H + 1, 2 W + 1, O] for "transposed", [N, H + 1, W + 1, 4, O] for
        "dense".
    """
    padding, stride = {"plain": (1, 1), "transposed": (0, 2), "dense": (1, 1)}[kernel.form]
    transposed = kernel.form == "transposed"
    if x.is_cuda and torch.backends.cudnn.is_acceptable(x):
        flags = (policy.benchmark, policy.deterministic, policy.tf32)
        pads, strides, ones = [padding] * 2, [stride] * 2, [1, 1]
        cudnn = torch.ops.aten
        if transposed:
            y = cudnn.cudnn_convolution_transpose(
                x, kernel.weight, pads, [0, 0], strides, ones, 1, *flags
            )
        else:
            y = cudnn.cudnn_convolution(x, kernel.weight, pads, strides, ones, 1, *flags)
    elif transposed:
        y = conv_transpose2d(x, kernel.weight, stride=stride)
    else:
        y = conv2d(x, kernel.weight, padding=padding)
    y = cast(Tensor, y).permute(0, 2, 3, 1).contiguous()
    return y.unflatten(3, (4, -1)) if kernel.form == "dense" else y


def _largest(x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Largest magnitude, 1 where all are 0; its axes are kept."""
    largest = x.abs().amax(dim, keepdim=True)
    return largest.where(largest > 0, 1.0)
