"""Where results go: folders that are checked before the work, files that are whole or absent."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from .failures import IO, Failure


def claim(paths: Iterable[Path], *, force: bool) -> None:
    """Refuse now, before hours of work, what could not be written at their end; makes nothing.

    Raises:
        Failure: a file exists and `force` is False, or its folder is none or may not be written.
    """
    for path in paths:
        if path.is_dir():
            raise Failure(f"{path} is a folder; give the name of a file in it", IO)
        if os.path.lexists(path) and not force:
            raise Failure(f"{path} exists; give --force to replace it, or another name", IO)
        folder = path.parent
        while not os.path.lexists(folder) and folder != folder.parent:  # a drive that is not there
            folder = folder.parent
        if not folder.is_dir():
            raise Failure(f"{folder} is not a folder; choose another place for {path.name}", IO)
        if not os.access(folder, os.W_OK):
            raise Failure(f"the folder {folder} may not be written; choose another one", IO)


def write(path: Path, data: bytes, *, force: bool) -> None:
    """One file, whole or absent; its folder is made."""
    from .._files import whole_file

    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, overwrite=force) as handle:
        handle.write(data)


def stem(name: str) -> str:
    """A direction's name as a part of a file name: letters, digits, dots, signs."""
    kept = re.sub(r"[^\w.+=()-]+", "_", name).strip("._") or "direction"
    return f"minus{kept}"[:80] if kept.startswith("-") else kept[:80]


def stems(names: Iterable[str]) -> list[str]:
    """Stems that differ even where the names differ only in characters that a file cannot have."""
    result: list[str] = []
    for name in names:
        one, number = stem(name), 2
        while one.casefold() in (other.casefold() for other in result):
            one, number = f"{stem(name)}-{number}", number + 1
        result.append(one)
    return result
