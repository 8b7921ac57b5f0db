"""Several processes, some of which die, hang or are left alone: the same bytes, and nobody stays behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import steerx
from steerx.augmentation import Crew, Pictures, Stopped, make_plan, run
from steerx.augmentation.folder import Folder
from steerx.directions import Directions
from tests.augmentation.faults import nothing_is_partial
from tests.augmentation.jobs import contents
from tests.cli.commands import tiny_network

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
Job = Callable[[], Pictures]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_network(tmp_path_factory.mktemp("network") / "tiny.safetensors", seed=0)


@pytest.fixture
def job(network: Path) -> Job:
    """What renders a job of 24 shards."""
    G = steerx.load(network)
    vector = torch.nn.functional.normalize(torch.ones(1, 16), dim=1)
    singles = [Directions(vector, space="w", names=["smile"])]
    plan = make_plan(
        G, singles, alphas="uniform:-2,2", count=480, shard_size=40, batch=20, format="png"
    )
    return lambda: Pictures(plan, G, singles)


def children(parent: int) -> list[int]:
    """Processes that a process started and that live."""
    try:
        told = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in told.split() if lives(int(word))]


def lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_processes_that_die_and_hang_change_no_byte(
    tmp_path: Path, network: Path, job: Job
) -> None:
    run(job(), tmp_path / "one")
    harms = iter([signal.SIGKILL, None, signal.SIGSTOP])

    def harm(count: int) -> None:
        for number in harms:
            if number is not None:
                os.kill(children(os.getpid())[0], number)
            return

    crew = Crew(str(network), ("cpu", "cpu"), patience=25.0)
    made = run(job(), tmp_path / "two", crew=crew, watch=harm)
    assert made.shards == 24 and made.failed == {}
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    assert children(os.getpid()) == []
    events = (tmp_path / "two" / "events.jsonl").read_text()
    assert events.count('"event":"gone"') == 2


def test_processes_of_a_killed_driver_end(tmp_path: Path, network: Path, job: Job) -> None:
    run(job(), tmp_path / "one")
    reader, writer = os.pipe()
    driver = os.fork()
    if not driver:
        crew = Crew(str(network), ("cpu", "cpu"))
        try:
            run(job(), tmp_path / "two", crew=crew, watch=lambda count: os.write(writer, b"."))
        finally:
            os._exit(0)
    os.read(reader, 1)
    orphans = children(driver)
    assert len(orphans) == 2
    os.kill(driver, signal.SIGKILL)
    os.waitpid(driver, 0)
    deadline = time.monotonic() + 5
    while any(map(lives, orphans)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(lives, orphans))
    nothing_is_partial(tmp_path / "two", contents(tmp_path / "one"))
    run(job(), tmp_path / "two")
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_a_signal_ends_all(tmp_path: Path, network: Path, job: Job) -> None:
    run(job(), tmp_path / "one")
    crew = Crew(str(network), ("cpu", "cpu"))
    with pytest.raises(Stopped):
        run(
            job(), tmp_path / "two", crew=crew,
            watch=lambda count: os.kill(os.getpid(), signal.SIGTERM),
        )  # fmt: skip
    assert children(os.getpid()) == []
    assert nothing_is_partial(tmp_path / "two", contents(tmp_path / "one")) == 0
    assert not (tmp_path / "two" / "_SUCCESS").exists()


def test_what_concerns_all_ends_the_run(tmp_path: Path, job: Job) -> None:
    with pytest.raises(FileNotFoundError):
        run(job(), tmp_path / "two", crew=Crew(str(tmp_path / "none.pkl"), ("cpu", "cpu")))
    assert children(os.getpid()) == []
    assert Folder.read(tmp_path / "two").failures() == {}
