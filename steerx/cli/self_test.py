"""Numeric self-test: what a native kernel answers against the reference in float64."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..ops import REGISTRY

LIMIT = 1e-5  # float32 sums of a few hundred terms in another order stay well below it


def error(name: str, device: str) -> float:
    """Largest error of an operator in float32 on a device, relative to the result's largest number."""
    operator = REGISTRY[name]
    inputs = operator.example(torch.Generator().manual_seed(85))
    exact = operator.reference(*(_moved(value, torch.float64) for value in inputs))
    answer = operator.call(*(_moved(value, torch.float32, device) for value in inputs))
    return max(
        float((ours.cpu().double() - truth).abs().max() / truth.abs().max())
        for ours, truth in zip(_parts(answer), _parts(exact), strict=True)
    )


def _parts(result: Any) -> tuple[Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


def _moved(value: Any, dtype: torch.dtype, device: str = "cpu") -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.to(device, dtype if value.is_floating_point() else None)
