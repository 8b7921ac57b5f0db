"""Zip files that say two things at once, of torch and of numpy."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np

from tests.checkpoints.corpus import Attack
from tests.checkpoints.writers import dumps

DEFLATED = zipfile.ZIP_DEFLATED
PICKLE = dumps({"a": 1}, 2)
_WIDE = 2**32 - 1


def attacks() -> Iterator[Attack]:
    """The same lies in a torch archive, and in an .npz where they are lies there too."""
    good = zipped(("x/data.pkl", PICKLE), ("x/data/0", b"1234"))
    for name, data in (*_patched(good), *_torch(good)):
        yield Attack(f"archive@zip@{name}", data)
    array = io.BytesIO()
    np.save(array, np.arange(4, dtype=np.float32))
    pair = zipped(("w.npy", array.getvalue()), ("z.npy", array.getvalue()))
    for name, data in (*_patched(pair), *_numpy(array.getvalue())):
        if name not in _HARMLESS_TO_NUMPY:
            yield Attack(f"archive@npz@{name}", data)


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive of these entries."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as file:
        warnings.simplefilter("ignore")
        for name, data in entries:
            file.writestr(name, data)
    return buffer.getvalue()


# What numpy's own format allows, or what changes no array.
_HARMLESS_TO_NUMPY = {"prefix", "gap", "comment"}


def _patched(good: bytes) -> Iterator[tuple[str, bytes]]:
    """A good archive with a few bytes changed."""
    directory = good.index(b"PK\x01\x02")
    second = good.index(b"PK\x01\x02", directory + 1)
    local = good.index(b"PK\x03\x04", 1)
    end = len(good) - 22

    def at(place: int, data: bytes) -> bytes:
        return good[:place] + data + good[place + len(data) :]

    def number(place: int, value: int) -> bytes:
        return at(place, struct.pack("<I", value))

    yield "encrypted", at(directory + 8, b"\x01")
    yield "strongly-encrypted", at(directory + 8, b"\x40")
    yield "encrypted-locally", at(6, b"\x01")
    yield "deflated-in-name", at(directory + 10, b"\x08")
    yield "deflated-locally", at(8, b"\x08")
    yield "other-method", at(directory + 10, b"\x63")
    yield "other-size-locally", number(local + 22, 3)
    yield "other-packed-locally", number(local + 18, 3)
    yield "local-magic", at(local, b"PK\x03\x05")
    yield "directory-magic", at(second, b"PK\x01\x03")
    yield "other-offset", number(second + 42, local + 1)
    yield "overlap", number(second + 42, 0)
    yield "past-the-end", number(second + 42, len(good) - 4)
    yield "far-past-the-end", number(second + 42, 2**31)
    yield "sizes-differ", number(second + 20, 3)
    yield "size-lie", at(second + 20, struct.pack("<II", 2**31, 2**31))
    yield "size-more", at(second + 20, struct.pack("<II", 400, 400))
    yield "wide-missing", at(second + 20, struct.pack("<II", _WIDE, _WIDE))
    yield "wide-offset-missing", number(second + 42, _WIDE)
    yield "disk", at(second + 34, b"\x01")
    yield "count-less", at(end + 8, struct.pack("<HH", 1, 1))
    yield "count-more", at(end + 8, struct.pack("<HH", 3, 3))
    yield "count-differs", at(end + 8, struct.pack("<HH", 1, 2))
    yield "directory-size", number(end + 12, 30)
    yield "directory-start", number(end + 16, 1)
    yield "directory-outside", number(end + 16, 2**31)
    yield "gap", good[:directory] + b"gap!" + good[directory:]
    yield "prefix", b"PK" + good
    yield "appended", good + b"!"
    yield "comment", good[:-2] + b"\x01\x00!"
    yield "cut", good[:-5]
    yield "cut-directory", good[:second]
    yield "head-alone", good[:10]
    yield "name-length", at(second + 28, b"\xff\x7f")
    yield "name-not-utf-8", good.replace(good[46 + directory : 47 + directory], b"\xff")
    yield from _wide(good, end)
    yield from _second_readings(good)


def _second_readings(good: bytes) -> Iterator[tuple[str, bytes]]:
    """The first entry of `good`, with fields and records that another reader would believe."""
    first, directory = good.index(b"PK\x03\x04", 1), good.index(b"PK\x01\x02")
    (name_length,) = struct.unpack("<H", good[26:28])
    entry, name = good[:first], good[30 : 30 + name_length]
    central = good[directory : directory + 46 + name_length]

    def alone(entry: bytes, central: bytes) -> bytes:
        end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central), len(entry), 0)
        return entry + central + end

    def flagged(header: bytes, at: int) -> bytes:
        return header[:at] + b"\x08" + header[at + 1 :]

    for number, sizes in enumerate(((9, 9), (0, 0))):
        wide = struct.pack("<HHQQ", 1, 16, *sizes)
        header = entry[:18] + b"\xff" * 8 + entry[26:28]
        local = header + struct.pack("<H", len(wide)) + name + wide + entry[30 + name_length :]
        yield f"wide-locally-{number}", alone(local, central)
    local = entry[:18] + b"\xff" * 8 + entry[26:]
    yield "wide-locally-missing", alone(local, central)
    record = struct.pack("<III", 1, 2, 3)
    for kind, tail in (
        ("lies", b"PK\x07\x08" + record),
        ("bare", record),
        ("hidden", b"hidden!!" * 3),
        ("none", b""),
    ):
        yield f"record-{kind}", alone(flagged(entry, 6) + tail, flagged(central, 8))
    other = struct.pack("<HHBI", 0x7075, 6, 1, zlib.crc32(name)) + b"y"
    twice = struct.pack("<HHQHHQ", 1, 8, 1, 1, 8, 2)
    for kind, extra in (
        ("other-name", other),
        ("fields-twice", twice),
        ("field-cut", b"\x01\x00\x09\x00"),
    ):
        told = central[:30] + struct.pack("<H", len(extra)) + central[32:] + extra
        yield kind, alone(entry, told)


def _wide(good: bytes, end: int) -> Iterator[tuple[str, bytes]]:
    """A 64-bit end record, right and wrong."""
    count, length, start = struct.unpack("<HII", good[end + 10 : end + 20])
    for name, record, place in (
        ("count", (44, 45, 45, 0, 0, 9, 9, length, start), end),
        ("here", (44, 45, 45, 0, 0, 1, count, length, start), end),
        ("length", (44, 45, 45, 0, 0, count, count, length + 1, start), end),
        ("start", (44, 45, 45, 0, 0, count, count, length, start + 1), end),
        ("size", (45, 45, 45, 0, 0, count, count, length, start), end),
        ("disk", (44, 45, 45, 1, 0, count, count, length, start), end),
        ("place", (44, 45, 45, 0, 0, count, count, length, start), end - 1),
    ):
        wide = struct.pack("<IQHHIIQQQQ", 0x06064B50, *record)
        locator = struct.pack("<IIQI", 0x07064B50, 0, place, 1)
        yield f"end64-{name}", good[:end] + wide + locator + good[end:]
    many = good[: end + 8] + struct.pack("<HHII", 0xFFFF, 0xFFFF, _WIDE, _WIDE) + good[end + 20 :]
    wide = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 2**40, 2**40, length, start)
    locator = struct.pack("<IIQI", 0x07064B50, 0, end, 1)
    yield "end64-many", many[:end] + wide + locator + many[end:]


def _torch(good: bytes) -> Iterator[tuple[str, bytes]]:
    yield "deflated", zipped(("x/data.pkl", PICKLE), method=zipfile.ZIP_DEFLATED)
    yield "bzip2", zipped(("x/data.pkl", PICKLE), method=zipfile.ZIP_BZIP2)
    yield "other-name-locally", good.replace(b"x/data/0", b"x/data/1", 1)
    yield "repeated", zipped(("x/data.pkl", PICKLE), ("x/data.pkl", PICKLE))
    yield "traversal", zipped(("x/../data.pkl", PICKLE))
    yield "dot", zipped(("x/./data.pkl", PICKLE))
    yield "absolute", zipped(("/x/data.pkl", PICKLE))
    yield "backslash", zipped(("x/data.pkl", PICKLE), ("x/a\\b", b""))
    yield "folder-entry", zipped(("x/", b""), ("x/data.pkl", PICKLE))
    yield "two-folders", zipped(("x/data.pkl", PICKLE), ("y/data.pkl", PICKLE))
    yield "no-folder", zipped(("data.pkl", PICKLE))
    yield "no-pickle", zipped(("x/model.onnx", b"1"))
    yield "empty", zipped()
    yield "long-name", zipped(("x/data.pkl", PICKLE), ("x/" + "a" * 600, b""))
    yield "extra-storage", good
    yield "script-code", zipped(("x/data.pkl", PICKLE), ("x/code/a.py", b""))
    yield "script-constants", zipped(("x/data.pkl", PICKLE), ("x/constants.pkl", b""))
    yield "big-endian", zipped(("x/data.pkl", PICKLE), ("x/byteorder", b"big"))
    yield "order-long", zipped(("x/data.pkl", PICKLE), ("x/byteorder", b"little" * 9))
    yield "behind-pickle", zipped(("x/data.pkl", PICKLE + b"hidden"))
    yield "cut-pickle", zipped(("x/data.pkl", PICKLE[:-1]))
    yield "protocol-1", zipped(("x/data.pkl", b"\x80\x01N."))
    yield "no-protocol", zipped(("x/data.pkl", b"N."))
    extra = zipfile.ZipInfo("x/data.pkl")
    extra.extra = b"\x01\x00\xff\x00"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(extra, PICKLE)
    yield "extra-field", buffer.getvalue()


def _numpy(array: bytes) -> Iterator[tuple[str, bytes]]:
    yield "repeated", zipped(("w.npy", array), ("w.npy", array))
    yield "bzip2", zipped(("w.npy", array), method=zipfile.ZIP_BZIP2)
    yield "lzma", zipped(("w.npy", array), method=zipfile.ZIP_LZMA)
    yield "bomb", zipped(("w.npy", _huge()), method=zipfile.ZIP_DEFLATED)
    packed = zipped(("w.npy", array * 20), method=zipfile.ZIP_DEFLATED)
    yield "packed-rubbish", packed[:60] + b"\xff" * 8 + packed[68:]
    yield "checksum", zipped(("w.npy", array)).replace(array[-8:], b"\x11" * 8)
    yield "text-inside", zipped(("w.npy", b"hello"))
    yield "empty-inside", zipped(("w.npy", b""))
    yield "many", zipped(*((f"{i}" + "n" * 60, b"") for i in range(12_000)))


def _huge() -> bytes:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (50000000,), }\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(200_000_000)
