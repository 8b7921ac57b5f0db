"""Several sets of directions as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .directions import Directions


def concatenated(sets: Sequence[Directions], per_direction: Sequence[str]) -> Directions:
    """See `Directions.concatenate`."""
    if not sets:
        raise ValueError("Directions.concatenate: the list is empty; give at least one set")
    joined: dict[str, Any] = {"provenance": {"concatenated": [s.provenance for s in sets]}}
    for f in fields(sets[0]):
        values = [getattr(s, f.name) for s in sets]
        if f.name == "provenance":
            continue
        if f.name in per_direction and not any(v is None for v in values):
            _joinable(f.name, values)
            is_tensor = isinstance(values[0], Tensor)
            joined[f.name] = torch.cat(values) if is_tensor else sum(values, ())
        else:
            _agree(f.name, values)
    return replace(sets[0], **joined)


def _joinable(name: str, values: Sequence[Any]) -> None:
    """Refuse tensors that cannot stand below one another, with the remedy."""
    kinds = {(v.shape[1:], v.dtype, v.device) for v in values if isinstance(v, Tensor)}
    if len(kinds) > 1:
        raise ValueError(
            f"Directions.concatenate: {name} differ in shape, dtype or device: "
            f"{'; '.join(sorted(str(kind) for kind in kinds))}; pass the sets as a list instead"
        )


def _agree(name: str, values: Sequence[Any]) -> None:
    """Refuse sets whose field `name` is not the same."""
    first = values[0]
    if isinstance(first, Tensor):
        same = all(isinstance(v, Tensor) and torch.equal(v.to(first), first) for v in values)
    else:
        same = all(not isinstance(v, Tensor) and v == first for v in values)
    if not same:
        came = " and ".join("a tensor" if isinstance(v, Tensor) else repr(v) for v in values)
        raise ValueError(
            f"Directions.concatenate: the sets differ in {name} ({came}), which a set has once; "
            "pass the sets as a list instead"
        )
