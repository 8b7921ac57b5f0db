"""Zip containers, of torch >= 1.6 and of numpy: nothing repeated, overlapping or hidden between entries.

A zip can say one thing in its directory and another in its local headers, and two readers then disagree. Here
both must say the same. Torch stores its entries in one folder; numpy may deflate, and has none.
"""

from __future__ import annotations

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
_RECORD = 24  # most bytes of that record
_WIDE, _OTHER_NAME = 1, 0x7075  # kinds of extra fields: 64-bit sizes, a name in another encoding
_RECORD_MAGIC = b"PK\x07\x08"
STORED, DEFLATED = 0, 8


@dataclass(frozen=True, slots=True)
class Entry:
    """Place of one entry's bytes: [start, start + length).

    Attributes:
        size: bytes that they unpack to; `length` where they are stored.
        method: `STORED` or `DEFLATED`.
        crc: of the unpacked bytes, as the directory has it.
    """

    start: int
    length: int
    size: int
    method: int
    crc: int


@dataclass(frozen=True, slots=True)
class _Said:
    """What the directory says of an entry."""

    name: str
    local: int
    packed: int
    size: int
    method: int
    crc: int


def read_archive(source: Source) -> dict[str, Entry]:
    """Names (without the one folder) and places of the entries of a torch zip archive.

    Raises:
        CheckpointError: `bad-archive`, or `unsupported` for TorchScript.
    """
    return _without_folder(read_entries(source, methods=(STORED,)))


def read_entries(
    source: Source, *, methods: tuple[int, ...], most_bytes: int = _MAX_DIRECTORY_BYTES
) -> dict[str, Entry]:
    """Names and places of the entries of any archive.

    Args:
        source: the file.
        methods: how entries may be packed.
        most_bytes: of a directory that is read.

    Raises:
        CheckpointError: `bad-archive`, `truncated`, or `limit`.
    """
    start, length, count = _directory(source, most_bytes)
    data = source.read(start, length)
    entries: dict[str, Entry] = {}
    spans: list[tuple[int, int]] = []
    at = 0
    for _ in range(count):
        if at + _CENTRAL.size > length:
            raise _bad("the directory is cut short", start + at)
        said, at = _central(data, at, start, methods)
        if said.name in entries:
            raise _bad(f"two entries are called {shown(said.name)}", start + at)
        entries[said.name], span = _local(source, said, start)
        spans.append(span)
    if at != length:
        raise _bad("the directory has more entries than it says", start + at)
    _check_spans(spans, start)
    return entries


def _check_spans(spans: list[tuple[int, int]], directory: int) -> None:
    """Refuse overlaps, and bytes that belong to no entry."""
    at = 0
    for start, end in (*sorted(spans), (directory, directory)):
        if start < at:
            raise _bad("two entries overlap", start)
        if start > at:
            raise _bad("bytes that belong to no entry", at)
        at = end


def _directory(source: Source, most_bytes: int) -> tuple[int, int, int]:
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
    if count > MAX_ENTRIES or length > most_bytes:
        what = f"an archive of {count} entries, a directory of {length} bytes"
        raise CheckpointError(Kind.LIMIT, what, end)
    if start + length != behind:
        raise _bad("bytes between the directory and its end record", end)
    return start, length, count


def _central(data: bytes, at: int, base: int, methods: tuple[int, ...]) -> tuple[_Said, int]:
    """One directory record, and the place of the next."""
    fields = _CENTRAL.unpack_from(data, at)
    flags, method, crc, packed, size = fields[3], fields[4], fields[7], fields[8], fields[9]
    name_length, extra_length, comment_length = fields[10:13]
    disk, local = fields[13], fields[16]
    place = base + at
    if fields[0] != _CENTRAL_MAGIC or disk not in (0, _ALL16):
        raise _bad("the directory is damaged", place)
    if flags & _ENCRYPTED:
        raise _bad("an encrypted entry", place)
    if method not in methods:
        raise _bad(f"an entry packed by method {method}, which its tools do not use", place)
    at += _CENTRAL.size
    raw = data[at : at + name_length]
    extra = data[at + name_length : at + name_length + extra_length]
    end = at + name_length + extra_length + comment_length
    if end > len(data):
        raise _bad("the directory is cut short", place)
    fields_of = _extra_fields(extra, place)
    if _OTHER_NAME in fields_of:
        raise _bad("an entry with a second name", place)
    wide = _wide(fields_of)
    if size == _ALL32:
        size = _next(wide, place)
    if packed == _ALL32:
        packed = _next(wide, place)
    if local == _ALL32:
        local = _next(wide, place)
    if method == STORED and packed != size:
        raise _bad("an entry has two sizes", place)
    return _Said(_name(raw, place), local, packed, size, method, crc), end


