"""A small real disk that is full, at every page of a job: said in one line, and the job goes on when there is room."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steerx.augmentation import run
from steerx.cli import app
from tests.augmentation.faults import nothing_is_partial
from tests.augmentation.jobs import contents, pictures
from tests.cli.commands import one_line, tiny_network

pytestmark = pytest.mark.root
SIZE, PAGE = 1 << 20, os.sysconf("SC_PAGE_SIZE") if sys.platform == "linux" else 4096


class Disk:
    """A disk of 1 MiB, of which a ballast leaves as much as is asked for."""

    def __init__(self, path: Path) -> None:
        self.path, self.ballast = path, path / "ballast"

    def leave(self, pages: int) -> None:
        self.clear()
        free = os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize
        self.ballast.write_bytes(bytes(free - pages * PAGE))

    def clear(self) -> None:
        self.ballast.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "steerx-test", str(place)]
    told = subprocess.run(words, capture_output=True, text=True)
    if told.returncode:
        assert os.environ.get("FAIL_WITHOUT_ROOT") != "1", told.stderr
        pytest.skip(f"this machine mounts nothing: {told.stderr.strip()}")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_full_at_every_page(tmp_path: Path, disk: Disk) -> None:
    run(pictures(), tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    refused, pages = 0, 0
    while True:
        folder = disk.path / str(pages)
        disk.leave(pages)
        try:
            made = run(pictures(), folder)
        except OSError as error:
            assert error.errno == errno.ENOSPC
            assert nothing_is_partial(folder, whole) == 0, f"{pages} pages"
            refused += 1
        else:
            assert made.failed == {} and contents(folder) == whole
            break
        disk.clear()
        assert run(pictures(), folder).failed == {}
        assert contents(folder) == whole, f"{pages} pages"
        subprocess.run(["rm", "-r", str(folder)], check=True)
        pages += 1
    print(f"full at {refused} places, 0 mismatches")
    assert refused > 10


@pytest.mark.parametrize(("processes", "places"), [(1, (0, 1, 2, 5, 20, 40)), (2, (20,))])
def test_the_command_says_what_to_do(
    tmp_path: Path, disk: Disk, processes: int, places: tuple[int, ...]
) -> None:
    network = tiny_network(tmp_path / "tiny.safetensors", seed=0)
    direction = tmp_path / "sefa.safetensors"

    def steerx(*words: object):  # type: ignore[no-untyped-def]
        return CliRunner().invoke(app, [str(word) for word in words])

    assert steerx("mine", "sefa", network, "-k", 1, "-o", direction).exit_code == 0
    job = ["augment", "run", network, direction, "-a", "uniform:-2,2", "-n", 60, "--format", "png"]
    job += ["--shard-size", 10, "--processes", processes]
    assert steerx(*job, "-o", tmp_path / "whole").exit_code == 0
    whole = contents(tmp_path / "whole")
    for pages in places:
        folder = disk.path / str(pages)
        disk.leave(pages)
        said = one_line(steerx(*job, "-o", folder), 74)
        assert "free some space" in said
        assert nothing_is_partial(folder, whole) == 0
        disk.clear()
        again = ["resume", folder] if (folder / "job.yaml").exists() else [*job[1:], "-o", folder]
        result = steerx("augment", *again)
        assert result.exit_code == 0, result.output
        assert contents(folder) == whole
        subprocess.run(["rm", "-r", str(folder)], check=True)
