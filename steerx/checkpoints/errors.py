"""The one exception that leaves the reader, and its closed set of kinds."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What was wrong with a file; a closed set, so that programs can branch on it."""

    FORBIDDEN_GLOBAL = "forbidden-global"
    BAD_OPCODE = "bad-opcode"
    TRUNCATED = "truncated"
    LIMIT = "limit"
    BAD_TENSOR = "bad-tensor"
    BAD_STRUCTURE = "bad-structure"
    BAD_ARCHIVE = "bad-archive"
    NON_FINITE = "non-finite"
    UNSUPPORTED = "unsupported"


class CheckpointError(Exception):
    """A checkpoint was refused.

    Attributes:
        kind: one of `Kind`.
        what: one line about the cause, with the remedy where there is one.
        offset: position in the file in bytes, where one is known.
    """

    def __init__(self, kind: Kind, what: str, offset: int | None = None) -> None:
        super().__init__(kind, what, offset)
        self.kind = Kind(kind)
        self.what = what
        self.offset = offset

    def __str__(self) -> str:
        place = "" if self.offset is None else f" (at byte {self.offset})"
        return f"{self.kind}: {self.what}{place}"


def shown(text: str, *, limit: int = 200) -> str:
    """Quote text from a file: printable ASCII on one line, cut after `limit` characters."""
    # ascii() rather than a codec: codecs are imported at first use, and reading imports nothing.
    escaped = ascii(text[:limit])
    if len(text) > limit or len(escaped) > limit + 2:
        return escaped[:limit] + "..."
    return escaped