def _local(source: Source, said: _Said, limit: int) -> tuple[Entry, tuple[int, int]]:
    """The entry behind a local header that must say what the directory says, and its span.

    Returns:
        The entry; first byte of its header, and the place behind its last.
    """
    name, start = shown(said.name), said.local
    if start + _LOCAL.size > limit:
        raise _bad(f"the entry {name} lies outside the archive", start)
    fields = _LOCAL.unpack(source.read(start, _LOCAL.size))
    magic, _, flags, method, _, _, crc, packed, size, name_length, extra_length = fields
    if magic != _LOCAL_MAGIC or flags & _ENCRYPTED or method != said.method:
        raise _bad(f"the header of {name} is damaged", start)
    data = start + _LOCAL.size + name_length + extra_length
    if data + said.packed > limit:
        raise _bad(f"the entry {name} lies outside the archive", start)
    if _name(source.read(start + _LOCAL.size, name_length), start) != said.name:
        raise _bad(f"the entry {name} has another name in its own header", start)
    follows = bool(flags & _SIZES_FOLLOW)
    later = (0,) if follows else ()
    wide = _wide(_extra_fields(source.read(data - extra_length, extra_length), start))
    if size == _ALL32:
        size = _next(wide, start)
    if packed == _ALL32:
        packed = _next(wide, start)
    if packed not in (said.packed, *later) or size not in (said.size, *later):
        raise _bad(f"the entry {name} has another size in its own header", start)
    if crc not in (said.crc, *later):
        raise _bad(f"the entry {name} has another sum in its own header", start)
    end = data + said.packed
    if follows:
        end += _record_length(source, said, end, limit)
    return Entry(data, said.packed, said.size, said.method, said.crc), (start, end)


def _record_length(source: Source, said: _Said, start: int, limit: int) -> int:
    """Length of the record of sizes behind an entry, which must say what the directory says."""
    there = source.read(start, min(_RECORD, limit - start))
    for sizes in (struct.pack("<IQQ", said.crc, said.packed, said.size), _narrow(said)):
        for magic in (_RECORD_MAGIC, b""):
            if sizes and there.startswith(magic + sizes):
                return len(magic + sizes)
    raise _bad(f"the record behind {shown(said.name)} does not repeat its sizes", start)


def _narrow(said: _Said) -> bytes:
    """The record in 32 bits; none where they do not suffice."""
    wide = max(said.packed, said.size) > _ALL32
    return b"" if wide else struct.pack("<III", said.crc, said.packed, said.size)


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


def _extra_fields(extra: bytes, place: int) -> dict[int, bytes]:
    """Extra fields by kind; padding may end in less than a field."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        at += 4
        if at + length > len(extra):
            raise _bad("an extra field is cut short", place)
        if kind in found and kind in (_WIDE, _OTHER_NAME):
            raise _bad("an extra field is there twice", place)
        found[kind] = extra[at : at + length]
        at += length
    return found


def _wide(fields: dict[int, bytes]) -> list[int]:
    """The 64-bit numbers of an entry, last first."""
    data = fields.get(_WIDE, b"")
    return list(struct.unpack_from(f"<{len(data) // 8}Q", data))[::-1]


def _next(wide: list[int], place: int) -> int:
    if not wide:
        raise _bad("a 64-bit size is missing", place)
    return wide.pop()


def _bad(what: str, offset: int) -> CheckpointError:
    return CheckpointError(Kind.BAD_ARCHIVE, what, offset)
