"""filtered_lrelu: bias, upsample, leaky ReLU, gain, clamp, downsample: an activation that does not alias."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .._shapes import filled, floating, memory_format, one_device, shape
from . import _bias_act, _upfirdn2d
from ._library import register

SCHEMA = (
    "filtered_lrelu(Tensor x, Tensor? bias, Tensor? up_filter, Tensor? down_filter, int up, int down, "
    "int[] padding, float slope, float gain, float? clamp) -> Tensor"
)
_NOWHERE = [0, 0, 0, 0]


def passes(
    x: Tensor, filter: Tensor | None, up: int, down: int, padding: list[int]
) -> list[tuple[Tensor, int, int, list[int], float]]:
    """What `upfirdn2d` does one after the other: both directions at once for [t, t], in turn for [t]."""
    left, right, top, bottom = padding
    if filter is None:
        return [(torch.ones(1, 1, dtype=x.dtype, device=x.device), up, down, padding, up**2)]
    if filter.dim() == 2:
        return [(filter, up, down, padding, up**2)]
    return [
        (filter[:, None], up, 1, [0, 0, top, bottom], up**2),
        (filter[None], 1, down, [left, right, 0, 0], 1.0),
    ]


def resampled(
    call: Callable[..., Tensor], x: Tensor, filter: Tensor | None, up: int, down: int, to: list[int]
) -> Tensor:
    for arguments in passes(x, filter, up, down, to):
        x = call(x, *arguments)
    return x


def transposed(
    grad: Tensor, x: Tensor, filter: Tensor | None, up: int, down: int, to: list[int]
) -> Tensor:
    """The transposed map of `resampled`, of a gradient; x is what that was applied to, for its size."""
    sizes, size, steps = [], (x.shape[2], x.shape[3]), passes(x, filter, up, down, to)
    for taps, u, d, p, _ in steps:
        sizes.append(size)
        height = (size[0] * u + p[2] + p[3] - taps.shape[0]) // d + 1
        size = (height, (size[1] * u + p[0] + p[1] - taps.shape[1]) // d + 1)
    for (taps, u, d, p, gain), before in zip(reversed(steps), reversed(sizes), strict=True):
        grad = _upfirdn2d.adjoint(grad, taps, before, u, d, p, gain)
    return grad


def shifted(x: Tensor, bias: Tensor | None) -> Tensor:
    return x if bias is None else x + bias.to(x.dtype)[:, None, None]


def reference(
    x: Tensor,
    bias: Tensor | None,
    up_filter: Tensor | None,
    down_filter: Tensor | None,
    up: int,
    down: int,
    padding: list[int],
    slope: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    call = _upfirdn2d.reference
    y = resampled(call, shifted(x, bias), up_filter, up, 1, padding)
    y = _bias_act.reference(y, None, slope, gain, clamp)
    y = resampled(call, y, down_filter, 1, down, _NOWHERE)
    return y.contiguous(memory_format=memory_format(x))


def output_size(
    x: Tensor,
    up_filter: Tensor | None,
    down_filter: Tensor | None,
    up: int,
    down: int,
    padding: list[int],
) -> tuple[int, int]:
    """Height and width of the result; 0 or less where the filters reach past the picture."""
    left, right, top, bottom = padding
    first, last = (1 if f is None else f.shape[0] for f in (up_filter, down_filter))
    height = x.shape[2] * up + top + bottom - first + 1
    width = x.shape[3] * up + left + right - first + 1
    if min(height, width) < 1:
        return 0, 0
    return (height - last) // down + 1, (width - last) // down + 1


def fake(
    x: Tensor,
    bias: Tensor | None,
    up_filter: Tensor | None,
    down_filter: Tensor | None,
    up: int,
    down: int,
    padding: list[int],
    slope: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    size = (*x.shape[:2], *output_size(x, up_filter, down_filter, up, down, padding))
    return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=memory_format(x))


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    # x alone: what lies between the filters is several times its size, and made again instead.
    *tensors, ctx.up, ctx.down, ctx.padding, ctx.slope, ctx.gain, ctx.clamp = inputs
    ctx.save_for_backward(*tensors)


def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    if ctx.needs_input_grad[2] or ctx.needs_input_grad[3]:
        raise RuntimeError("filtered_lrelu: filters are constants; detach them")
    x, bias, up_filter, down_filter = ctx.saved_tensors
    call = _upfirdn2d._call
    middle = resampled(call, shifted(x, bias), up_filter, ctx.up, 1, list(ctx.padding)).detach()
    grad = transposed(grad, middle, down_filter, 1, ctx.down, _NOWHERE)
    acted = _bias_act.reference(middle, None, ctx.slope, ctx.gain, ctx.clamp)
    grad = _bias_act.pre_activation_gradient(grad, acted, ctx.slope, ctx.gain, ctx.clamp)
    grad = transposed(grad, x, up_filter, ctx.up, 1, list(ctx.padding))
    of_bias = grad.sum((0, 2, 3)).to(bias.dtype) if ctx.needs_input_grad[1] else None
    return grad, of_bias, *[None] * 8


def example(random: torch.Generator) -> tuple[Any, ...]:
    x, bias, first, last = (
        torch.randn(s, generator=random) for s in ((2, 5, 9, 7), (5,), (6,), (4,))
    )
    return x, bias, first, last, 2, 2, [3, 2, 3, 2], 0.2, _bias_act.SQRT2, 4.0


_call = register(
    SCHEMA,
    reference=reference,
    fake=fake,
    setup_context=setup_context,
    backward=backward,
    example=example,
)


def filtered_lrelu(
    x: Tensor,
    bias: Tensor | None = None,
    *,
    up_filter: Tensor | None = None,
    down_filter: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    slope: float = 0.2,
    gain: float = _bias_act.SQRT2,
    clamp: float | None = None,
) -> Tensor:
    """A leaky ReLU at a higher sampling rate: y = down(clamp(gain * lrelu(up(x + b)))).

    Args:
        x: [N, C, H, W], any floating dtype.
        bias: b [C] or None.
        up_filter: [t] in one direction after the other, or [t, t]; a constant. None = one tap.
        down_filter: the same, behind the activation.
        up: zeros are inserted so that the picture is H*up x W*up; the filter is multiplied by up^2.
        down: every down-th pixel is kept at the end.
        padding: left, right, top, bottom, in pixels of the upsampled picture; negative crops.
        slope: of the negative side, > 0; 1 = linear.
        gain: > 0.
        clamp: largest |value| behind the activation, or None.

    Returns:
        [N, C, H', W'] in x's dtype and memory format, H' = (H*up + top + bottom - t_up + 1 - t_down) // down + 1.
        Gradients: x and bias; only x is kept for them.

    Raises:
        ValueError, TypeError: shapes or numbers that do not fit, or an empty result.

    Source: Karras et al. 2021 (StyleGAN3), section 3.1 and appendix D.
    """
    floating("filtered_lrelu: x", x)
    channels = shape("filtered_lrelu: x", x, "N C H W")
    filled("filtered_lrelu: x", channels, "C H W")
    for name, filter in (("up_filter", up_filter), ("down_filter", down_filter)):
        if filter is None:
            continue
        floating(f"filtered_lrelu: {name}", filter)
        if filter.dim() not in (1, 2) or not filter.numel() or len(set(filter.shape)) > 1:
            raise ValueError(
                f"filtered_lrelu: {name} must be [t] or [t, t] with t >= 1, got {list(filter.shape)}"
            )
    if bias is not None:
        floating("filtered_lrelu: bias", bias)
        shape("filtered_lrelu: bias", bias, "C", C=x.shape[1])
    one_device("filtered_lrelu", x, bias, up_filter, down_filter)
    if up < 1 or down < 1:
        raise ValueError(f"filtered_lrelu: up and down must be 1 or more, got {up} and {down}")
    if len(padding) != 4:
        raise ValueError(
            f"filtered_lrelu: padding must be (left, right, top, bottom), got {tuple(padding)}"
        )
    _bias_act.positive("filtered_lrelu", slope=slope, gain=gain, clamp=clamp)
    size = output_size(x, up_filter, down_filter, up, down, list(padding))
    if min(size) < 1:
        raise ValueError(
            f"filtered_lrelu: a picture of {x.shape[2]}x{x.shape[3]} with padding {tuple(padding)} is "
            "smaller than its filters; pad more"
        )
    return _call(  # type: ignore[no-any-return]
        x, bias, up_filter, down_filter, up, down, list(padding), slope, gain, clamp
    )
