"""Reading forwards through part of a source, with every length checked before anything is made."""

from __future__ import annotations

from steerx.checkpoints.errors import CheckpointError, Kind
from steerx.checkpoints.source import Source

_CHUNK = 1 << 16


class Cursor:
    """A forward reader over bytes [start, stop) of a source.

    Args:
        source: the bytes.
        start: first position.
        stop: position behind the last byte; the end of the source by default.
    """

    __slots__ = ("_at", "_base", "_chunk", "_stop", "source")

    def __init__(self, source: Source, start: int = 0, stop: int | None = None) -> None:
        self.source = source
        self._stop = source.size if stop is None else stop
        self._base = start  # position in the source of the chunk's first byte
        self._chunk = b""
        self._at = 0

    @property
    def start(self) -> int:
        """Position in the source of the next byte."""
        return self._base + self._at

    @property
    def remaining(self) -> int:
        """Bytes between here and the end."""
        return self._stop - self._base - self._at

    @property
    def offset(self) -> int:
        """Place of the next byte in the file, for messages."""
        return self.source.position(self._base + self._at)

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        at = self._at
        end = at + length
        if end <= len(self._chunk):
            self._at = end
            return self._chunk[at:end]
        self._refill(length)
        self._at = length
        return self._chunk[:length]

    def byte(self) -> int:
        """The next byte as a number."""
        at = self._at
        if at >= len(self._chunk):
            self._refill(1)
            at = 0
        self._at = at + 1
        return self._chunk[at]

    def number(self, length: int) -> int:
        """An unsigned little-endian number of `length` bytes."""
        return int.from_bytes(self.take(length), "little")

    def skip(self, length: int) -> int:
        """Step over `length` bytes unread; returns the position in the source where they start."""
        start = self.start
        self.require(length)
        if self._at + length <= len(self._chunk):
            self._at += length
        else:
            self._base, self._chunk, self._at = start + length, b"", 0
        return start

    def line(self, limit: int) -> bytes:
        """The bytes before the next newline, which is consumed; at most `limit` of them."""
        start = self.start
        window = self.source.read(start, min(limit + 1, self.remaining))
        end = window.find(b"\n")
        if end < 0:
            if len(window) <= limit:
                raise CheckpointError(Kind.TRUNCATED, "the data end here", self._end())
            raise CheckpointError(Kind.LIMIT, f"a name longer than {limit} bytes", self.offset)
        self.skip(end + 1)
        return window[:end]

    def require(self, length: int) -> None:
        """Refuse a length that is more than what is left."""
        if length > self.remaining:
            raise CheckpointError(
                Kind.TRUNCATED,
                f"{length} bytes are announced where {self.remaining} are left",
                self.offset,
            )

    def _refill(self, length: int) -> None:
        self.require(length)
        start = self.start
        self._chunk = self.source.read(start, min(max(length, _CHUNK), self._stop - start))
        self._base, self._at = start, 0

    def _end(self) -> int:
        return self.source.position(self._stop)
