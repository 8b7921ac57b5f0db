"""What a set of directions must satisfy: a check returns the value or says what is wrong."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .._layers import format_layers

_SPACES = ("z", "w", "w_plus", "styles")
MAX_NAME = 200


def vectors(value: object, space: object) -> int:
    """Check the rank that the space allows and return K."""
    if not isinstance(value, Tensor) or not value.dtype.is_floating_point:
        came = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"Directions: vectors must be a floating-point tensor [K, D], got {came}")
    if space not in _SPACES and not (isinstance(space, str) and space.startswith("act:")):
        raise ValueError(
            'Directions: space must be "z", "w", "w_plus", "styles" or "act:<layer>", got '
            f"{space!r}"
        )
    ranks = (2, 3) if space == "w_plus" else (2,)
    if value.dim() not in ranks or 0 in value.shape:
        expected = {"w_plus": "[K, D] or [K, L, D]", "styles": "[K, S]"}.get(str(space), "[K, D]")
        raise ValueError(
            f'Directions: vectors of space "{space}" must be {expected} and not empty, got '
            f"{list(value.shape)}"
        )
    return value.shape[0]


def unit_length(value: Tensor) -> None:
    """Refuse vectors that are not finite or not of unit length (rows of [K, L, D] may be zero)."""
    lengths = torch.linalg.vector_norm(value.double(), dim=-1)
    tolerance = 1e-3 if torch.finfo(value.dtype).eps < 1e-6 else 1e-2
    good = (lengths - 1).abs() <= tolerance
    if value.dim() == 3:
        good = (good | (lengths == 0)) & (lengths > 0).any(dim=1, keepdim=True)
    if not bool(good.all()):
        k = int((~good).reshape(len(value), -1).any(dim=1).nonzero()[0])
        raise ValueError(
            f"Directions: vectors must have unit L2 length, vector {k} has {lengths[k].tolist()}; "
            "divide by the length, and put it into scale if alpha = 1 shall keep it"
        )


def names(value: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """K different, non-empty names; "direction0" ... where none are given."""
    if value is None:
        return tuple(f"direction{k}" for k in range(count))
    if isinstance(value, str) or not all(isinstance(n, str) and n for n in value):
        raise ValueError(
            f"Directions: names must be a sequence of {count} non-empty str, got {value!r}"
        )
    if len(value) != count:
        raise ValueError(f"Directions: names must have K = {count} entries, got {len(value)}")
    doubled = sorted({n for n in value if list(value).count(n) > 1})
    if doubled:
        raise ValueError(
            f"Directions: names must differ, got {', '.join(doubled)} twice; use rename"
        )
    strange = [n for n in value if not (n.isprintable() and 0 < len(n) <= MAX_NAME)]
    if strange:
        raise ValueError(
            f"Directions: names must be 1-{MAX_NAME} printable characters, got {strange[0][:40]!r}"
        )
    return tuple(value)


def layers(
    value: Sequence[int] | Sequence[Sequence[int] | None] | None,
    count: int,
    space: str,
    vecs: Tensor,
) -> tuple[tuple[int, ...] | None, ...]:
    """One entry per direction: sorted rows of w_plus, or None for all of them."""
    if value is None:
        return (None,) * count
    shared = bool(value) and all(isinstance(row, int) for row in value)
    entries: Sequence[Any] = (value,) * count if shared else value
    if len(entries) != count:
        raise ValueError(
            f"Directions: layers must be None, rows, or K = {count} entries, got {len(entries)}"
        )
    if space not in ("w", "w_plus") and any(entry is not None for entry in entries):
        raise ValueError(
            f'Directions: layers are rows of w_plus; space "{space}" has none, use None'
        )
    limit = vecs.shape[1] if vecs.dim() == 3 else None
    return tuple(None if entry is None else _rows_of_w_plus(entry, limit) for entry in entries)


def _rows_of_w_plus(entry: Sequence[int], limit: int | None) -> tuple[int, ...]:
    rows = tuple(sorted({operator.index(row) for row in entry}))
    if not rows or rows[0] < 0 or (limit is not None and rows[-1] >= limit):
        within = "" if limit is None else f" below L = {limit}"
        raise ValueError(f"Directions: layers must be rows 0, 1, ...{within}, got {list(entry)}")
    return rows


def describe_layers(value: tuple[tuple[int, ...] | None, ...]) -> str:
    """Words for the layers: "all layers", "layers 0-6", or that they differ."""
    if any(entry != value[0] for entry in value):
        return "layers per direction"
    return "all layers" if value[0] is None else f"layers {format_layers(value[0])}"


def per_direction(name: str, value: Tensor, vecs: Tensor) -> Tensor:
    """[K] numbers on the device and in the dtype of the vectors."""
    if not isinstance(value, Tensor) or value.shape != vecs.shape[:1]:
        came = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(
            f"Directions: {name} must be a tensor [K] with K = {len(vecs)}, got {came}"
        )
    if name != "scores":  # an accuracy without samples is NaN
        _finite(name, value)
    return value.to(vecs)


def _finite(name: str, value: Tensor) -> Tensor:
    if not bool(value.isfinite().all()):
        raise ValueError(f"Directions: {name} must be finite numbers, got NaN or infinity")
    return value


def intercepts(value: Tensor, vecs: Tensor) -> Tensor:
    """[K], or [K, L] where the vectors are per layer."""
    if not isinstance(value, Tensor) or value.shape != vecs.shape[:-1]:
        came = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"Directions: intercepts must be {list(vecs.shape[:-1])}, got {came}")
    return _finite("intercepts", value).to(vecs)


def statistic(name: str, value: Tensor | None, vecs: Tensor, rank: int) -> Tensor | None:
    """[D] or [D, D] of the codes seen, or None."""
    expected = vecs.shape[-1:] * rank
    if value is not None and (not isinstance(value, Tensor) or value.shape != expected):
        came = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"Directions: {name} must be {list(expected)}, got {came}")
    return None if value is None else _finite(name, value).to(vecs)


def style_sizes(value: Sequence[int] | None, space: str, vecs: Tensor) -> tuple[int, ...] | None:
    """Channels of each style row: given for space "styles" alone, with sum S."""
    if (value is not None) != (space == "styles"):
        raise ValueError(
            f'Directions: style_sizes belong to space "styles" and only there, got {value} with '
            f'space "{space}"'
        )
    if value is not None and sum(value) != vecs.shape[-1]:
        raise ValueError(
            f"Directions: style_sizes must sum to S = {vecs.shape[-1]}, they sum to {sum(value)}"
        )
    return None if value is None else tuple(operator.index(size) for size in value)


def choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed words."""
    if value not in allowed:
        raise ValueError(f"Directions: {name} must be one of {', '.join(allowed)}, got {value!r}")
    return value


def rows(key: object, known: tuple[str, ...]) -> list[int]:
    """Numbers of the directions that an index, a name, a slice or a list of them means."""
    if isinstance(key, slice):
        found = list(range(len(known)))[key]
    elif isinstance(key, str):
        if key not in known:
            raise KeyError(f"no direction is named {key!r}; the names are {', '.join(known)}")
        found = [known.index(key)]
    elif isinstance(key, Sequence):
        found = [row for item in key for row in rows(item, known)]
    else:
        index = operator.index(key)  # type: ignore[arg-type]
        if not -len(known) <= index < len(known):
            raise IndexError(
                f"direction {index} of {len(known)}; use 0 ... {len(known) - 1} or a name"
            )
        found = [index % len(known)]
    if not found:
        raise IndexError(f"{key!r} picks none of the {len(known)} directions")
    return found


def joinable(name: str, values: Sequence[Any]) -> None:
    """Refuse tensors that cannot stand below one another, with the remedy."""
    kinds = {(v.shape[1:], v.dtype, v.device) for v in values if isinstance(v, Tensor)}
    if len(kinds) > 1:
        raise ValueError(
            f"Directions.concatenate: {name} differ in shape, dtype or device: "
            f"{'; '.join(sorted(str(kind) for kind in kinds))}; pass the sets as a list instead"
        )


def agree(name: str, values: Sequence[Any]) -> None:
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
