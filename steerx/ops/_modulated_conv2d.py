"""modulated_conv2d: y = conv(x * s, W) * d, with weights that all samples share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from .._shapes import filled, floating, memory_format, one_device, shape
from . import _upfirdn2d
from ._library import register

SCHEMA = (
    "modulated_conv2d(Tensor x, Tensor style, Tensor weight, Tensor? filter, int up, int down, "
    "bool demodulate) -> Tensor"
)
EPS = 1e-8


def demodulation(style: Tensor, weight: Tensor) -> Tensor:
    """d [N, O] = 1 / L2 norm of each sample's modulated filter; a matrix product, no per-sample weight."""
    # In float32 at least: in float16 eps is 0, and with it all that a zero style should be divided by.
    wide = torch.promote_types(style.dtype, torch.float32)
    power = weight.to(wide).square().sum((2, 3))  # [O, I]
    return (style.to(wide).square() @ power.t() + EPS).rsqrt()


def paddings(taps: int, kernel: int, up: int, down: int) -> tuple[int, int]:
    """Before and after, of the blur beside a stride-2 convolution.

    Zero insertion and a convolution commute with the blur, so up-sampling runs the transposed
    convolution first (implicit padding kernel - 1) and the blur makes up for the difference.
    """
    if up == 2:
        return (taps + 1) // 2 + kernel // 2 - (kernel - 1), (taps - 2) // 2 + 1 + kernel // 2 - (
            kernel - 1
        )
    return (taps - down + 1) // 2 + kernel // 2, (taps - down) // 2 + kernel // 2


