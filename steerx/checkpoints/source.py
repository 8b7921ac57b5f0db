"""Where bytes come from: one regular file read with `pread`, or bytes already in memory.

Files are never mapped: one that another process cuts short while mapped kills the reader.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from types import TracebackType
from typing import Protocol, Self

from steerx._files import fill_at, open_to_read, read_at
from steerx.checkpoints.budget import Budget
from steerx.checkpoints.errors import CheckpointError, Kind

MAX_FILE_BYTES = 8 << 30
_HASH_CHUNK = 1 << 20


class Source(Protocol):
    """A run of bytes of known length."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, start: int, length: int) -> bytes:
        """Bytes [start, start + length); refuses when they are not all there."""

    def read_into(self, start: int, buffer: memoryview) -> None:
        """Fill `buffer` (bytes) from `start`; refuses when the bytes are not all there."""

    def position(self, start: int) -> int:
        """Place in the file, for messages."""


class FileSource:
    """A regular, non-empty file, opened once.

    Raises:
        CheckpointError: `unsupported` for anything but a regular file, `truncated` for an
            empty one, `limit` above 8 GiB.
        OSError: the file cannot be opened or read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self._descriptor = open_to_read(path)  # a FIFO must not hang the open
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise _not_regular() from error
            raise
        try:
            self._facts = os.fstat(self._descriptor)
            if not stat.S_ISREG(self._facts.st_mode):
                raise _not_regular()
            if self._facts.st_size == 0:
                raise CheckpointError(Kind.TRUNCATED, "the file is empty", 0)
            if self._facts.st_size > MAX_FILE_BYTES:
                raise CheckpointError(
                    Kind.LIMIT, f"the file has {self._facts.st_size} bytes, more than 8 GiB"
                )
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def size(self) -> int:
        """Length in bytes when the file was opened."""
        return self._facts.st_size

    def read(self, start: int, length: int) -> bytes:
        """Bytes [start, start + length)."""
        self._check(start, length)
        data = read_at(self._descriptor, length, start)
        if len(data) == length:
            return data
        buffer = bytearray(length)
        self.read_into(start, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, start: int, buffer: memoryview) -> None:
        """Fill `buffer` from `start`."""
        self._check(start, len(buffer))
        done = 0
        while done < len(buffer):  # one call moves at most 2 GiB
            got = fill_at(self._descriptor, buffer[done:], start + done)
            if got == 0:
                raise CheckpointError(Kind.TRUNCATED, "the file shrank while read", start + done)
            done += got

    def position(self, start: int) -> int:
        """Place in the file."""
        return start

    def sha256(self) -> str:
        """Hex digest of the whole file."""
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(_HASH_CHUNK))
        for start in range(0, self.size, _HASH_CHUNK):
            part = buffer[: min(_HASH_CHUNK, self.size - start)]
            self.read_into(start, part)
            digest.update(part)
        return digest.hexdigest()

    def check_unchanged(self) -> None:
        """Refuse a file whose size or time changed since it was opened."""
        now = os.fstat(self._descriptor)
        if (now.st_size, now.st_mtime_ns) != (self._facts.st_size, self._facts.st_mtime_ns):
            raise CheckpointError(Kind.TRUNCATED, "the file changed while it was read; read again")

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check(self, start: int, length: int) -> None:
        if start < 0 or length < 0 or start + length > self.size:
            raise CheckpointError(Kind.TRUNCATED, "the data end here", self.size)


class MemorySource:
    """Bytes that were decoded from a place in the file.

    Args:
        data: the bytes.
        origin: place in the file they came from, for messages.
    """

    def __init__(self, data: bytes, *, origin: int) -> None:
        self._data = data
        self._origin = origin

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._data)

    def read(self, start: int, length: int) -> bytes:
        """Bytes [start, start + length)."""
        if start < 0 or length < 0 or start + length > len(self._data):
            raise CheckpointError(Kind.TRUNCATED, "the data end here", self._origin)
        return self._data[start : start + length]

    def read_into(self, start: int, buffer: memoryview) -> None:
        """Fill `buffer` from `start`."""
        buffer[:] = self.read(start, len(buffer))

    def position(self, start: int) -> int:
        """Place in the file of the whole run."""
        return self._origin


class LatinSource:
    """Bytes that protocol 2 wrote as text: UTF-8 in the file, latin-1 when decoded.

    Nothing is kept: a storage is decoded again when it is loaded, so networks that are skipped cost
    no memory. Every decoding is work of the file's budget.
    """

    def __init__(self, source: Source, start: int, length: int, budget: Budget) -> None:
        self._source = source
        self._start = start
        self._length = length
        self._budget = budget

    @property
    def size(self) -> int:
        """Length in bytes after decoding."""
        return len(self.decoded())

    def decoded(self) -> bytes:
        """The bytes behind the text."""
        self._budget.spend("work", self._length, offset=self.position(0))
        data = self._source.read(self._start, self._length)
        try:
            return data.decode("utf-8").encode("latin-1")
        except UnicodeError:
            raise CheckpointError(
                Kind.BAD_STRUCTURE, "text that should hold bytes does not", self.position(0)
            ) from None

    def read(self, start: int, length: int) -> bytes:
        """Bytes [start, start + length) after decoding."""
        return MemorySource(self.decoded(), origin=self.position(0)).read(start, length)

    def read_into(self, start: int, buffer: memoryview) -> None:
        """Fill `buffer` from `start`."""
        buffer[:] = self.read(start, len(buffer))

    def position(self, start: int) -> int:
        """Place in the file of the whole text."""
        return self._source.position(self._start)


def _not_regular() -> CheckpointError:
    return CheckpointError(Kind.UNSUPPORTED, "not a regular file; give the path of a checkpoint")
