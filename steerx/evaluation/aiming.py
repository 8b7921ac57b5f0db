"""Which attribute each direction is meant to move, and what the attributes are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from torch import Tensor

from ..scoring import Scorer

Targets = Mapping[str, str] | None


def known_names(scorer: Scorer, names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names of the attributes as told, or the scorer's own, or None where nobody knows.

    Raises:
        ValueError: a name twice.
    """
    own = getattr(scorer, "names", None) if names is None else names
    if own is None:
        return None
    said = (own,) if isinstance(own, str) else tuple(str(name) for name in own)
    if len(set(said)) < len(said):
        raise ValueError(f"effects: names must all differ, got {', '.join(said)}")
    return said


def counted_names(names: tuple[str, ...] | None, columns: int) -> tuple[str, ...]:
    """Names [A'] beside scores of that many columns.

    Raises:
        ValueError: another number of names.
    """
    if names is None:
        return tuple(f"attribute{k}" for k in range(columns))
    if len(names) != columns:
        raise ValueError(
            f"effects: the scorer returned {columns} columns for {len(names)} names "
            f"({', '.join(names)}); give one name per column"
        )
    return names


def check_targets(
    targets: Targets, directions: Sequence[str], attributes: Sequence[str] | None
) -> None:
    """Refuse targets that name what is not there; attributes may not be known yet.

    Raises:
        ValueError: the message lists what there is.
    """
    for direction, attribute in (targets or {}).items():
        if direction not in directions:
            raise ValueError(
                f"effects: targets name the direction {direction!r}; the directions are "
                f"{', '.join(directions)}"
            )
        if attributes is not None and attribute not in attributes:
            raise ValueError(
                f"effects: targets name the attribute {attribute!r}; the attributes are "
                f"{', '.join(attributes)}"
            )


def aim(
    targets: Targets, directions: Sequence[str], attributes: tuple[str, ...], slope: Tensor
) -> tuple[int, ...]:
    """Number of the target per direction: as told, else by name, else what moves most.

    "-smile" and "smile (2)", which a sweep calls a second set's direction, aim at smile too.
    """
    told = dict(targets or {})
    strongest = slope.abs().argmax(dim=1).tolist()
    found = []
    for k, name in enumerate(directions):
        bare = re.sub(r" \(\d+\)$", "", name).removeprefix("-")
        wanted = told.get(name, name if name in attributes else bare)
        found.append(attributes.index(wanted) if wanted in attributes else strongest[k])
    return tuple(found)