def convolve(x: Tensor, weight: Tensor, filter: Tensor | None, up: int, down: int) -> Tensor:
    """The linear part: convolution with a shared weight, resampled by 2 where asked."""
    if up == 2:
        assert filter is not None
        y = conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        before, after = paddings(filter.shape[0], weight.shape[2], up, down)
        return _upfirdn2d._call(y, filter, 1, 1, [before, after] * 2, 4.0)  # type: ignore[no-any-return]
    if down == 2:
        assert filter is not None
        before, after = paddings(filter.shape[0], weight.shape[2], up, down)
        x = _upfirdn2d._call(x, filter, 1, 1, [before, after] * 2, 1.0)
        return conv2d(x, weight, stride=2)
    return conv2d(x, weight, padding=weight.shape[2] // 2)


def convolve_backward(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    filter: Tensor | None,
    up: int,
    down: int,
    needs: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """Gradients of `convolve` with respect to x and, where asked, to the weight."""
    kernel = weight.shape[2]

    def conv_backward(
        grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int, transposed: bool
    ) -> tuple[Tensor | None, Tensor | None]:
        two = [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], 1, [*needs, False]
        dx, dw, _ = torch.ops.aten.convolution_backward(grad, x, weight, None, *two)
        return dx, dw

    if up == 1 and down == 1:
        return conv_backward(grad, x, weight, 1, kernel // 2, False)
    assert filter is not None
    before, after = paddings(filter.shape[0], kernel, up, down)
    padding = [before, after] * 2
    if up == 2:
        size = tuple((s - 1) * 2 + kernel for s in x.shape[2:])
        grad = _upfirdn2d.adjoint(grad, filter, size, 1, 1, padding, 4.0)  # type: ignore[arg-type]
        dx, dw = conv_backward(grad, x, weight.transpose(0, 1), 2, 0, True)
        return dx, None if dw is None else dw.transpose(0, 1)
    blurred = _upfirdn2d._call(x, filter, 1, 1, padding, 1.0)
    dx, dw = conv_backward(grad, blurred, weight, 2, 0, False)
    if dx is not None:
        dx = _upfirdn2d.adjoint(dx, filter, tuple(x.shape[2:]), 1, 1, padding, 1.0)  # type: ignore[arg-type]
    return dx, dw


def modulation_backward(
    grad: Tensor,
    unscaled: Tensor | None,
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    filter: Tensor | None,
    up: int,
    down: int,
    needs: tuple[bool, bool, bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of conv(x * s, W) * d with respect to x, s and W, each only where asked.

    Args:
        grad: [N, O, H', W'].
        unscaled: sum over pixels of grad * y [N, O] where the result is demodulated, else None.
    """
    scale = style.to(x.dtype)[:, :, None, None]
    d = None if unscaled is None else demodulation(style, weight)
    if d is not None:
        grad = grad * d.to(grad.dtype)[:, :, None, None]
    inner, dw = convolve_backward(
        grad, x * scale, weight.to(x.dtype), filter, up, down, (needs[0] or needs[1], needs[2])
    )
    dx = inner * scale if needs[0] and inner is not None else None
    ds = (inner * x).sum((2, 3)).to(style.dtype) if needs[1] and inner is not None else None
    dw = dw.to(weight.dtype) if dw is not None else None
    if d is not None and unscaled is not None:
        # dL/dd = unscaled / d and dd/d(norm^2) = -d^3 / 2.
        slope = -unscaled.to(d.dtype) * d.square()
        if ds is not None:
            of_d = slope @ weight.to(d.dtype).square().sum((2, 3)) * style
            ds = ds + of_d.to(ds.dtype)
        if dw is not None:
            of_d = (slope.t() @ style.to(d.dtype).square())[:, :, None, None] * weight
            dw = dw + of_d.to(dw.dtype)
    return dx, ds, dw


def reference(
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    filter: Tensor | None,
    up: int,
    down: int,
    demodulate: bool,
) -> Tensor:
    y = convolve(x * style.to(x.dtype)[:, :, None, None], weight.to(x.dtype), filter, up, down)
    if demodulate:
        y = y * demodulation(style, weight).to(y.dtype)[:, :, None, None]
    return y.contiguous(memory_format=memory_format(x))


def fake(
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    filter: Tensor | None,
    up: int,
    down: int,
    demodulate: bool,
) -> Tensor:
    (n, _, height, width), o = x.shape, weight.shape[0]
    size = (n, o, height * up // down, width * up // down)
    return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=memory_format(x))


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, style, weight, filter, ctx.up, ctx.down, ctx.demodulate = inputs
    ctx.save_for_backward(x, style, weight, filter, output)


def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, style, weight, filter, y = ctx.saved_tensors
    unscaled = (grad * y).sum((2, 3)) if ctx.demodulate else None
    needs = ctx.needs_input_grad[:3]
    grads = modulation_backward(grad, unscaled, x, style, weight, filter, ctx.up, ctx.down, needs)
    return *grads, None, None, None, None


def example(random: torch.Generator) -> tuple[Any, ...]:
    shapes = ((2, 24, 9, 7), (2, 24), (17, 24, 3, 3), (4, 4))
    x, style, weight, filter = (torch.randn(s, generator=random) for s in shapes)
    return x, style + 1, weight, filter, 2, 1, True


_call = register(
    SCHEMA,
    reference=reference,
    fake=fake,
    setup_context=setup_context,
    backward=backward,
    example=example,
)


def check(
    name: str,
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    filter: Tensor | None,
    up: int,
    down: int = 1,
) -> None:
    """The manners that modulated_conv2d and style_layer share."""
    for argument, tensor in (("x", x), ("style", style), ("weight", weight), ("filter", filter)):
        if tensor is not None or argument != "filter":
            floating(f"{name}: {argument}", tensor)
    sizes = shape(f"{name}: x", x, "N I H W")
    shape(f"{name}: style", style, "N I", N=sizes["N"], I=sizes["I"])
    outputs = shape(f"{name}: weight", weight, "O I k k", I=sizes["I"])
    filled(f"{name}: x", sizes, "I H W")
    filled(f"{name}: weight", outputs, "O")
    taps = outputs["k"]
    if taps % 2 == 0:
        raise ValueError(f"{name}: weight must have an odd kernel size, got {taps}x{taps}")
    one_device(name, x, style, weight, filter)
    if (up, down) not in ((1, 1), (2, 1), (1, 2)):
        raise ValueError(f"{name}: up and down must be 1 or 2, one of them 1, got {up} and {down}")
    if min(sizes["H"], sizes["W"]) < down:
        raise ValueError(f"{name}: x must be at least {down}x{down} px, got {list(x.shape[2:])}")
    if (up, down) != (1, 1):
        if filter is None:
            raise ValueError(
                f"{name}: resampling needs a filter [k, k]; stock models use [1,3,3,1]"
            )
        filled(f"{name}: filter", shape(f"{name}: filter", filter, "f f"), "f")


def modulated_conv2d(
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    *,
    filter: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    demodulate: bool = True,
) -> Tensor:
    """The bare modulated convolution: y = conv(x * s, W) * d.

    d [N, O] = rsqrt((s*s) @ (sum_k W^2)^T + 1e-8) scales each output filter to unit L2 norm. The weight
    is shared by all samples, never expanded per sample.

    Args:
        x: [N, I, H, W].
        style: s [N, I]; scales input channels.
        weight: W [O, I, k, k], k odd. With up = 2 it is the kernel of the transposed convolution as
            stored (unflipped).
        filter: [f, f], sum 1; needed with up = 2 or down = 2.
        up: 1 or 2; a stride-2 transposed convolution followed by the filter with gain 4.
        down: 1 or 2; the filter followed by a stride-2 convolution.
        demodulate: multiply by d.

    Returns:
        y [N, O, H*up/down, W*up/down] in x's dtype and memory format. Gradients: x, style, weight.

    Raises:
        ValueError, TypeError: a shape, dtype, device or factor that does not fit.

    Source: Karras et al. 2020 (StyleGAN2), section 2.2.
    """
    check("modulated_conv2d", x, style, weight, filter, up, down)
    return _call(x, style, weight, filter, up, down, demodulate)  # type: ignore[no-any-return]
