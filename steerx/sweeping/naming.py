"""Names of what a sweep is made of: told apart, and found by."""

from __future__ import annotations

from collections.abc import Sequence


def position(name: str, wanted: object, present: Sequence[object]) -> int:
    """Where something stands among those that are there; the first where nothing is wanted."""
    if wanted is None:
        return 0
    if wanted not in present:
        raise ValueError(f"{name} must be one of {', '.join(map(str, present))}, got {wanted}")
    return list(present).index(wanted)


def distinct(names: list[str]) -> tuple[str, ...]:
    """Names told apart by a number where several sets use the same ones."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(result)
