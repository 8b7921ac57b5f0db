"""Disks that are full, gone, read-only or broken: one error, nothing half left, and the job goes on."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from steerx.augmentation import DamageError, PlanError, run
from steerx.augmentation.folder import Folder
from steerx.augmentation.verifying import verify
from tests.augmentation.faults import count_points, faulty, in_a_child, nothing_is_partial
from tests.augmentation.jobs import contents, pictures

SMALL = {"count": 5, "edits": 0, "shard_size": 2, "batch": 2}
WRITING = {"open", "handle.write", "fsync", "replace", "link", "write", "mkdir"}


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS], ids=lambda n: errno.errorcode[n]
)
def test_every_call_that_is_refused(tmp_path: Path, number: int) -> None:
    calls = count_points(tmp_path / "whole", **SMALL)
    whole = contents(tmp_path / "whole")
    raised = 0
    refusable = [n for n, (name, before) in enumerate(calls) if before and name in WRITING]
    for point in refusable[number % 4 :: 4]:
        folder = tmp_path / str(point)

        def refuse(at: int, name: str, before: bool, point: int = point) -> None:
            if at == point:
                raise OSError(number, os.strerror(number))

        try:
            with faulty(refuse):
                run(pictures(**SMALL), folder)
        except OSError as error:
            assert error.errno == number
            raised += 1
        assert nothing_is_partial(folder, whole) == 0, calls[point]
        run(pictures(**SMALL), folder)
        assert contents(folder) == whole
    print(
        f"{errno.errorcode[number]}: {raised} of {len(refusable[number % 4 :: 4])} raised, 0 mismatches"
    )
    assert raised > 8


def test_a_real_limit_on_the_size_of_files(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    run(pictures(), tmp_path / "whole")
    limit = (tmp_path / "whole" / "shard-000000.tar").stat().st_size - 100

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        with pytest.raises(OSError) as caught:
            run(pictures(), tmp_path / "cut")
        assert caught.value.errno == errno.EFBIG

    assert in_a_child(work) == 0
    assert nothing_is_partial(tmp_path / "cut", contents(tmp_path / "whole")) == 0
    run(pictures(), tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_folder_that_vanishes(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run(pictures(), tmp_path / "set", watch=lambda count: shutil.rmtree(tmp_path / "set"))
    assert not (tmp_path / "set").exists()
    run(pictures(), tmp_path / "set")
    assert verify(Folder.read(tmp_path / "set")).finished


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write it")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir(mode=0o555)
    with pytest.raises(PermissionError):
        run(pictures(), tmp_path / "set")


def test_a_read_only_folder(tmp_path: Path) -> None:
    def refuse(at: int, name: str, before: bool) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    (tmp_path / "set").mkdir()
    with pytest.raises(OSError, match="Read-only"), faulty(refuse):
        run(pictures(), tmp_path / "set")
    assert list((tmp_path / "set").iterdir()) == []


@pytest.mark.parametrize("name", ["plan.json", "shard-000001.tar", "manifest.json"])
def test_a_file_that_is_torn_by_a_crash_of_the_machine(tmp_path: Path, name: str) -> None:
    """Without a flush a renamed file may be empty after a power failure; it is noticed, and made again."""
    run(pictures(), tmp_path)
    whole = contents(tmp_path)
    (tmp_path / name).write_bytes(b"")
    run(pictures(), tmp_path)
    assert contents(tmp_path) == whole


@pytest.mark.parametrize("harm", ["", "{", "torn", '"key":12'])
def test_a_torn_plan_is_written_anew_by_its_own_job_alone(tmp_path: Path, harm: str) -> None:
    run(pictures(), tmp_path)
    whole = contents(tmp_path)
    plan = tmp_path / "plan.json"
    changed = whole["plan.json"].decode().replace('"key":11', harm)  # a plan, but not what it says
    plan.write_text(changed if "key" in harm else harm)
    with pytest.raises(DamageError, match=r"plan\.json (is torn|was changed).*augment resume"):
        Folder.read(tmp_path)
    with pytest.raises(DamageError, match=r"plan\.json (is torn|was changed)"):
        run(pictures(key=13), tmp_path)
    assert run(pictures(), tmp_path).shards == 0
    assert contents(tmp_path) == whole
    for receipt in tmp_path.glob("*.tar.json"):  # nothing says whose job it is
        receipt.unlink()
    plan.write_bytes(b"")
    with pytest.raises(DamageError, match="torn"):
        run(pictures(), tmp_path)
    plan.unlink()
    with pytest.raises(PlanError, match="holds other files"):
        run(pictures(), tmp_path)


def test_the_order_of_flushes_and_names(tmp_path: Path) -> None:
    """Bytes, then the name, then the folder; a shard before its receipt; everything before _SUCCESS."""
    seen: list[str] = []
    replace, fsync = os.replace, os.fsync

    def named(source, target):  # type: ignore[no-untyped-def]
        seen.append(f"name {Path(target).name}")
        replace(source, target)

    def flushed(descriptor: int) -> None:
        seen.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "bytes")
        fsync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", named)
        patch.setattr(os, "fsync", flushed)
        run(pictures(count=2), tmp_path)
    names = [word.removeprefix("name ") for word in seen if word.startswith("name ")]
    assert names == [
        "shard-000000.tar", "shard-000000.tar.json", "README.md", "manifest.json", "_SUCCESS",
    ]  # fmt: skip
    if os.path.isdir("/proc/self/fd"):
        for place, word in enumerate(seen):
            if word.startswith("name "):
                assert (seen[place - 1], seen[place + 1]) == ("bytes", "folder")
