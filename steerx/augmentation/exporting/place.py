"""A file or a folder that takes its name when all of it is on the disk."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ..._files import flush_folder, hold
from ..errors import LockedError

_LOCK = "lock"


@contextlib.contextmanager
def whole(out: Path) -> Iterator[Path]:
    """A path to write a file or a folder at; it becomes `out` when the block ends without an error.

    The work goes on in a folder beside `out`, whose name is made from that of `out`: what a killed process left
    there is found, and removed, by the next one that makes the same thing.

    Raises:
        FileExistsError: `out` exists.
        FileNotFoundError: the folder that it is to be in does not.
        LockedError: another process makes it now.
        OSError: the disk is full, or another failure of the system.
    """
    if not out.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, f"the folder {out.parent} does not exist; create it first"
        )
    name = hashlib.sha256(os.fsencode(out.name)).hexdigest()[:16]
    work = out.parent / f".steerx-{name}.export"
    work.mkdir(exist_ok=True)
    if work.is_symlink():  # what it points to is not ours to empty
        raise FileExistsError(errno.EEXIST, f"{work} is a link, not a work folder; remove it")
    lock = os.open(work / _LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    held = False
    try:
        held = hold(lock)
        if not held:
            raise LockedError(
                f"another process exports to {out}; wait for it, or give another name"
            )
        _refuse_existing(out)
        _empty(work)
        made = work / "made"
        yield made
        _flush(made)
        _refuse_existing(out)  # a rename would replace a file
        os.rename(made, out)
        flush_folder(out.parent)
    finally:
        if held:  # emptied while it is ours: another export may take the folder as soon as the lock is free
            _empty(work)
            with contextlib.suppress(OSError):
                (work / _LOCK).unlink()
                work.rmdir()
        os.close(lock)


def _refuse_existing(out: Path) -> None:
    if os.path.lexists(out):
        raise FileExistsError(errno.EEXIST, f"{out} exists; give a new name")


def _empty(work: Path) -> None:
    for left in work.iterdir():
        if left.name != _LOCK:
            _remove(left)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _flush(made: Path) -> None:
    """Bring everything to the disk: many small files at once first, then one by one, which tells of errors."""
    if made.is_file():
        _flush_file(os.fspath(made))
        return
    if hasattr(os, "sync"):
        os.sync()
    for folder, _, files in os.walk(made, topdown=False):
        for name in files:
            _flush_file(f"{folder}/{name}")
        flush_folder(Path(folder))


def _flush_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR)  # Windows flushes only what may be written
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
