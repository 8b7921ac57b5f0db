"""A style_layer's convolution of a few input channels: one product of their gathered pixels.

A term whose style is zero in all but k of I channels, an edit of single style channels, needs those k alone. With
so few the library's convolutions are slower than with all: they are made for many. Gathered, a pixel is its 9 k
neighbours, and an upsampling layer, blur included, is four such products, one for each phase of the result.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import conv2d, unfold

SHARE = 16  # one channel of so many is few: there the product begins to be faster


def chosen(style: Tensor, filter: Tensor | None) -> Tensor | None:
    """The channels [k] in which a style [1, I] is not zero, one at least; None where all shall be convolved."""
    some = style[0].nonzero().flatten()
    if not len(some):  # moved by its to_rgb alone: a channel times zero
        some = some.new_zeros(1)
    reaches = filter is None or filter.shape == (4, 4)  # a larger one, beyond a pixel's neighbours
    return some if reaches and len(some) * SHARE <= style.shape[1] else None


def taps(weight: Tensor, filter: Tensor | None) -> Tensor:
    """The matrix that makes a result's pixel from its gathered inputs.

    Args:
        weight: [O, k, 3, 3], float32.
        filter: [4, 4] of a layer that upsamples, sum 1; None where none does.

    Returns:
        [9 k, 1, O], or of the four phases [9 k, 4, O].
    """
    outputs, inputs = weight.shape[:2]
    if filter is None:
        return weight.reshape(outputs, 1, -1).permute(2, 1, 0)
    # The kernel of the transposed convolution, blurred: c[t], t = 0 ... 5. Phase p takes t = p from the next pixel,
    # p + 2 from its own, p + 4 from the one before.
    blur = 4 * filter.flip((0, 1))[None, None]
    c = conv2d(weight.reshape(-1, 1, 3, 3), blur, padding=3).view(outputs, inputs, 3, 2, 3, 2)
    return c.flip((2, 4)).permute(1, 2, 4, 3, 5, 0).reshape(9 * inputs, 4, outputs)


def convolved(x: Tensor, taps: Tensor) -> Tensor:
    """The convolution of x [1, k, H, W] by `taps` [9 k, u u, O]: [1, u H, u W, O], contiguous."""
    h, w = x.shape[2:]
    u = 2 if taps.shape[1] == 4 else 1
    z = unfold(x, 3, padding=1)[0].t() @ taps.flatten(1)
    return z.view(h, w, u, u, -1).transpose(1, 2).reshape(1, u * h, u * w, -1)
