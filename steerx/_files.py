"""Files that are whole or absent: written under a temporary name, flushed, renamed. And what systems differ in.

Everything here runs on Linux, macOS and Windows. Python opens descriptors that no child inherits, on all of
them, so no flag asks for that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Windows opens descriptors as text unless told, and knows neither terminals nor waiting in an open.
_BINARY = getattr(os, "O_BINARY", 0)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
TEMPORARY = ".steerx-*.tmp"  # names of files on their way; a killed process leaves them
_CHUNK = 1 << 24  # bytes that a system without preadv copies at a time
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a binary file that appears under `path` only when the block ends without an error.

    The bytes go to a temporary name in the same folder, are flushed to the disk, and take the final
    name in one step. A reader never sees half a file, and a failed block leaves nothing behind.

    Args:
        path: final name; its folder must exist.
        overwrite: replace an existing file; without it an existing file is an error.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False.
        FileNotFoundError, NotADirectoryError: the folder is not there.
        PermissionError: the folder may not be written.
        OSError: the disk is full, or another failure of the system.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(
            errno.EISDIR, f"write: {target} is a folder; give the name of a file in it"
        )
    if not overwrite and os.path.lexists(target):
        raise _exists(target)
    temporary = target.parent / TEMPORARY.replace("*", secrets.token_hex(8))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
    try:
        descriptor = os.open(temporary, flags, 0o666)  # the umask decides, as for any new file
    except OSError as error:
        raise _friendly(error, target) from error
    try:
        with os.fdopen(descriptor, "wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        take_name(temporary, target, overwrite=overwrite)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            raise _friendly(error, target) from error
        raise
    flush_folder(target.parent)


def open_to_read(path: str | os.PathLike[str]) -> int:
    """A descriptor of the bytes of a file; the open itself never waits, whatever the path names.

    Raises:
        OSError: the file cannot be opened.
    """
    return os.open(path, os.O_RDONLY | _BINARY | _NO_WAITING)


def read_at(descriptor: int, length: int, start: int) -> bytes:
    """Bytes from place `start`, `length` of them or fewer; none at the end of the file.

    Without `pread` (Windows) the descriptor's position moves, so that one thread at a time may read it.
    """
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, start)
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, length)


def fill_at(descriptor: int, buffer: memoryview, start: int) -> int:
    """Read bytes from place `start` into the front of `buffer`; how many came, 0 at the end of the file."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [buffer], start)
    data = read_at(descriptor, min(len(buffer), _CHUNK), start)
    buffer[: len(data)] = data
    return len(data)


def take_name(name: Path, target: Path, *, overwrite: bool) -> None:
    """Give the finished temporary file its final name, without replacing a file unasked."""
    if not overwrite:
        try:
            os.link(name, target)  # unlike rename, fails where another process was first
        except FileExistsError:
            raise _exists(target) from None
        except OSError:  # a file system without hard links
            if os.path.lexists(target):
                raise _exists(target) from None
        else:
            os.unlink(name)
            return
    try:
        os.replace(name, target)
    except PermissionError as error:  # on Windows what somebody reads cannot be replaced
        raise OSError(
            error.errno,
            f"write: cannot replace {target}: another program has it open, or it is not yours; close "
            "it, or choose another name",
        ) from error


def hold(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file for this process, which gives it back when it ends; whether that worked.

    Where the system or its disk has no locks (Windows, some network disks) nothing is locked, and the answer is yes.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def flush_folder(folder: Path) -> None:
    """Make the new name durable; file systems that cannot flush a folder are left alone."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _exists(target: Path) -> FileExistsError:
    return FileExistsError(
        errno.EEXIST, f"write: {target} exists; choose another name or ask to overwrite it"
    )


def _friendly(error: OSError, target: Path) -> OSError:
    """The same kind of error with the file, the cause and the remedy in words."""
    words = {
        errno.ENOENT: f"the folder {target.parent} does not exist; create it first",
        errno.ENOTDIR: f"{target.parent} is not a folder; choose another place",
        errno.EACCES: f"the folder {target.parent} may not be written; choose another place",
        errno.EPERM: f"the folder {target.parent} may not be written; choose another place",
        errno.EROFS: f"{target.parent} is on a read-only disk; choose another place",
        errno.ENOSPC: f"the disk of {target.parent} is full; free some space or choose another",
        errno.EDQUOT: f"your quota on {target.parent} is used up; free some space",
        errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    }
    cause = words.get(error.errno or 0, error.strerror or str(error))
    return OSError(error.errno or errno.EIO, f"write: cannot write {target}: {cause}")
