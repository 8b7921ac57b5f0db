"""to_rgb: rgb = clamp(conv1x1(x * s, W) + b) + upsampled skip. Not demodulated."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from .._shapes import filled, floating, memory_format, one_device, shape
from . import _bias_act, _modulated_conv2d, _upfirdn2d
from ._library import register

SCHEMA = (
    "to_rgb(Tensor x, Tensor style, Tensor weight, Tensor? bias, Tensor? skip, Tensor? filter, "
    "float? clamp) -> Tensor"
)


def picture_dtype(x: Tensor) -> torch.dtype:
    """Pictures accumulate in float32 at least."""
    return torch.promote_types(x.dtype, torch.float32)


def skip_padding(filter: Tensor) -> list[int]:
    """Left, right, top, bottom of the skip's upsampling by 2."""
    return [(filter.shape[0] + 1) // 2, (filter.shape[0] - 2) // 2] * 2


def upsample(skip: Tensor, filter: Tensor | None) -> Tensor:
    """The skip picture at twice its size; as it is where it needs no filter."""
    if filter is None:
        return skip
    return _upfirdn2d._call(skip, filter, 2, 1, skip_padding(filter), 4.0)  # type: ignore[no-any-return]


def reference(
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    skip: Tensor | None,
    filter: Tensor | None,
    clamp: float | None,
) -> Tensor:
    y = conv2d(x * style.to(x.dtype)[:, :, None, None], weight.to(x.dtype))
    y = _bias_act.reference(y, bias, 1.0, 1.0, clamp).to(picture_dtype(x))
    y = y if skip is None else y + upsample(skip.to(y.dtype), filter)
    return y.contiguous(memory_format=memory_format(x))


def fake(
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    skip: Tensor | None,
    filter: Tensor | None,
    clamp: float | None,
) -> Tensor:
    return torch.empty(
        (x.shape[0], weight.shape[0], *x.shape[2:]),
        dtype=picture_dtype(x),
        device=x.device,
        memory_format=memory_format(x),
    )


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, style, weight, bias, skip, filter, ctx.clamp = inputs
    ctx.skip_size = None if skip is None else skip.shape[2:]
    ctx.save_for_backward(x, style, weight, bias, filter)


def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, style, weight, bias, filter = ctx.saved_tensors
    needs = ctx.needs_input_grad
    skip = None
    if needs[4]:
        skip = grad
        if filter is not None:
            skip = _upfirdn2d.adjoint(grad, filter, ctx.skip_size, 2, 1, skip_padding(filter), 4.0)
    grad = grad.to(x.dtype)
    if ctx.clamp is not None:
        # The output holds the skip too, so the clamp's mask is made again; a 1x1 convolution to RGB
        # is cheap.
        y = conv2d(x * style.to(x.dtype)[:, :, None, None], weight.to(x.dtype))
        y = y if bias is None else y + bias.to(y.dtype).view(1, -1, 1, 1)
        grad = grad * (y.abs() < ctx.clamp).to(grad.dtype)
    dx, ds, dw = _modulated_conv2d.modulation_backward(
        grad, None, x, style, weight, None, 1, 1, needs[:3]
    )
    dbias = grad.sum((0, 2, 3)).to(bias.dtype) if needs[3] else None
    return dx, ds, dw, dbias, skip, None, None


def example(random: torch.Generator) -> tuple[Any, ...]:
    shapes = ((2, 24, 10, 6), (2, 24), (3, 24, 1, 1), (3,), (2, 3, 5, 3), (4, 4))
    return *(torch.randn(s, generator=random) for s in shapes), 256.0


_call = register(
    SCHEMA,
    reference=reference,
    fake=fake,
    setup_context=setup_context,
    backward=backward,
    example=example,
)


def to_rgb(
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    skip: Tensor | None = None,
    filter: Tensor | None = None,
    clamp: float | None = None,
) -> Tensor:
    """A 1x1 modulated convolution to the picture: rgb = clamp(conv(x * s, W) + b) + up(skip).

    Args:
        x: [N, I, H, W].
        style: s [N, I].
        weight: W [P, I, 1, 1], P picture channels; not demodulated.
        bias: b [P] or None.
        skip: picture so far, [N, P, H/2, W/2] with a filter, [N, P, H, W] without; or None.
        filter: [f, f], sum 1; upsamples the skip by 2 (gain 4).
        clamp: largest |rgb| before the skip is added, or None.

    Returns:
        rgb [N, P, H, W], float32 at least, in x's memory format. Gradients: x, style, weight, bias,
        skip.

    Raises:
        ValueError, TypeError: a shape, dtype, device or number that does not fit.

    Source: Karras et al. 2020 (StyleGAN2), section 4.1 (skip generator).
    """
    for argument, tensor in (("x", x), ("style", style), ("weight", weight)):
        floating(f"to_rgb: {argument}", tensor)
    sizes = shape("to_rgb: x", x, "N I H W")
    n, i, height, width = sizes.values()
    shape("to_rgb: style", style, "N I", N=n, I=i)
    channels = shape("to_rgb: weight", weight, "P I 1 1", I=i)["P"]
    filled("to_rgb: x", sizes, "I H W")
    filled("to_rgb: weight", {"P": channels}, "P")
    for argument, given in (("bias", bias), ("skip", skip), ("filter", filter)):
        if given is not None:
            floating(f"to_rgb: {argument}", given)
    if bias is not None:
        shape("to_rgb: bias", bias, "P", P=channels)
    if skip is not None:
        if filter is None:
            shape("to_rgb: skip", skip, "N P H W", N=n, P=channels, H=height, W=width)
        else:
            filled("to_rgb: filter", shape("to_rgb: filter", filter, "f f"), "f")
            shape("to_rgb: skip", skip, "N P h w", N=n, P=channels, h=height // 2, w=width // 2)
            if height % 2 or width % 2:
                raise ValueError(f"to_rgb: an upsampled skip fits even sizes, got {height}x{width}")
    elif filter is not None:
        raise ValueError("to_rgb: a filter upsamples the skip; give skip too, or no filter")
    one_device("to_rgb", x, style, weight, bias, skip, filter)
    _bias_act.positive("to_rgb", clamp=clamp)
    return _call(x, style, weight, bias, skip, filter, clamp)  # type: ignore[no-any-return]
