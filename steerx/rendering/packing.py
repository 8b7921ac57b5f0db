"""Packed forms of plain parameters, kept until the parameters change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class Packed:
    """A cache of derived tensors, keyed by the version, dtype and device of what they were made from.

    An in-place edit of a parameter raises its version, so the next `get` builds anew. (Writing through
    ``.data`` hides an edit from torch and from this cache; call `clear` after it.)
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[Any, ...], Tensor]] = {}

    def get(
        self, name: str, source: Tensor, dtype: torch.dtype, build: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The packed form of `source`, built now if it was not, or not from what `source` now is."""
        key = (
            source.data_ptr(),
            source._version,
            source.dtype,
            source.device,
            dtype,
            torch.backends.cpu.get_cpu_capability(),
        )
        kept = self._kept.get(name)
        if kept is None or kept[0] != key:
            kept = (key, build(source.detach()))
            self._kept[name] = kept
        return kept[1]

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
