"""The zip container of torch >= 1.6: stored entries in one folder, nothing hidden between them.

A zip can say one thing in its directory and another in its local headers, and two readers then
disagree. Here both must say the same, and entries may not overlap, repeat or be compressed.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass

from steerx.checkpoints.budget import MAX_ENTRIES
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.source import Source

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_LOCATOR64 = struct.Struct("<IIQI")
_END64 = struct.Struct("<IQHHIIQQQQ")
_LOCAL_MAGIC, _CENTRAL_MAGIC, _END_MAGIC = 0x04034B50, 0x02014B50, 0x06054B50
_LOCATOR64_MAGIC, _END64_MAGIC = 0x07064B50, 0x06064B50
_ALL32, _ALL16 = 0xFFFFFFFF, 0xFFFF
_MAX_DIRECTORY_BYTES = 64 << 20
_ENCRYPTED = 0x2041  # flags: encrypted, strong encryption, masked header
_SIZES_FOLLOW = 0x8  # flag: the local header leaves sizes to a record behind the data


@dataclass(frozen=True, slots=True)
class Entry:
    """Place of one stored entry's bytes: [start, start + length)."""

    start: int
    length: int


def read_archive(source: Source) -> dict[str, Entry]:
    """Names (without the one folder) and places of the entries of a torch zip archive.

    Raises:
        CheckpointError: `bad-archive`, or `unsupported` for TorchScript.
    """
    start, length, count = _directory(source)
    data = source.read(start, length)
    entries: dict[str, Entry] = {}
    spans: list[tuple[int, int]] = []
    at = 0
    for _ in range(count):
        if at + _CENTRAL.size > length:
            raise _bad("the directory is cut short", start + at)
        name, local, size, at = _central(data, at, start)
        if name in entries:
            raise _bad(f"two entries are called {shown(name)}", start + at)
        entries[name], span = _local(source, name, local, size, start)
        spans.append(span)
    if at != length:
        raise _bad("the directory has more entries than it says", start + at)
    spans.sort()
    if spans and spans[0][0] != 0:
        raise _bad("bytes before the first entry", 0)
    for (_, end), (following, _) in itertools.pairwise(spans):
        if following < end:
            raise _bad("two entries overlap", following)
    return _without_folder(entries)


def _directory(source: Source) -> tuple[int, int, int]:
    """Start, length and number of entries of the directory, which must end at the end records."""
    end = source.size - _END.size
    if end < 0:
        raise CheckpointError(Kind.TRUNCATED, "the archive ends early", source.size)
    magic, disk, first_disk, here, count, length, start, comment = _END.unpack(
        source.read(end, _END.size)
    )
    if magic != _END_MAGIC or comment or disk or first_disk or here != count:
        raise CheckpointError(Kind.TRUNCATED, "the archive has no directory at its end", end)
    behind = end
    located = end - _LOCATOR64.size
    if located >= 0:
        magic, _, end64, disks = _LOCATOR64.unpack(source.read(located, _LOCATOR64.size))
        if magic == _LOCATOR64_MAGIC:
            if disks > 1 or end64 + _END64.size != located:
                raise _bad("the 64-bit end record is not where it should be", located)
            record = _END64.unpack(source.read(end64, _END64.size))
            magic, size, _, _, disk, first_disk, here, count64, length64, start64 = record
            if magic != _END64_MAGIC or size != _END64.size - 12 or disk or first_disk:
                raise _bad("the 64-bit end record is damaged", end64)
            for narrow, wide, unset in (
                (count, count64, _ALL16),
                (length, length64, _ALL32),
                (start, start64, _ALL32),
            ):
                if narrow not in (wide, unset):
                    raise _bad("the two end records disagree", end)
            if here != count64:
                raise _bad("the two end records disagree", end)
            count, length, start, behind = count64, length64, start64, end64
    if count > MAX_ENTRIES or length > _MAX_DIRECTORY_BYTES:
        raise CheckpointError(Kind.LIMIT, f"an archive of {count} entries", end)
    if start + length != behind:
        raise _bad("bytes between the directory and its end record", end)
    return start, length, count


