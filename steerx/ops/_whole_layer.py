"""_whole_layer: a modulated convolution and its tail in one kernel. Private to the fused renderer.

For 16-bit layers of few channels, whose separate convolution writes and reads again what memory is busy
with already. `csrc/include/steerx/style_layer.h` says what it computes. No GPU has run it yet, so nothing
chooses it unasked.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from . import _epilogue
from ._library import define_private, has_kernel

SCHEMA = "_whole_layer(Tensor x, Tensor? style, Tensor weight, float[]? blur, " + _epilogue.TAIL
_LEAST_CAPABILITY = (8, 0)  # cp.async
_MOST_CHANNELS = 64  # that a block holds of its pixels, without upsampling
_PACK = 8  # channels in 16 bytes


def fits(dtype: torch.dtype, inputs: int, outputs: int, up: int) -> bool:
    """Whether there is a kernel for layers of this type and these channels."""
    packs = inputs % _PACK == 0 and outputs % _PACK == 0 and inputs > 0 and outputs > 0
    return dtype.itemsize == 2 and packs and (up == 2 or outputs <= _MOST_CHANNELS)


@cache
def serves(device: torch.device) -> bool:
    """Whether a device can run it; older ones than sm_80 cannot copy beside their arithmetic."""
    if device.type != "cuda" or not has_kernel("_whole_layer", "CUDA"):
        return False
    return torch.cuda.get_device_capability(device) >= _LEAST_CAPABILITY


def reference(
    x: Tensor, style: Tensor | None, weight: Tensor, blur: list[float] | None, *tail: Any
) -> None:
    wide = torch.promote_types(x.dtype, torch.float32)
    if style is not None:
        x = (x.to(wide) * style.to(wide)[:, None, None]).to(x.dtype)
    rows, taps = x.to(wide).permute(0, 3, 1, 2), weight.to(wide).permute(0, 3, 1, 2)
    up = blur is not None
    z = (
        conv_transpose2d(rows, taps.transpose(0, 1), stride=2)
        if up
        else conv2d(rows, taps, padding=1)
    )
    _epilogue.reference(z.permute(0, 2, 3, 1).contiguous(), blur, False, *tail)


_call = define_private(SCHEMA, reference=reference)


def whole_layer(
    x: Tensor,
    weight: Tensor,
    *,
    style: Tensor | None = None,
    blur: list[float] | None = None,
    **tail: Any,
) -> None:
    """The convolution of x * style by a weight, and its tail: see `_epilogue.epilogue`.

    x is [N, h, w, I], contiguous; style [N, I] is float32, or None where x is x * style already; weight is
    [O, 3, 3, I] in x's dtype. With `blur` the convolution is the transposed one of stride 2 that takes the
    weight unflipped, and H = 2 h, W = 2 w.
    """
    _call(x, style, weight, blur, *_epilogue.tail_values("_whole_layer", tail))
