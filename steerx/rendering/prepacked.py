"""Convolutions by the library with weights that stay in its own layout: else it makes that layout in every call.

Worth 5-10 % of a picture in bfloat16, whose products are fast; not in float32. Private names of torch, the
ones its compiler freezes weights with; where they are missing the public convolution serves.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

_ONES, _PADDING = [1, 1], [1, 1]


@cache
def serves() -> bool:
    """Whether this torch and this processor have them, for bfloat16."""
    operators = torch.ops.mkldnn
    if not torch.backends.mkldnn.is_available() or not hasattr(operators, "_convolution_pointwise"):
        return False
    if not hasattr(operators, "_is_mkldnn_bf16_supported"):
        return False
    return hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight") and bool(
        operators._is_mkldnn_bf16_supported()
    )


def prepacked(weight: Tensor, shape: torch.Size) -> Tensor:
    """A weight [O, I, k, k] in the library's layout for inputs of about this shape; any other shape serves."""
    reorder = torch._C._nn.mkldnn_reorder_conv2d_weight
    return reorder(weight.to_mkldnn(), _PADDING, _ONES, _ONES, 1, list(shape))  # type: ignore[call-arg]


def convolved(x: Tensor, weight: Tensor) -> Tensor:
    """The convolution of x [N, I, H, W], channels last, with padding 1: [N, H', W', O]."""
    pointwise = torch.ops.mkldnn._convolution_pointwise
    y = pointwise(x, weight, None, _PADDING, _ONES, _ONES, 1, "none", [], "")
    return y.permute(0, 2, 3, 1).contiguous()  # type: ignore[no-any-return]
