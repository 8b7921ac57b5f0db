"""Processes as /proc tells of them: children, whether they live, where they write."""

from __future__ import annotations

import os
from pathlib import Path


def children(parent: int) -> list[int]:
    """Processes that a process started and that live."""
    try:
        told = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in told.split() if lives(int(word))]


def lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def writes_in(process: int, folder: Path) -> bool:
    """Whether a process has a file of a folder open."""
    try:
        files = [os.readlink(file) for file in Path(f"/proc/{process}/fd").iterdir()]
    except OSError:  # of a moment ago
        return False
    return any(Path(file).parent == folder for file in files)
