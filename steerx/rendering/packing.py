"""Packed forms of plain parameters, kept until the parameters change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

Form = TypeVar("Form")


class Packed(Generic[Form]):
    """A cache of derived forms, keyed by version, dtype and device of their source and by instruction set.

    An in-place edit of a parameter raises its version, so the next `get` builds anew; so does another
    parameter in its place. (Writing through ``.data`` hides an edit from torch and from this cache;
    call `clear` after it.)
    """

    def __init__(self, isa: str = "") -> None:
        """Start empty; `isa` names the instruction set that the forms are for, where they depend on it."""
        self.isa = isa
        self._kept: dict[str, tuple[tuple[Any, ...], Tensor, Form]] = {}

    def __reduce__(self) -> tuple[type[Packed[Any]], tuple[str]]:
        return Packed, (
            self.isa,
        )  # a copy packs anew: of its own parameters, in layouts that none can copy

    def get(
        self, name: str, source: Tensor, dtype: torch.dtype, build: Callable[[Tensor], Form]
    ) -> Form:
        """The packed form of `source`, built now if it was not, or not from what `source` now is."""
        if source.is_inference():  # such a tensor has no version that could tell of edits
            return build(source)
        plain = source.detach()
        key = (plain.data_ptr(), source._version, plain.dtype, plain.device, dtype, self.isa)
        kept = self._kept.get(name)
        if kept is None or kept[0] != key:
            # The source is kept alive: a freed one could hand its address to its successor.
            kept = (key, plain, build(plain))
            self._kept[name] = kept
        return kept[2]

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
