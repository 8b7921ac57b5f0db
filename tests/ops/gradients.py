"""Watching which gradients a backward pass computes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class _Convolutions(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.masks: list[list[bool]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution_backward.default:
            self.masks.append(list(args[-1]))
        return func(*args, **(kwargs or {}))


def convolution_masks(loss: Tensor) -> list[list[bool]]:
    """Which of (input, weight, bias) each convolution's backward computed for `loss.backward()`."""
    with _Convolutions() as seen:
        loss.backward()
    return seen.masks
