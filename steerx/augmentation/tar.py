"""Tar archives of which every byte is known: ustar, no times, no owners, members as they come.

Source: POSIX.1-1988, "ustar Interchange Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol

from .errors import DamageError

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
BUFFER: Final = (
    1 << 17
)  # bytes at a time: few calls of the system, and still in the processor's cache
_MOST: Final = 8**11 - 1  # bytes that the size of a member can say
_MODE: Final = b"0000644\0" + b"0000000\0" * 2
_TIME: Final = b"\0" + b"00000000000\0"
_REST: Final = (b"0" + bytes(100) + b"ustar\0" + b"00" + bytes(64) + b"0000000\0" * 2).ljust(
    356, b"\0"
)
_SUM: Final = sum(_MODE + _TIME + _REST + b" " * 8)  # the sum counts its own field as spaces


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object:
        """Take all of them."""
        ...


def write_member(sink: Sink, name: str, data: bytes) -> None:
    """Write one file; `END` follows the last."""
    sink.write(header(name, len(data)) + data + bytes(-len(data) % BLOCK))


def header(name: str, size: int) -> bytes:
    """The block before a member: mode 644, everything else zero.

    Raises:
        ValueError: a name over 100 bytes, or 8 GiB.
    """
    said = name.encode()
    if len(said) > 100 or size > _MOST:
        raise ValueError(f"tar: a member has a name of 100 bytes and 8 GiB at most, got {name!r}")
    length = b"%011o" % size
    total = _SUM + sum(said) + sum(length)
    return said.ljust(100, b"\0") + _MODE + length + _TIME + b"%06o\0 " % total + _REST


def members(handle: BinaryIO, *, where: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of an archive that `write_member` wrote.

    Raises:
        DamageError: anything else.
    """
    while True:
        head = handle.read(BLOCK)
        if head == bytes(BLOCK):
            if handle.read() != bytes(BLOCK):
                raise DamageError(f"{where} does not end where its archive does")
            return
        name = head[:100].rstrip(b"\0")
        try:
            size = int(head[124:135], 8)
            whole = head == header(name.decode(), size)
        except ValueError:
            whole = False
        if not whole:
            raise DamageError(f"{where} is torn, or no archive of steerx")
        padded = size + -size % BLOCK
        data = handle.read(padded)
        if len(data) < padded:
            raise DamageError(f"{where} is cut short")
        yield name.decode(), data[:size]
