"""Tensors as the arrays that the module takes: no copy, 16-bit floats as uint16."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def array(tensor: Tensor) -> NDArray[Any]:
    if tensor.dtype in (torch.float16, torch.bfloat16):
        return tensor.view(torch.int16).numpy().view(np.uint16)
    return tensor.numpy()


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def unwritten(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """NaN everywhere, so that an element which a kernel forgets shows."""
    return torch.full(shape, float("nan"), dtype=dtype)
