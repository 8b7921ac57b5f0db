"""The `.npy` and `.npz` reader: what numpy writes comes back, all else is refused by kind."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from steerx.checkpoints import CheckpointError, Kind
from steerx.checkpoints.numpy_file import NPY_LIMIT, read_npy, read_npz

DTYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")


def npy(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    layout = "<H" if version[0] == 1 else "<I"
    text = header.encode("latin-1")
    return b"\x93NUMPY" + bytes(version) + struct.pack(layout, len(text)) + text + data


def saved(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0)),
    st.booleans(),
)
def test_what_numpy_saves(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, fortran: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.npy"
    array = np.asfortranarray(array) if fortran else array
    np.save(path, array)
    again = read_npy(path)
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert again.tobytes() == array.tobytes() and again.flags.writeable
    for pack in (np.savez, np.savez_compressed):
        archive = path.with_suffix(".npz")
        pack(archive, a=array, other=np.ones(3))
        members = read_npz(archive, ["a", "absent"])
        assert list(members) == ["a"]
        assert members["a"].tobytes() == array.tobytes() and members["a"].shape == array.shape


@pytest.mark.parametrize(
    "data",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }   \n", bytes(16)),
        npy("{'shape': (2L,), 'fortran_order': False, 'descr': '<f8'}", bytes(16)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", bytes(16), (2, 0)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", bytes(16), (3, 0)),
    ],
)
def test_headers_of_other_writers(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(data)
    assert read_npy(tmp_path / "a.npy").tolist() == [0.0, 0.0]


GOOD = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }"
REFUSED = {
    "text": (b"smile and the world", Kind.BAD_STRUCTURE),
    "empty": (b"", Kind.TRUNCATED),
    "magic alone": (b"\x93NUMPY\x01\x00", Kind.TRUNCATED),
    "version 4": (npy(GOOD, bytes(16), (4, 0)), Kind.BAD_STRUCTURE),
    "header cut": (b"\x93NUMPY\x01\x00\xff\x00{'descr'", Kind.TRUNCATED),
    "header too long": (npy(GOOD + " " * 10_000, bytes(16)), Kind.LIMIT),
    "header of 4 GiB": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", Kind.LIMIT),
    "one number short": (npy(GOOD, bytes(15)), Kind.TRUNCATED),
    "one byte more": (npy(GOOD, bytes(17)), Kind.BAD_STRUCTURE),
    "objects": (saved(np.array({"a": 1}, dtype=object)), Kind.UNSUPPORTED),
    "texts": (saved(np.array(["a"])), Kind.UNSUPPORTED),
    "complex": (saved(np.ones(2, dtype=complex)), Kind.UNSUPPORTED),
    "records": (saved(np.ones(2, dtype=[("a", "f4")])), Kind.UNSUPPORTED),
    "big-endian": (saved(np.ones(2, dtype=">f4")), Kind.UNSUPPORTED),
    "extended": (npy(GOOD.replace("<f8", "<f16"), bytes(32)), Kind.UNSUPPORTED),
    "negative": (npy(GOOD.replace("(2,)", "(-2,)"), bytes(16)), Kind.BAD_STRUCTURE),
    "a call": (npy(GOOD.replace("(2,)", "f((2))"), bytes(16)), Kind.BAD_STRUCTURE),
    "nested": (npy("{" * 4_000), Kind.BAD_STRUCTURE),
    "a name twice": (npy(GOOD.replace("shape", "descr")), Kind.BAD_STRUCTURE),
    "order": (npy(GOOD.replace("False", "Maybe"), bytes(16)), Kind.BAD_STRUCTURE),
    "letters in a size": (npy(GOOD.replace("(2,)", "(2LL,)"), bytes(16)), Kind.BAD_STRUCTURE),
    "not ASCII": (npy(GOOD.replace("'shape'", "'\xe9'"), bytes(16)), Kind.BAD_STRUCTURE),
    "nine dimensions": (npy(GOOD.replace("(2,)", f"({'1,' * 9})"), bytes(8)), Kind.LIMIT),
    "petabytes": (npy(GOOD.replace("(2,)", "(999999999999999,)"), bytes(16)), Kind.LIMIT),
    "empty, but huge": (npy(GOOD.replace("(2,)", f"(0,{'999999999999,' * 4})")), Kind.LIMIT),
    "1 GiB announced": (npy(GOOD.replace("(2,)", "(134217728,)"), bytes(16)), Kind.TRUNCATED),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(tmp_path: Path, case: str) -> None:
    data, kind = REFUSED[case]
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(CheckpointError) as caught:
        read_npy(tmp_path / "a.npy")
    assert caught.value.kind == kind, caught.value
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", data)
    with pytest.raises(CheckpointError) as caught:
        read_npz(tmp_path / "a.npz", ["a"], limit_bytes=NPY_LIMIT)
    assert caught.value.kind == kind, caught.value


def test_limits_are_the_callers(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones(10))
    assert len(read_npy(tmp_path / "a.npy", limit_bytes=80)) == 10
    with pytest.raises(CheckpointError, match="limit"):
        read_npy(tmp_path / "a.npy", limit_bytes=79)
    np.savez(tmp_path / "a.npz", a=np.ones(10), b=np.ones(10))
    assert len(read_npz(tmp_path / "a.npz", ["a", "b"], limit_bytes=160)) == 2
    with pytest.raises(CheckpointError, match="limit"):  # each is small enough, the sum is not
        read_npz(tmp_path / "a.npz", ["a", "b"], limit_bytes=159)


def test_only_regular_files(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no FIFOs here")
    os.mkfifo(tmp_path / "fifo.npy")
    for path in (tmp_path / "fifo.npy", tmp_path, Path("/dev/zero")):
        for read in (read_npy, lambda p: read_npz(p, ["a"])):
            with pytest.raises(CheckpointError, match="regular file"):
                read(path)
    with pytest.raises(FileNotFoundError):
        read_npy(tmp_path / "absent.npy")


def test_a_bool_is_true_or_false(tmp_path: Path) -> None:
    header = GOOD.replace("<f8", "|b1")
    (tmp_path / "a.npy").write_bytes(npy(header, b"\x00\xff"))
    array = read_npy(tmp_path / "a.npy")
    assert array.dtype == np.bool_ and array.tobytes() == b"\x00\x01"


def test_a_bomb_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({1 << 24},), }}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy(header, bytes(1 << 27)))  # 128 MiB of zeros
        archive.writestr("b.npy", saved(np.ones(3)))
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_npz(path, ["b"])["b"].tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(CheckpointError, match="larger than 67108864 bytes"):
        read_npz(path, ["a"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10  # kB


def packed(path: Path, **how: int) -> bytearray:
    with zipfile.ZipFile(path, "w", **how) as archive:  # type: ignore[arg-type]
        archive.writestr("a.npy", saved(np.arange(100.0)))
    return bytearray(path.read_bytes())


def refused(path: Path, data: bytes | bytearray, kind: Kind) -> None:
    path.write_bytes(data)
    with pytest.raises(CheckpointError) as caught:
        read_npz(path, ["a"])
    assert caught.value.kind == kind, caught.value


def test_archives_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    refused(path, b"PK\x03\x04 no archive", Kind.TRUNCATED)
    refused(path, b"PK\x03\x04 no archive, but a longer file", Kind.TRUNCATED)
    packed(path, compression=zipfile.ZIP_LZMA)
    refused(path, path.read_bytes(), Kind.BAD_ARCHIVE)
    data = packed(path)
    flipped = bytearray(data)
    flipped[300] ^= 1
    refused(path, flipped, Kind.BAD_ARCHIVE)  # the checksum
    encrypted = bytearray(data)
    encrypted[6] |= 1
    encrypted[data.rindex(b"PK\x01\x02") + 8] |= 1
    refused(path, encrypted, Kind.BAD_ARCHIVE)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", saved(np.ones(1)))
        archive.writestr("a.npy", saved(np.zeros(1)))
    refused(path, path.read_bytes(), Kind.BAD_ARCHIVE)


def test_a_directory_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", saved(np.ones(1)))
        for k in range(20):
            info = zipfile.ZipInfo(f"b{k}")
            info.comment = bytes(65_000)
            archive.writestr(info, b"")
    refused(path, path.read_bytes(), Kind.LIMIT)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_is_refused_by_one_exception(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    deflated = data.draw(st.booleans())
    bytes_ = packed(path, compression=zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(bytes_) - 1))
        bytes_[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes_[: data.draw(st.integers(len(bytes_) - 30, len(bytes_)))])
    for read in (read_npy, lambda p: read_npz(p, ["a"])):
        try:
            read(path)
        except CheckpointError as error:
            assert str(error)
