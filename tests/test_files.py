"""Files appear whole under their name, or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from steerx import _files
from steerx._files import whole_file


def test_the_file_appears_at_the_end_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with whole_file(path) as handle:
        handle.write(b"abc")
        assert not path.exists()
    assert path.read_bytes() == b"abc"
    assert os.listdir(tmp_path) == ["a.bin"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_failed_block_leaves_nothing(tmp_path: Path, overwrite: bool) -> None:
    path = tmp_path / "a.bin"
    if overwrite:
        path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), whole_file(path, overwrite=overwrite) as handle:
        handle.write(b"half")
        _ = 1 / 0
    assert os.listdir(tmp_path) == (["a.bin"] if overwrite else [])
    assert not overwrite or path.read_bytes() == b"old"


def test_an_existing_file_is_kept_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError, match=r"a\.bin exists; choose another name"):
        whole_file(path).__enter__()
    with whole_file(path, overwrite=True) as handle:
        handle.write(b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with pytest.raises(FileExistsError), whole_file(path) as handle:
        handle.write(b"ours")
        path.write_bytes(b"theirs")
    assert path.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_file_systems_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "a.bin"
    with whole_file(path) as handle:
        handle.write(b"abc")
    assert os.listdir(tmp_path) == ["a.bin"]
    with pytest.raises(FileExistsError), whole_file(tmp_path / "b.bin") as handle:
        (tmp_path / "b.bin").write_bytes(b"theirs")
    assert (tmp_path / "b.bin").read_bytes() == b"theirs"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist; create it first"):
        whole_file(tmp_path / "none" / "a.bin").__enter__()
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        whole_file(tmp_path / "file" / "a.bin").__enter__()
    with pytest.raises(IsADirectoryError, match="give the name of a file"):
        whole_file(tmp_path).__enter__()


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.EACCES, "may not be written"), (errno.EROFS, "read-only disk")],
)
def test_an_unwritable_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(_files.os, "open", refuse)
    with pytest.raises(OSError, match=words) as caught:
        whole_file(tmp_path / "a.bin").__enter__()
    assert caught.value.errno == code


def test_a_full_disk_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_files.os, "fsync", full)
    words = r"the disk of .* is full; free some space"
    with pytest.raises(OSError, match=words) as caught, whole_file(tmp_path / "a.bin") as handle:
        handle.write(b"abc")
    assert caught.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == []
