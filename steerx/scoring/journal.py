"""The journal of a scoring: scores of a run on its way, so that nothing is scored twice.

An append-only text file. The first line says what is scored; then comes a line per image, in order:

    {"steerx_scores": 1, "of": {"network": "...", "seeds": "...", "psi": 0.7, "scorer": "faces", ...}}
    0,0.25,-1.5
    1,0.125,0.75

Numbers are written so that reading them gives the same bits. The lines of a batch are written at once,
and flushed to the disk every few seconds. A run that goes on drops what is torn, and all behind the
last whole batch, so that its batches are those of a run that was never cut short.
"""

from __future__ import annotations

import array
import contextlib
import errno
import json
import os
import re
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from .._files import hold

_VERSION = 1
_SYNC = 5.0  # seconds between flushes to the disk
_MAX_LINE = 1 << 20
_SHOWN = 100
_HASH = re.compile("[0-9a-f]{32}")
_WORDS = {
    errno.ENOSPC: "the disk of {folder} is full; free some space",
    errno.EDQUOT: "your quota on {folder} is used up; free some space",
    errno.EFBIG: "a file may not grow that large here; raise the limit (ulimit -f)",
    errno.EACCES: "the folder {folder} may not be written; choose another place",
    errno.EROFS: "{folder} is on a read-only disk; choose another place",
    errno.ENOENT: "the folder {folder} does not exist; create it first",
}


class JournalError(ValueError):
    """A journal of another scoring, or a file that is none; the message says which and what to do."""


class Journal:
    """An open journal; a context that closes it.

    Attributes:
        path: of the file.
        of: what is scored; compared with what the file says.
        scores: [n, A'] float32 that the file held when it was opened; None = none.
        count: images whose scores are in the file.
    """

    def __init__(self, path: str | os.PathLike[str], of: Mapping[str, Any]) -> None:
        """Open or create the file.

        Raises:
            JournalError: the file is no journal, or another run is writing it.
            OSError: it cannot be written.
        """
        self.path, self.of = Path(path), dict(of)
        self.scores: Tensor | None = None
        self.count = self._end = 0
        self._ours = False  # never touch a file before it is known to be this scoring's
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        flags |= getattr(os, "O_BINARY", 0)
        try:
            self._file = os.open(self.path, flags, 0o666)
        except OSError as error:
            raise self._said(error) from error
        self._synced = time.monotonic()
        try:
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                raise JournalError(f"score: {self.path} is no regular file; choose another journal")
            self._lock()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._sync()
        finally:
            os.close(self._file)
            if self._ours and not self.count:  # nothing that is worth keeping
                self.path.unlink(missing_ok=True)

    def resume(self, numbers: Sequence[int], batch: int) -> int:
        """Take over what the file holds, up to its last whole batch; start it where it is new.

        Args:
            numbers: seed or row of each image, in order.
            batch: images per batch.

        Returns:
            How many images need not be scored again.

        Raises:
            JournalError: the file belongs to another scoring, or is no journal.
        """
        first = json.dumps({"steerx_scores": _VERSION, "of": self.of}, allow_nan=False) + "\n"
        with open(os.dup(self._file), "rb") as handle:
            handle.seek(0)
            line = handle.readline(_MAX_LINE)
            if not line.endswith(b"\n") and first.encode().startswith(line):  # new, or torn at once
                self._ours = True
                self._write(first.encode(), 0)
                return 0
            self._compare(line)
            self._ours = True
            self._end = len(line)
            values, columns = array.array("f"), 0
            end = self._end
            for count, number in enumerate(numbers, 1):
                line = handle.readline(_MAX_LINE)
                row = _row(line, number, columns)
                if not row:  # torn, or damaged: this and what follows is scored again
                    break
                columns = len(row)
                values.extend(row)
                end += len(line)
                if count % batch == 0 or count == len(numbers):
                    self.count, self._end = count, end
        os.ftruncate(self._file, self._end)
        if self.count:
            kept = torch.tensor(values[: self.count * columns], dtype=torch.float32)
            self.scores = kept.reshape(self.count, columns)
        return self.count

    def append(self, numbers: Sequence[int], scores: Tensor) -> None:
        """Add the scores [B, A'] of some images.

        Raises:
            OSError: the disk is full, or the like; the file keeps what it had.
        """
        rows = zip(numbers, scores.tolist(), strict=True)
        lines = [",".join([str(number), *map(repr, row)]) + "\n" for number, row in rows]
        self._write("".join(lines).encode(), self._end)
        self.count += len(lines)
        if time.monotonic() - self._synced > _SYNC:
            self._sync()

    def _compare(self, line: bytes) -> None:
        """Refuse a first line that is not ours, or of another scoring."""
        try:
            head = json.loads(line)
            version, of = head["steerx_scores"], dict(head["of"])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise JournalError(
                f"score: {self.path} is no journal of a scoring; choose another name"
            ) from None
        if version != _VERSION:
            raise JournalError(
                f"score: {self.path} is a journal of version {version}, and this steerx writes "
                f"{_VERSION}; delete it to start anew"
            )
        for name, value in self.of.items():
            if of.get(name) == value:
                continue
            words = f"{name} was {of.get(name)}, is {value}"
            hashes = any(_HASH.fullmatch(str(one)) for one in (of.get(name), value))
            how = f"another {name}" if hashes or len(words) > _SHOWN else words
            raise JournalError(
                f"score: {self.path} belongs to another scoring: {how}; go on with what it was started "
                "with, or delete it to start anew"
            )

    def _write(self, data: bytes, start: int) -> None:
        """Put bytes behind all others, or leave the file as it was."""
        try:
            os.lseek(self._file, start, os.SEEK_SET)
            left = memoryview(data)
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, start)
            raise self._said(error) from error
        self._end = start + len(data)

    def _sync(self) -> None:
        try:
            os.fsync(self._file)
        except OSError as error:
            raise self._said(error) from error
        self._synced = time.monotonic()

    def _lock(self) -> None:
        """One run at a time, where the system can say so; the lock ends with the process."""
        if not hold(self._file):
            raise JournalError(
                f"score: another run is writing {self.path}; wait for it, or choose another name"
            )

    def _said(self, error: OSError) -> OSError:
        """The same kind of error with the file, the cause and the remedy in words."""
        words = _WORDS.get(error.errno or 0, error.strerror or str(error))
        kept = f", then score again to go on ({self.count} images are kept)" if self.count else ""
        cause = words.format(folder=self.path.absolute().parent)
        return OSError(error.errno or errno.EIO, f"score: cannot write {self.path}: {cause}{kept}")


def _row(line: bytes, number: int, columns: int) -> list[float]:
    """The scores of a line, or nothing where it is not whole or of another image."""
    cells = line.split(b",")
    if not line.endswith(b"\n") or len(cells) < 2 or columns not in (0, len(cells) - 1):
        return []
    try:
        return [float(cell) for cell in cells[1:]] if int(cells[0]) == number else []
    except ValueError:
        return []
