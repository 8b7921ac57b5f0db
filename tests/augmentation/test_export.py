"""An export is whole or absent, whatever happens to it, and says what it refuses."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steerx.augmentation import (
    AugmentError,
    DamageError,
    LockedError,
    PlanError,
    UnfinishedError,
    export,
    run,
)
from steerx.augmentation.exporting import place
from tests.augmentation.faults import in_a_child
from tests.augmentation.jobs import contents, pictures

FORMS = ("webdataset", "imagefolder", "stylegan-zip", "parquet")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    run(pictures(), tmp_path / "set")
    return tmp_path / "set"


def counted(monkeypatch: pytest.MonkeyPatch, act: Callable[[int, str], object]) -> None:
    """Call `act` before and after every call that makes an export durable, and after every shard."""
    points = iter(range(1 << 30))

    def around(name: str) -> None:
        call = getattr(os, name)

        def watched(*given: Any, **named: Any) -> Any:
            act(next(points), name)
            result = call(*given, **named)
            act(next(points), name)
            return result

        monkeypatch.setattr(os, name, watched)

    for name in ("mkdir", "sync", "fsync", "rename", "rmdir", "unlink"):
        if hasattr(os, name):
            around(name)


def half(out: Path) -> list[str]:
    """What lies beside the data set and the export."""
    return sorted({path.name for path in out.parent.iterdir()} - {"set", "whole", out.name})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed by forking")
@pytest.mark.parametrize("to", FORMS)
def test_killed_anywhere_it_is_whole_or_absent(made: Path, tmp_path: Path, to: Any) -> None:
    source, out = contents(made), tmp_path / "out"
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        counted(patch, lambda number, name: seen.append(name))
        export(made, to=to, out=tmp_path / "whole", per_file=10)
    whole = contents(tmp_path)
    whole = {name: data for name, data in whole.items() if name.startswith("whole")}
    absent = left = 0
    for point in range(0, len(seen), max(1, len(seen) // 12)):

        def kill(number: int, name: str, point: int = point) -> None:
            if number == point:
                os.kill(os.getpid(), signal.SIGKILL)

        def work(kill: Callable[[int, str], object] = kill) -> None:
            counted(pytest.MonkeyPatch(), kill)
            export(made, to=to, out=out, per_file=10)

        assert os.WTERMSIG(in_a_child(work)) == signal.SIGKILL
        left += bool(half(out))
        if not out.exists():
            absent += 1
            export(made, to=to, out=out, per_file=10)
            assert half(out) == []
        found = {name: data for name, data in contents(tmp_path).items() if name.startswith("out")}
        assert list(found.values()) == list(whole.values())
        for name in (
            out.name,
            *half(out),
        ):  # killed after its name was given, it leaves an empty folder
            place._remove(tmp_path / name)
    assert absent > 3 and left > 3
    assert contents(made) == source


@pytest.mark.parametrize("to", FORMS)
@pytest.mark.parametrize("at", ["fsync", "rename", "sync", "mkdir"])
def test_a_disk_that_is_full_leaves_nothing(made: Path, tmp_path: Path, to: Any, at: str) -> None:
    def full(number: int, name: str) -> None:
        if name == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        counted(patch, full)
        if at == "sync" and to == "stylegan-zip":  # one file is flushed alone
            export(made, to=to, out=tmp_path / "out")
            return
        with pytest.raises(OSError, match="No space"):
            export(made, to=to, out=tmp_path / "out")
    assert not (tmp_path / "out").exists() and half(tmp_path / "out") == []


def test_interrupted_it_leaves_nothing(made: Path, tmp_path: Path) -> None:
    def interrupt(samples: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(made, to="parquet", out=tmp_path / "out", watch=interrupt)
    assert not (tmp_path / "out").exists() and half(tmp_path / "out") == []


@pytest.mark.parametrize("to", FORMS)
@pytest.mark.parametrize("byte", [900, -600])
def test_a_damaged_shard_is_found_while_it_is_read(
    made: Path, tmp_path: Path, to: Any, byte: int
) -> None:
    shard = made / "shard-000002.tar"  # the last one: its hash is known behind its last sample
    data = bytearray(shard.read_bytes())
    data[byte] ^= 4
    shard.write_bytes(data)
    with pytest.raises(DamageError, match=r"shard-000002\.tar"):
        export(made, to=to, out=tmp_path / "out")
    assert not (tmp_path / "out").exists() and half(tmp_path / "out") == []


def test_what_is_not_finished_is_refused_unless_told(made: Path, tmp_path: Path) -> None:
    (made / "shard-000001.tar.json").unlink()
    (made / "_SUCCESS").unlink()
    words = r"not finished: 2 of 3 shards are done.*partial=True"
    with pytest.raises(UnfinishedError, match=words):
        export(made, to="webdataset", out=tmp_path / "out")
    told: list[int] = []
    assert (
        export(made, to="webdataset", out=tmp_path / "out", partial=True, watch=told.append) == 13
    )
    assert told == [8, 5]
    assert "13 pictures (of 21 that the plan names)" in (tmp_path / "out/README.md").read_text()


def test_two_at_once(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with place.whole(tmp_path / "out") as path:
        path.touch()
        with pytest.raises(LockedError, match="another process exports to"):
            export(made, to="parquet", out=tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"" and half(tmp_path / "out") == []


def test_what_is_there_stays(made: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for to in FORMS:
        with pytest.raises(FileExistsError, match="give a new name"):
            export(made, to=to, out=tmp_path / "out")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="create it first"):
        export(made, to="parquet", out=tmp_path / "no" / "out")
    assert (tmp_path / "out").read_text() == "mine" and half(tmp_path / "out") == []


def test_into_the_folder_of_the_job(made: Path) -> None:
    export(made, to="parquet", out=made / "parquet")
    assert run(pictures(), made).shards == 0
    assert (made / "parquet" / "README.md").exists()


def test_what_does_not_fit_is_refused(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=r"to must be one of webdataset, .* got 'lmdb'"):
        export(made, to="lmdb", out=out)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="per_file must be 1 or more"):
        export(made, to="parquet", out=out, per_file=0)
    with pytest.raises(PlanError, match=r"holds no plan\.json"):
        export(tmp_path, to="parquet", out=out)
    run(pictures(count=0), tmp_path / "none")
    with pytest.raises(AugmentError, match="no samples"):
        export(tmp_path / "none", to="parquet", out=out)
    monkeypatch.setattr("steerx.augmentation.exporting.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "steerx\[parquet\]"'):
        export(made, to="parquet", out=out)


def test_a_finished_set_with_a_shard_that_is_not_whole_is_refused(
    made: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(made, broken)
    receipt = sorted(broken.glob("shard-*.tar.json"))[0]
    receipt.unlink()
    with pytest.raises(DamageError, match="says that it is finished, and 1 of its"):
        export(broken, to="imagefolder", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_in_the_place_of_the_work_folder_is_left_alone(made: Path, tmp_path: Path) -> None:
    victim, out = tmp_path / "victim", tmp_path / "out"
    victim.mkdir()
    (victim / "mine.txt").write_text("mine")
    name = hashlib.sha256(os.fsencode(out.name)).hexdigest()[:16]
    (tmp_path / f".steerx-{name}.export").symlink_to(victim, target_is_directory=True)
    with pytest.raises(FileExistsError, match="is a link, not a work folder"):
        export(made, to="imagefolder", out=out)
    assert [p.name for p in victim.iterdir()] == ["mine.txt"]
