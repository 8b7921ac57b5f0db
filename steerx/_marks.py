"""Which scores say that there is none: a marker such as -99.9, as any dtype on their way may have rounded it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def marked(scores: Tensor, invalid: float | None) -> Tensor:
    """Where scores [...] are the marker `invalid`, NaN perhaps; nowhere for None. Bool, of their shape.

    A marker that no float32 is exactly (-99.9) comes back rounded from a scorer, and stays so when scores
    are widened afterwards; it counts in each rounding.
    """
    if invalid is None:
        return torch.zeros_like(scores, dtype=torch.bool)
    if math.isnan(invalid):
        return scores.isnan()
    rounded = {float(torch.tensor(invalid, dtype=dtype)) for dtype in _DTYPES}
    if math.isfinite(invalid):  # beyond float16 a marker rounds to infinity, which is none
        rounded = {value for value in rounded if math.isfinite(value)}
    wide = scores.double()
    return torch.stack([wide == value for value in rounded]).any(dim=0)
