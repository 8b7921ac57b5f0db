"""Codes that come in from outside, as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def as_tensor(codes: Tensor | NDArray[Any]) -> Tensor:
    """Codes as a tensor; arrays that torch cannot share (read-only, reversed) are copied."""
    if isinstance(codes, Tensor):
        return codes.detach()
    return torch.from_numpy(np.require(codes, requirements=("C", "W")))


def parts(what: str, codes: object) -> list[Tensor]:
    """Codes [N, ...], or a list of styles, as a list of tensors.

    Raises:
        ValueError: something else, or numbers that are not floating-point.
    """
    given = list(codes) if isinstance(codes, (list, tuple)) else [codes]
    strange = [type(one).__name__ for one in given if not isinstance(one, (Tensor, np.ndarray))]
    if strange or not given:
        raise ValueError(
            f"{what}: codes must be a tensor or an array [N, ...], or a list of them, got "
            f"{strange[0] if strange else 'an empty list'}"
        )
    known = [one for one in given if isinstance(one, (Tensor, np.ndarray))]
    for one in known:
        real = one.is_floating_point() if isinstance(one, Tensor) else one.dtype.kind == "f"
        if not real:
            raise ValueError(f"{what}: codes must be floating-point numbers, got {one.dtype}")
    return [as_tensor(one) for one in known]
