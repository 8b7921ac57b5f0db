"""bias_act: y = clamp(gain * lrelu(x + b))."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from .._shapes import floating, memory_format, one_device, shape
from ._library import register

SCHEMA = "bias_act(Tensor x, Tensor? bias, float slope, float gain, float? clamp) -> Tensor"
SQRT2 = math.sqrt(2)


def reference(
    x: Tensor, bias: Tensor | None, slope: float, gain: float, clamp: float | None
) -> Tensor:
    y = x if bias is None else x + bias.to(x.dtype).view(1, -1, *[1] * (x.dim() - 2))
    y = leaky_relu(y, slope) * gain
    y = y if clamp is None else y.clamp(-clamp, clamp)
    return y.contiguous(memory_format=memory_format(x))


def fake(x: Tensor, bias: Tensor | None, slope: float, gain: float, clamp: float | None) -> Tensor:
    return torch.empty_like(x, memory_format=memory_format(x))


def pre_activation_gradient(
    grad: Tensor, y: Tensor, slope: float, gain: float, clamp: float | None
) -> Tensor:
    """Gradient before the activation, told from its output: sign and clamp are visible there."""
    if clamp is not None:
        grad = grad * (y.abs() < clamp).to(grad.dtype)
    grad = torch.ops.aten.leaky_relu_backward(grad, y, slope, True)  # True: y is the result
    return grad * gain


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, _, ctx.slope, ctx.gain, ctx.clamp = inputs
    ctx.save_for_backward(output)


def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (y,) = ctx.saved_tensors
    grad = pre_activation_gradient(grad, y, ctx.slope, ctx.gain, ctx.clamp)
    bias = grad.sum([d for d in range(grad.dim()) if d != 1]) if ctx.needs_input_grad[1] else None
    return grad, bias, None, None, None


def example(random: torch.Generator) -> tuple[Any, ...]:
    x, bias = (torch.randn(s, generator=random) for s in ((2, 17, 9, 7), (17,)))
    return x, bias, 0.2, SQRT2, 4.0


_call = register(
    SCHEMA,
    reference=reference,
    fake=fake,
    setup_context=setup_context,
    backward=backward,
    example=example,
)


def bias_act(
    x: Tensor,
    bias: Tensor | None = None,
    *,
    slope: float = 0.2,
    gain: float = SQRT2,
    clamp: float | None = None,
) -> Tensor:
    """Bias, leaky ReLU, gain and clamp: y = clamp(gain * lrelu(x + b)).

    Args:
        x: [N, C, ...], any floating dtype.
        bias: [C] or None.
        slope: of the negative side, > 0; 1 = linear.
        gain: > 0.
        clamp: largest |y|, or None.

    Returns:
        y, of x's shape, dtype and memory format.

    Raises:
        ValueError, TypeError: a shape, a dtype or a number that does not fit.

    Source: Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020.
    """
    floating("bias_act: x", x)
    if x.dim() < 2:
        raise ValueError(f"bias_act: x must be [N, C, ...], got {list(x.shape)}")
    if bias is not None:
        floating("bias_act: bias", bias)
        shape("bias_act: bias", bias, "C", C=x.shape[1])
    one_device("bias_act", x, bias)
    positive("bias_act", slope=slope, gain=gain, clamp=clamp)
    return _call(x, bias, slope, gain, clamp)  # type: ignore[no-any-return]


def positive(name: str, **numbers: float | None) -> None:
    """Refuse numbers that are not positive and finite; None passes."""
    for argument, value in numbers.items():
        if value is not None and not (0 < value < math.inf):
            raise ValueError(f"{name}: {argument} must be a positive finite number, got {value}")
