"""Killed anywhere, a job goes on to the same bytes, and no name is ever partial."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from steerx.augmentation import making, run
from tests.augmentation.faults import count_points, in_a_child, killed_at, nothing_is_partial
from tests.augmentation.jobs import contents, pictures

SMALL = {"count": 5, "edits": 0, "shard_size": 2, "batch": 2}
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed by forking")


def kills(tmp_path: Path, every: int) -> tuple[int, int, Counter[str]]:
    """Kill a job at every n-th point and go on; how many kills, with a temporary file, and at which calls."""
    calls = count_points(tmp_path / "whole", **SMALL)
    whole = contents(tmp_path / "whole")
    temporary, at = 0, Counter[str]()
    for point in range(every // 2, len(calls), every):
        folder = tmp_path / str(point)
        killed_at(point, folder, **SMALL)
        temporary += bool(nothing_is_partial(folder, whole))
        at[calls[point][0]] += 1
        run(pictures(**SMALL), folder)
        assert contents(folder) == whole, f"point {point}, {calls[point]}"
    return at.total(), temporary, at


def test_killed_before_and_after_writes_flushes_and_names(tmp_path: Path) -> None:
    count, temporary, at = kills(tmp_path, 5)
    print(f"{count} kills, {temporary} with a temporary file, 0 mismatches: {dict(at)}")
    assert count > 30 and temporary > 15
    assert {"open", "handle.write", "fsync", "replace"} <= set(at)


@pytest.mark.slow
def test_killed_at_every_point(tmp_path: Path) -> None:
    count, temporary, at = kills(tmp_path, 1)
    print(f"{count} kills, {temporary} with a temporary file, 0 mismatches: {dict(at)}")
    assert count > 160 and temporary > 85


def random_kills(tmp_path: Path, count: int) -> int:
    """Kill a job at random times, going on each time; how often a temporary file was there."""
    policy = {"count": 400, "shard_size": 100, "batch": 10}
    run(pictures(**policy), tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    dice, temporary, done = random.Random(7), 0, 0
    folder = tmp_path / "cut"
    while done < count:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                run(pictures(**policy), folder, begun=lambda *_, to=writer: os.write(to, b"."))
            finally:
                os._exit(0)
        os.read(reader, 1)
        time.sleep(dice.uniform(0.02, 0.4))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(reader), os.close(writer)
        temporary += bool(nothing_is_partial(folder, whole))
        done += os.WIFSIGNALED(status)
        if (folder / "_SUCCESS").exists():
            assert contents(folder) == whole
            for path in folder.glob("shard-*"):  # begin again
                path.unlink()
    run(pictures(**policy), folder)
    assert contents(folder) == whole
    return temporary


def test_killed_at_random_times(tmp_path: Path) -> None:
    temporary = random_kills(tmp_path, 8)
    print(f"8 kills, {temporary} with a temporary file, 0 mismatches")
    assert temporary >= 4


@pytest.mark.slow
def test_killed_a_hundred_times(tmp_path: Path) -> None:
    temporary = random_kills(tmp_path, 100)
    print(f"100 kills, {temporary} with a temporary file, 0 mismatches")
    assert temporary >= 80


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_ends_at_once(tmp_path: Path, monkeypatch, number: int) -> None:
    run(pictures(), tmp_path / "whole")
    rendered = making.pixels_of

    def slow(pictures, ids):  # type: ignore[no-untyped-def]
        if ids.start == 12:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            time.sleep(60)
        return rendered(pictures, ids)

    monkeypatch.setattr(making, "pixels_of", slow)
    started = time.monotonic()
    status = in_a_child(lambda: run(pictures(), tmp_path / "cut"))
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == number
    assert time.monotonic() - started < 30
    monkeypatch.undo()
    nothing_is_partial(tmp_path / "cut", contents(tmp_path / "whole"))
    run(pictures(), tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