def _central(data: bytes, at: int, base: int) -> tuple[str, int, int, int]:
    """One directory record: name, place of the local header, size, place of the next record."""
    fields = _CENTRAL.unpack_from(data, at)
    flags, method, packed, size = fields[3], fields[4], fields[8], fields[9]
    name_length, extra_length, comment_length = fields[10:13]
    disk, local = fields[13], fields[16]
    place = base + at
    if fields[0] != _CENTRAL_MAGIC or disk not in (0, _ALL16):
        raise _bad("the directory is damaged", place)
    if flags & _ENCRYPTED or method != 0:
        raise _bad("an entry is compressed or encrypted; torch stores them plainly", place)
    at += _CENTRAL.size
    raw, extra = (
        data[at : at + name_length],
        data[at + name_length : at + name_length + extra_length],
    )
    end = at + name_length + extra_length + comment_length
    if end > len(data):
        raise _bad("the directory is cut short", place)
    wide = _wide_fields(extra, place)
    if size == _ALL32:
        size = _next(wide, place)
    if packed == _ALL32:
        packed = _next(wide, place)
    if local == _ALL32:
        local = _next(wide, place)
    if packed != size:
        raise _bad("an entry has two sizes", place)
    return _name(raw, place), local, size, end


def _local(
    source: Source, name: str, start: int, size: int, limit: int
) -> tuple[Entry, tuple[int, int]]:
    """The entry behind a local header that must say what the directory says, and its span."""
    if start + _LOCAL.size > limit:
        raise _bad(f"the entry {shown(name)} lies outside the archive", start)
    fields = _LOCAL.unpack(source.read(start, _LOCAL.size))
    magic, _, flags, method = fields[:4]
    packed, length, name_length, extra_length = fields[7:]
    if magic != _LOCAL_MAGIC or flags & _ENCRYPTED or method != 0:
        raise _bad(f"the header of {shown(name)} is damaged", start)
    data = start + _LOCAL.size + name_length + extra_length
    if data + size > limit:
        raise _bad(f"the entry {shown(name)} lies outside the archive", start)
    if _name(source.read(start + _LOCAL.size, name_length), start) != name:
        raise _bad(f"the entry {shown(name)} has another name in its own header", start)
    for told in (packed, length):
        unset = told == _ALL32 or (told == 0 and flags & _SIZES_FOLLOW)
        if told != size and not unset:
            raise _bad(f"the entry {shown(name)} has another size in its own header", start)
    return Entry(data, size), (start, data + size)


def _without_folder(entries: dict[str, Entry]) -> dict[str, Entry]:
    folders = {name.partition("/")[0] for name in entries if "/" in name}
    if len(folders) != 1 or not all("/" in name for name in entries):
        raise _bad("the entries are not in one folder", 0)
    short = {name.partition("/")[2]: entry for name, entry in entries.items()}
    if any(name == "constants.pkl" or name.startswith("code/") for name in short):
        raise CheckpointError(
            Kind.UNSUPPORTED, "a TorchScript program, not weights; ask for the state dict"
        )
    if "data.pkl" not in short:
        raise _bad("no data.pkl: a zip file, but not one written by torch.save", 0)
    return short


def _name(raw: bytes, place: int) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad("an entry's name is not UTF-8", place) from None
    parts = name.split("/")
    if len(name) > 512 or "\\" in name or "\0" in name or not all(parts) or {".", ".."} & {*parts}:
        raise _bad(f"an entry is called {shown(name)}", place)
    return name


def _wide_fields(extra: bytes, place: int) -> list[int]:
    """The 64-bit numbers of an extra field, last first."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        at += 4
        if at + length > len(extra):
            raise _bad("an extra field is cut short", place)
        if kind == 1:
            count = length // 8
            return list(struct.unpack_from(f"<{count}Q", extra, at))[::-1]
        at += length
    return []


def _next(wide: list[int], place: int) -> int:
    if not wide:
        raise _bad("a 64-bit size is missing", place)
    return wide.pop()


def _bad(what: str, offset: int) -> CheckpointError:
    return CheckpointError(Kind.BAD_ARCHIVE, what, offset)
