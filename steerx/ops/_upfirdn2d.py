"""upfirdn2d: insert zeros, pad, filter, keep every down-th pixel."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from .._shapes import filled, floating, memory_format, one_device, shape
from ._library import register

SCHEMA = "upfirdn2d(Tensor x, Tensor filter, int up, int down, int[] padding, float gain) -> Tensor"


def reference(
    x: Tensor, filter: Tensor, up: int, down: int, padding: list[int], gain: float
) -> Tensor:
    (n, c, height, width), layout = x.shape, memory_format(x)
    if up > 1:
        zeros = x.new_zeros(n, c, height * up, width * up).contiguous(memory_format=layout)
        zeros[:, :, ::up, ::up] = x
        x = zeros
    # Pad before cropping: a crop may reach past the picture into its padding.
    x = pad(pad(x, [max(p, 0) for p in padding]), [min(p, 0) for p in padding])
    # conv2d correlates; a FIR filter convolves, hence the flip.
    weight = (filter * gain).to(x.dtype).flip((0, 1)).expand(c, 1, *filter.shape)
    return conv2d(x, weight, stride=down, groups=c).contiguous(memory_format=layout)


def output_size(
    x: Tensor, filter: Tensor, up: int, down: int, padding: list[int]
) -> tuple[int, int]:
    """Height and width of the result."""
    left, right, top, bottom = padding
    height = (x.shape[2] * up + top + bottom - filter.shape[0]) // down + 1
    width = (x.shape[3] * up + left + right - filter.shape[1]) // down + 1
    return height, width


def fake(x: Tensor, filter: Tensor, up: int, down: int, padding: list[int], gain: float) -> Tensor:
    size = (*x.shape[:2], *output_size(x, filter, up, down, padding))
    return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=memory_format(x))


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, filter, ctx.up, ctx.down, ctx.padding, ctx.gain = inputs
    ctx.size = x.shape[2:]
    ctx.save_for_backward(filter)


def adjoint(
    grad: Tensor,
    filter: Tensor,
    size: tuple[int, int],
    up: int,
    down: int,
    padding: list[int],
    gain: float,
) -> Tensor:
    """The transposed linear map: up and down change places, the filter is turned around."""
    left, _, top, _ = padding
    (height, width), (rows, columns) = size, filter.shape
    turned = [
        columns - 1 - left,
        width * up - grad.shape[3] * down + left - up + 1,
        rows - 1 - top,
        height * up - grad.shape[2] * down + top - up + 1,
    ]
    return _call(grad, filter.flip((0, 1)), down, up, turned, gain)  # type: ignore[no-any-return]


def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    if ctx.needs_input_grad[1]:
        raise RuntimeError("upfirdn2d: filters are constants; detach the filter")
    (filter,) = ctx.saved_tensors
    x = adjoint(grad, filter, ctx.size, ctx.up, ctx.down, ctx.padding, ctx.gain)
    return x, None, None, None, None, None


def example(random: torch.Generator) -> tuple[Any, ...]:
    x, filter = (torch.randn(s, generator=random) for s in ((2, 5, 9, 7), (4, 3)))
    return x, filter, 2, 1, [2, 1, 2, 1], 4.0


_call = register(
    SCHEMA,
    reference=reference,
    fake=fake,
    setup_context=setup_context,
    backward=backward,
    example=example,
)


def upfirdn2d(
    x: Tensor,
    filter: Tensor,
    *,
    up: int = 1,
    down: int = 1,
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    gain: float = 1.0,
) -> Tensor:
    """Upsample by zero insertion, pad, convolve with a FIR filter, downsample.

    Args:
        x: [N, C, H, W].
        filter: [fh, fw]; a constant (no gradient), stock models hold outer([1,3,3,1]) / 64.
        up: zeros are inserted so that the picture is H*up x W*up.
        down: every down-th pixel is kept.
        padding: left, right, top, bottom, in pixels of the upsampled picture; negative crops.
        gain: factor on the filter (up^2 keeps the brightness of an upsampled picture).

    Returns:
        [N, C, (H*up + top + bottom - fh) // down + 1, same for the width], x's memory format.

    Raises:
        ValueError, TypeError: shapes or numbers that do not fit, or an empty result.

    Source: Karras et al. 2020 (StyleGAN2), appendix B; the name is MATLAB's.
    """
    floating("upfirdn2d: x", x)
    floating("upfirdn2d: filter", filter)
    filled("upfirdn2d: x", shape("upfirdn2d: x", x, "N C H W"), "C")
    filled("upfirdn2d: filter", shape("upfirdn2d: filter", filter, "fh fw"), "fh fw")
    one_device("upfirdn2d", x, filter)
    if up < 1 or down < 1:
        raise ValueError(f"upfirdn2d: up and down must be 1 or more, got {up} and {down}")
    if not math.isfinite(gain):
        raise ValueError(f"upfirdn2d: gain must be a finite number, got {gain}")
    if len(padding) != 4:
        raise ValueError(
            f"upfirdn2d: padding must be (left, right, top, bottom), got {tuple(padding)}"
        )
    height, width = output_size(x, filter, up, down, list(padding))
    if height < 1 or width < 1:
        raise ValueError(
            f"upfirdn2d: a picture of {x.shape[2]}x{x.shape[3]} with padding {tuple(padding)} is "
            f"smaller than the filter {list(filter.shape)}; pad more"
        )
    return _call(x, filter, up, down, list(padding), gain)  # type: ignore[no-any-return]
