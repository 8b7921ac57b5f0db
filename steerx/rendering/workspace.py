"""Memory that a renderer takes again and again: the system is asked for its pages once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from .pages import large


class Workspace:
    """Buffers by name that only grow; every thread of Python has its own, and its end gives them back.

    What was taken under a name is overwritten by whoever takes it next. A copy of a workspace is empty.
    """

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def __reduce__(self) -> tuple[type[Workspace], tuple[()]]:
        return Workspace, ()

    @property
    def _kept(self) -> dict[tuple[str, torch.dtype], Tensor]:
        """Those of this thread."""
        kept: dict[tuple[str, torch.dtype], Tensor]
        kept = self._of_thread.__dict__.setdefault("kept", {})
        return kept

    def take(self, name: str, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """An uninitialised contiguous tensor on the CPU."""
        count, key, buffers = prod(shape), (name, dtype), self._kept
        kept = buffers.get(key)
        if kept is None or kept.numel() < count:
            buffers.pop(key, None)  # before the larger one is asked for
            del kept
            with torch.inference_mode(False):  # it outlives the mode that it is first asked for in
                kept = large((count,), dtype)
            buffers[key] = kept
        return kept[:count].view(*shape)

    def clear(self) -> None:
        """Give this thread's memory back."""
        self._kept.clear()
