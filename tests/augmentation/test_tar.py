from __future__ import annotations

import io
import tarfile

import pytest

from steerx.augmentation import DamageError
from steerx.augmentation.tar import END, members, write_member

FILES = [("000.jpg", b"abc"), ("000.json", b""), ("x" * 100, bytes(512)), ("å.json", bytes(513))]


def archive() -> bytes:
    sink = io.BytesIO()
    for name, data in FILES:
        write_member(sink, name, data)
    return sink.getvalue() + END


def test_the_standard_library_reads_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        for member, (name, data) in zip(tar.getmembers(), FILES, strict=True):
            handle = tar.extractfile(member)
            assert handle is not None and (member.name, handle.read()) == (name, data)
            assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)


def test_so_do_we() -> None:
    assert list(members(io.BytesIO(archive()), where="a.tar")) == FILES


def test_names_are_bounded() -> None:
    with pytest.raises(ValueError, match="100 bytes"):
        write_member(io.BytesIO(), "x" * 101, b"")


@pytest.mark.parametrize("cut", [1, 300, 512, 600, 1024, 1025, -1, -513])
def test_what_is_cut_short_is_damaged(cut: int) -> None:
    with pytest.raises(DamageError, match=r"a\.tar"):
        list(members(io.BytesIO(archive()[:cut]), where="a.tar"))


@pytest.mark.parametrize("place", [0, 130, 200, 150, -1, -600])
def test_a_flipped_bit_of_a_header_or_the_end_is_damage(place: int) -> None:
    data = bytearray(archive())
    data[place] ^= 1
    with pytest.raises(DamageError, match=r"a\.tar"):
        list(members(io.BytesIO(bytes(data)), where="a.tar"))
