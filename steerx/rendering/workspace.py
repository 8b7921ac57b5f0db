"""Memory that a renderer takes again and again: the system is asked for its pages once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from .pages import large


class Workspace:
    """Buffers by name that only grow; every thread of Python has its own.

    What was taken under a name is overwritten by whoever takes it next. A copy of a workspace is empty.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str, torch.dtype], Tensor] = {}

    def __reduce__(self) -> tuple[type[Workspace], tuple[()]]:
        return Workspace, ()

    def take(self, name: str, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """An uninitialised contiguous tensor on the CPU."""
        count, key = prod(shape), (threading.get_ident(), name, dtype)
        kept = self._kept.get(key)
        if kept is None or kept.numel() < count:
            self._kept.pop(key, None)  # before the larger one is asked for
            del kept
            with torch.inference_mode(False):  # it outlives the mode that it is first asked for in
                kept = large((count,), dtype)
            self._kept[key] = kept
        return kept[:count].view(*shape)
