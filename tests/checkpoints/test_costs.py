"""Files that once were mistaken for another container, or cost more than they weigh."""

from __future__ import annotations

import io
import struct
import time
import zipfile
from pathlib import Path

import pytest

from steerx import checkpoints
from steerx.checkpoints import Checkpoint, CheckpointError, Kind
from tests.checkpoints import writers


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    config = writers.tiny_config(resolution=4, channels={4: 3})
    path = tmp_path_factory.mktemp("ours") / "a.safetensors"
    checkpoint = Checkpoint("stylegan2", config, writers.random_tensors(config), "", {})
    checkpoints.write(path, checkpoint)
    return path.read_bytes()


def padded(data: bytes, length: int) -> bytes:
    """The same file with spaces behind its header, up to `length`."""
    old = int.from_bytes(data[:8], "little")
    return struct.pack("<Q", length) + data[8 : 8 + old].ljust(length) + data[8 + old :]


def test_a_header_length_is_never_taken_for_another_container(ours: bytes, tmp_path: Path) -> None:
    least = int.from_bytes(ours[:8], "little")
    lengths = [*range(least, least + 256), 0x4B50]  # every low byte; "PK"
    for length in lengths:
        path = tmp_path / "a.safetensors"
        path.write_bytes(padded(ours, length))
        assert checkpoints.read(path).family == "stylegan2", length


def test_a_directory_of_many_entries_is_read_in_one_pass(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(60_000):
            archive.writestr(f"a/data/{number}", b"")
    start = time.process_time()
    with pytest.raises(CheckpointError):
        checkpoints.read(path)
    assert time.process_time() - start < 4  # a copy of the rest per entry takes many times that


def test_a_list_handed_to_sets_over_and_over_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    stream.write(b"\x80\x02](")
    for number in range(60_000):
        stream.write(b"J" + struct.pack("<i", number))
    stream.write(b"eq\x00")
    for _ in range(12):
        stream.write(b"cbuiltins\nset\nh\x00\x85R\x85")
    stream.write(b"\x86" * 12 + b".")
    path = tmp_path / "a.pkl"
    path.write_bytes(stream.getvalue() + b"")
    with pytest.raises(CheckpointError, match="set members and dict items") as caught:
        checkpoints.read(path)
    assert caught.value.kind == Kind.LIMIT
