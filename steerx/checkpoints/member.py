"""One entry of an archive as a stream: unpacked as it is read, its length and its sum compared at the end."""

from __future__ import annotations

import zlib

from steerx.checkpoints.archive import DEFLATED, Entry
from steerx.checkpoints.errors import CheckpointError, Kind
from steerx.checkpoints.source import Source

_CHUNK = 1 << 16


class Member:
    """The bytes of one entry.

    Args:
        source: the archive's file.
        entry: of its directory.
    """

    def __init__(self, source: Source, entry: Entry) -> None:
        self._source = source
        self._entry = entry
        self._at = entry.start
        self._end = entry.start + entry.length
        self._left = entry.size
        self._sum = 0
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == DEFLATED else None

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end, which is where the sum is compared.

        Raises:
            CheckpointError: `bad-archive` for bytes that do not unpack to what the directory says.
        """
        wanted = min(size, self._left)
        data = self._packed(wanted) if self._inflater is None else self._inflated(wanted)
        self._left -= len(data)
        self._sum = zlib.crc32(data, self._sum)
        if not self._left and len(data) < size:
            self._check_end()
        return data

    def _packed(self, size: int) -> bytes:
        data = self._source.read(self._at, size)
        self._at += size
        return data

    def _inflated(self, size: int) -> bytes:
        """`size` bytes and no more in memory, however well they are packed."""
        assert self._inflater is not None
        parts = []
        try:
            while size:
                packed = self._inflater.unconsumed_tail
                packed = packed or self._packed(min(_CHUNK, self._end - self._at))
                part = self._inflater.decompress(packed, size)
                if not part and (self._inflater.eof or not packed):
                    raise self._bad("unpacks to less than it says")
                parts.append(part)
                size -= len(part)
        except zlib.error:
            raise self._bad("does not unpack") from None
        return b"".join(parts)

    def _check_end(self) -> None:
        if self._inflater is not None:
            last = self._inflater.unconsumed_tail + self._packed(self._end - self._at)
            try:
                more = self._inflater.decompress(last, 1)
            except zlib.error:
                raise self._bad("does not unpack") from None
            if more or not self._inflater.eof or self._inflater.unused_data:
                raise self._bad("unpacks to more than it says")
        if self._sum != self._entry.crc:
            raise self._bad("has another sum than it says")

    def _bad(self, what: str) -> CheckpointError:
        return CheckpointError(Kind.BAD_ARCHIVE, f"an entry {what}", self._entry.start)
