"""Zip archives that say two things at once are refused; honest ones are read."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind
from tests.checkpoints import hostile, writers

PICKLE = writers.dumps({"a": 1}, 2)


def kind_of(path: Path, data: bytes) -> tuple[Kind, str]:
    path.write_bytes(data)
    with pytest.raises(CheckpointError) as caught:
        checkpoints.read(path)
    return caught.value.kind, str(caught.value)


def test_a_well_formed_archive_without_a_generator_says_what_it_holds(tmp_path: Path) -> None:
    kind, message = kind_of(tmp_path / "a.pt", hostile.zipped(PICKLE))
    assert kind == Kind.UNSUPPORTED and "its top level holds 'a'" in message


def test_wide_sizes_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)  # every size and place takes 64 bits
    data = hostile.zipped(writers.dumps({"key": "a long enough text"}, 2))
    assert b"\xff\xff\xff\xff\xff\xff\xff\xff" in data
    kind, message = kind_of(tmp_path / "a.pt", data)
    assert kind == Kind.UNSUPPORTED and "its top level holds 'key'" in message


def archive(*entries: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in entries:
            file.writestr(name, data)
    return buffer.getvalue()


GOOD = archive(("x/data.pkl", PICKLE), ("x/data/0", b"1234"))
DIRECTORY = GOOD.index(b"PK\x01\x02")
SECOND = GOOD.index(b"PK\x01\x02", DIRECTORY + 1)
LOCAL = GOOD.index(b"PK\x03\x04", 1)


def patched(at: int, data: bytes) -> bytes:
    return GOOD[:at] + data + GOOD[at + len(data) :]


ATTACKS = {
    "deflated": archive(("x/data.pkl", PICKLE), method=zipfile.ZIP_DEFLATED),
    "encrypted": patched(DIRECTORY + 8, b"\x01"),
    "encrypted-locally": patched(6, b"\x01"),
    "deflated-locally": patched(8, b"\x08"),
    "other-size-locally": patched(LOCAL + 22, struct.pack("<I", 3)),
    "other-name-locally": GOOD.replace(b"x/data/0", b"x/data/1", 1),
    "other-offset": patched(SECOND + 42, struct.pack("<I", LOCAL + 1)),
    "overlap": patched(SECOND + 42, struct.pack("<I", 0)),
    "past-the-end": patched(SECOND + 42, struct.pack("<I", len(GOOD) - 4)),
    "sizes-differ": patched(SECOND + 20, struct.pack("<I", 3)),
    "size-lie": patched(SECOND + 20, struct.pack("<II", 2**31, 2**31)),
    "wide-size-missing": patched(SECOND + 20, struct.pack("<II", 2**32 - 1, 2**32 - 1)),
    "count-less": patched(len(GOOD) - 14, struct.pack("<HH", 1, 1)),
    "count-more": patched(len(GOOD) - 14, struct.pack("<HH", 3, 3)),
    "gap": GOOD[:DIRECTORY] + b"gap!" + GOOD[DIRECTORY:],
    "prefix": b"PK" + GOOD,
    "traversal": archive(("x/../data.pkl", PICKLE)),
    "absolute": archive(("/x/data.pkl", PICKLE)),
    "folder-entry": archive(("x/", b""), ("x/data.pkl", PICKLE)),
    "two-folders": archive(("x/data.pkl", PICKLE), ("y/data.pkl", PICKLE)),
    "no-folder": archive(("data.pkl", PICKLE)),
    "no-pickle": archive(("x/model.onnx", b"1")),
    "extra-storage": GOOD,
    "appended": GOOD + b"!",
    "comment": GOOD[:-2] + b"\x01\x00!",
}


@pytest.mark.parametrize("name", list(ATTACKS))
def test_an_archive_with_two_readings_is_refused(tmp_path: Path, name: str) -> None:
    kind, message = kind_of(tmp_path / "a.pt", ATTACKS[name])
    assert kind in (Kind.BAD_ARCHIVE, Kind.TRUNCATED), message


def test_a_repeated_name_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = archive(("x/data.pkl", PICKLE), ("x/data.pkl", PICKLE))
    kind, message = kind_of(tmp_path / "a.pt", data)
    assert kind == Kind.BAD_ARCHIVE and "two entries are called 'x/data.pkl'" in message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive(("x/data.pkl", PICKLE), ("x/code/a.py", b"")), "TorchScript"),
        (archive(("x/data.pkl", PICKLE), ("x/constants.pkl", b"")), "TorchScript"),
        (archive(("x/data.pkl", PICKLE), ("x/byteorder", b"big")), "little-endian"),
        (b"\0" * 257 + b"ustar\0" + b"\0" * 300, "tar"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "not a checkpoint"),
        (b"\x80\x01.", "protocol 1"),
    ],
)
def test_other_files_are_named(tmp_path: Path, data: bytes, words: str) -> None:
    kind, message = kind_of(tmp_path / "a", data)
    assert kind == Kind.UNSUPPORTED and words in message


def test_bytes_behind_the_pickle_of_an_archive_are_refused(tmp_path: Path) -> None:
    kind, message = kind_of(tmp_path / "a.pt", hostile.zipped(PICKLE + b"hidden"))
    assert kind == Kind.BAD_STRUCTURE and "6 bytes follow the pickle" in message


def test_a_nested_stream_in_a_torch_archive_is_refused(tmp_path: Path) -> None:
    inner = b"".join(hostile.stream_parts(hostile.storage(), ["0"])) + hostile.FOUR
    for data in (
        hostile.zipped(writers.dumps(hostile.nested(inner), 2)),
        hostile.legacy({"a": hostile.nested(inner)}, keys=(), data=b""),
        writers.dumps(hostile.nested(hostile.legacy(hostile.nested(inner), keys=(), data=b"")), 4),
        writers.dumps(hostile.nested(hostile.zipped(PICKLE)), 4),
    ):
        assert kind_of(tmp_path / "a.pt", data)[0] == Kind.BAD_STRUCTURE
