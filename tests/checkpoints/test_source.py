"""Only a regular, whole, unchanging file is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind
from steerx.checkpoints.budget import Budget
from steerx.checkpoints.source import MAX_FILE_BYTES, FileSource, LatinSource, MemorySource
from tests.checkpoints import hostile, writers


def refused(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        checkpoints.read(path)
    return caught.value


def test_fifos_devices_folders_and_link_loops_are_refused_unread(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no FIFOs here")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (fifo, tmp_path, loop, Path("/dev/zero"), Path("/dev/null")):
        error = refused(path)
        assert error.kind == Kind.UNSUPPORTED and "regular file" in error.what


def test_an_empty_file_is_truncated(tmp_path: Path) -> None:
    path = tmp_path / "empty.pkl"
    path.touch()
    assert refused(path).kind == Kind.TRUNCATED


def test_a_file_above_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sparse.pkl"
    with path.open("wb") as handle:
        handle.truncate(MAX_FILE_BYTES + 1)
    assert refused(path).kind == Kind.LIMIT


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        checkpoints.read(tmp_path / "none.pkl")


def test_a_symbolic_link_to_a_checkpoint_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(writers.dumps(hostile.snapshot(), 4))
    link = tmp_path / "b.pkl"
    link.symlink_to(path)
    assert checkpoints.read(link).model_id == checkpoints.read(path).model_id


def test_a_file_that_shrinks_while_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(5000))
    with FileSource(path) as source:
        os.truncate(path, 100)
        with pytest.raises(CheckpointError, match="shrank") as caught:
            source.read(0, 4000)
        assert caught.value.kind == Kind.TRUNCATED
        with pytest.raises(CheckpointError, match="changed while it was read"):
            source.check_unchanged()


def test_a_file_that_changes_while_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(writers.dumps(hostile.snapshot(), 4))
    plain = FileSource.sha256

    def touched(source: FileSource) -> str:
        os.utime(path, ns=(1, 1))
        return plain(source)

    monkeypatch.setattr(FileSource, "sha256", touched)
    assert "changed while it was read" in refused(path).what


def test_sources_refuse_reads_outside_themselves(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes("aé".encode())
    with FileSource(path) as file:
        latin = LatinSource(file, 0, 3, Budget(3))
        assert latin.read(0, 2) == b"a\xe9" and latin.size == 2
        for source in (file, latin, MemorySource(b"abc", origin=7)):
            for start, length in ((0, 4), (4, 1), (-1, 1), (0, -1)):
                with pytest.raises(CheckpointError):
                    source.read(start, length)


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x04nonsense")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        refused(path)
        refused(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before
