"""What a set of directions must satisfy: a check returns the value or says what is wrong."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Sequence
from reprlib import repr as brief
from typing import Any

import torch
from torch import Tensor

from .._layers import format_layers

_SPACES = ("z", "w", "w_plus", "styles")
# Far beyond any network or person, and small enough to be printed and stored.
MAX_NAME = 200
_MAX_LAYER = 9_999
_MAX_NUMBER = (1 << 31) - 1


def vectors(value: object, space: object) -> int:
    """Check the rank that the space allows and return K."""
    if not isinstance(value, Tensor) or not value.dtype.is_floating_point:
        came = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"Directions: vectors must be a floating-point tensor [K, D], got {came}")
    if space not in _SPACES and not (isinstance(space, str) and space.startswith("act:")):
        raise ValueError(
            'Directions: space must be "z", "w", "w_plus", "styles" or "act:<layer>", got '
            f"{brief(space)}"
        )
    text("space", space)
    ranks = (2, 3) if space == "w_plus" else (2,)
    if value.dim() not in ranks or 0 in value.shape:
        expected = {"w_plus": "[K, D] or [K, L, D]", "styles": "[K, S]"}.get(str(space), "[K, D]")
        raise ValueError(
            f'Directions: vectors of space "{space}" must be {expected} and not empty, got '
            f"{list(value.shape)}"
        )
    return value.shape[0]


def unit_length(value: Tensor) -> None:
    """Refuse vectors that are not finite or not of unit length.

    Of the rows of [K, L, D] the longest has unit length; the others tell how far their layer goes
    beside it, down to 0.
    """
    lengths = torch.linalg.vector_norm(value.double(), dim=-1)
    tolerance = 1e-3 if torch.finfo(value.dtype).eps < 1e-6 else 1e-2
    longest = lengths if value.dim() == 2 else lengths.amax(dim=1)
    good = (longest - 1).abs() <= tolerance
    if not bool(good.all()):
        k = int((~good).nonzero()[0])
        which = "" if value.dim() == 2 else "in the longest of their rows, "
        raise ValueError(
            f"Directions: vectors must have unit L2 length, {which}vector {k} has "
            f"{lengths[k].tolist()}; divide by the length, and put it into scale if alpha = 1 shall "
            "keep it"
        )


def names(value: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """K different, non-empty names; "direction0" ... where none are given."""
    if value is None:
        return tuple(f"direction{k}" for k in range(count))
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    if not listed or not all(isinstance(n, str) and n for n in value):
        raise ValueError(
            f"Directions: names must be a sequence of {count} non-empty str, got {brief(value)}"
        )
    if len(value) != count:
        raise ValueError(f"Directions: names must have K = {count} entries, got {len(value)}")
    doubled = sorted(name for name, times in Counter(value).items() if times > 1)
    if doubled:
        raise ValueError(
            f"Directions: names must differ, got {', '.join(doubled[:3])} twice; use rename"
        )
    strange = [n for n in value if not (n.isprintable() and 0 < len(n) <= MAX_NAME)]
    if strange:
        raise ValueError(
            f"Directions: names must be 1-{MAX_NAME} printable characters, got {strange[0][:40]!r}"
        )
    return tuple(value)


def text(name: str, value: object) -> None:
    """Refuse what is not text that can be printed on one line; None is unknown."""
    if value is not None and not (
        isinstance(value, str) and value.isprintable() and len(value) <= MAX_NAME
    ):
        raise ValueError(
            f"Directions: {name} must be text of at most {MAX_NAME} printable characters, got "
            f"{brief(value)}"
        )


def whole(name: str, value: object, *, least: int) -> None:
    """Refuse what is not a whole number of a sane size (True is none); None is unknown."""
    if value is not None and (type(value) is not int or not least <= value <= _MAX_NUMBER):
        raise ValueError(
            f"Directions: {name} must be a whole number from {least} to {_MAX_NUMBER}, or None; "
            f"got {brief(value)}"
        )


def truncation(value: object) -> tuple[float, int | None] | None:
    """(psi, cutoff), or None."""
    if value is None:
        return None
    psi: Any
    psi, cutoff = value if isinstance(value, tuple) and len(value) == 2 else (None, None)
    number = isinstance(psi, (int, float)) and not isinstance(psi, bool)
    if not number or not math.isfinite(psi):
        raise ValueError(f"Directions: truncation must be (psi, cutoff), got {brief(value)}")
    whole("cutoff of truncation", cutoff, least=0)
    return float(psi), cutoff


def layers(
    value: Sequence[int] | Sequence[Sequence[int] | None] | None,
    count: int,
    space: str,
    vecs: Tensor,
) -> tuple[tuple[int, ...] | None, ...]:
    """One entry per direction: sorted rows of w_plus, or None for all of them."""
    if value is None:
        return (None,) * count
    given: object = value  # a file may hold anything
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ValueError(f"Directions: layers must be None, rows or a list, got {brief(value)}")
    limit = vecs.shape[1] if vecs.dim() == 3 else None
    entries: Sequence[Any]
    if value and not any(entry is None or isinstance(entry, Sequence) for entry in value):
        entries = (_rows_of_w_plus(value, limit),) * count
    else:
        entries = [None if entry is None else _rows_of_w_plus(entry, limit) for entry in value]
    if len(entries) != count:
        raise ValueError(
            f"Directions: layers must be None, rows, or K = {count} entries, got {len(entries)}"
        )
    if space not in ("w", "w_plus") and any(entry is not None for entry in entries):
        raise ValueError(
            f'Directions: layers are rows of w_plus; space "{space}" has none, use None'
        )
    return tuple(entries)


def _rows_of_w_plus(entry: Any, limit: int | None) -> tuple[int, ...]:
    numbers = isinstance(entry, Sequence) and all(
        hasattr(row, "__index__") and not isinstance(row, bool) for row in entry
    )
    rows = tuple(sorted({operator.index(row) for row in entry})) if numbers else ()
    most = _MAX_LAYER if limit is None else limit - 1
    if not rows or rows[0] < 0 or rows[-1] > most:
        within = "" if limit is None else f" below L = {limit}"
        raise ValueError(
            f"Directions: layers must be integer rows 0, 1, ...{within}, got {brief(entry)}"
        )
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
    if name == "scores":  # an accuracy without samples is NaN
        return value.to(vecs)
    return _finite(name, value, vecs)


def _finite(name: str, value: Tensor, vecs: Tensor) -> Tensor:
    """On the device and in the dtype of the vectors, where it must still be finite."""
    moved = value.to(vecs)
    if not bool(moved.isfinite().all()):
        raise ValueError(
            f"Directions: {name} must be finite numbers in {vecs.dtype}, got NaN or infinity"
        )
    return moved


def scale(value: Tensor, vecs: Tensor) -> Tensor:
    """[K] lengths: finite and not negative."""
    lengths = per_direction("scale", value, vecs)
    if bool((lengths < 0).any()):
        raise ValueError(
            f"Directions: scale is a length and must not be negative, got {float(lengths.min()):g}; "
            "negate the direction instead (-directions)"
        )
    return lengths


def intercepts(value: Tensor, vecs: Tensor) -> Tensor:
    """[K], or [K, L] where the vectors are per layer."""
    if not isinstance(value, Tensor) or value.shape != vecs.shape[:-1]:
        came = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"Directions: intercepts must be {list(vecs.shape[:-1])}, got {came}")
    return _finite("intercepts", value, vecs)


def statistic(name: str, value: Tensor | None, vecs: Tensor, rank: int) -> Tensor | None:
    """[D] or [D, D] of the codes seen, or None."""
    expected = vecs.shape[-1:] * rank
    if value is not None and (not isinstance(value, Tensor) or value.shape != expected):
        came = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"Directions: {name} must be {list(expected)}, got {came}")
    return None if value is None else _finite(name, value, vecs)


def motion(value: str, space: str) -> str:
    """What alpha means; a distance is defined for codes, not for styles."""
    choice("motion", value, ("relative", "absolute"))
    if value == "absolute" and space == "styles":
        raise ValueError(
            'Directions: motion="absolute" is a distance in z or w, got space "styles"; use '
            'motion="relative"'
        )
    return value


def origin(value: str, motion: str, offsets: Tensor | None) -> str:
    """Where absolute distances start: "zero", or the "boundary" that the intercepts know."""
    choice("origin", value, ("zero", "boundary"))
    if value == "boundary" and (motion != "absolute" or offsets is None):
        raise ValueError(
            'Directions: origin="boundary" needs motion="absolute" and intercepts, got '
            f'motion="{motion}" and {"no " if offsets is None else ""}intercepts; use origin="zero"'
        )
    return value


def style_sizes(value: Sequence[int] | None, space: str, vecs: Tensor) -> tuple[int, ...] | None:
    """Channels of each style row: given for space "styles" alone, with sum S."""
    if (value is not None) != (space == "styles"):
        raise ValueError(
            f'Directions: style_sizes belong to space "styles" and only there, got '
            f'{brief(value)} with space "{space}"'
        )
    if value is None:
        return None
    if not isinstance(value, Sequence) or not all(type(n) is int and n > 0 for n in value):
        raise ValueError(f"Directions: style_sizes must be channels [C, ...], got {brief(value)}")
    if sum(value) != vecs.shape[-1]:
        raise ValueError(
            f"Directions: style_sizes must sum to S = {vecs.shape[-1]}, they sum to {sum(value)}"
        )
    return tuple(value)


def choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed words."""
    if value not in allowed:
        raise ValueError(
            f"Directions: {name} must be one of {', '.join(allowed)}, got {brief(value)}"
        )
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
