"""Columns of a table of scores: which are attributes, and which say whose scores they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

# What a column that identifies images is called, by how much it is trusted.
SEEDS = ("seed", "seeds")
FILES = ("filename", "file_name", "file", "image", "image_name", "image_path", "img", "path")
IDS = ("id", "image_id", "img_id")
ROWS = ("", "index", "idx", "unnamed: 0")
KINDS: tuple[tuple[str, ...], ...] = (SEEDS, FILES, IDS, ROWS)
_FILE = re.compile(r"(?:seed|img|image|sample)?[-_ ]?(\d{1,12})(?:\.\w{1,5})?", re.IGNORECASE)
_WHOLE = re.compile(r"\d{1,12}(?:\.0*)?")
_MAX_SEED = 2**32 - 1
Item = TypeVar("Item", int, str)


def check_names(names: Sequence[str]) -> None:
    """Refuse names of attributes that a table could not say.

    Raises:
        ValueError: a name that is empty, a number, on two lines, there twice, or one of images.
    """
    for name in names:
        if not isinstance(name, str) or not name.isprintable() or name != name.strip() or not name:
            raise ValueError(f"Scores: names must be words on one line, got {name!r}")
        if is_number(name) or name.startswith("#"):
            raise ValueError(f"Scores: a name must not look like a number or comment, got {name!r}")
        if any(name.casefold() in kind for kind in KINDS):
            raise ValueError(f"Scores: {name!r} names images, not an attribute; take another name")
    if len(set(names)) < len(names):
        raise ValueError(f"Scores: names must differ, got {', '.join(names)[:80]}")


def seed_of(cell: str, name: str) -> int | None:
    """The seed that a cell of such a column tells; None where it tells none."""
    text = cell.strip()
    if name.casefold() in FILES:
        match = _FILE.fullmatch(re.split(r"[/\\]", text)[-1])
        digits = match[1] if match else None
    else:
        digits = text.split(".")[0] if _WHOLE.fullmatch(text) else None
    return int(digits) if digits is not None and int(digits) <= _MAX_SEED else None


def twice(items: Iterable[Item]) -> list[Item]:
    """The first item that is there a second time, if any does."""
    seen: set[Item] = set()
    for item in items:
        if item in seen:
            return [item]
        seen.add(item)
    return []


def is_number(text: str) -> bool:
    """Whether Python reads text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
