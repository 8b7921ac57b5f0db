"""Several processes, some of which die, hang or are left alone: the same bytes, and nobody stays behind."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import steerx
from steerx.augmentation import Crew, Pictures, PlanError, Stopped, amend, make_plan, run
from steerx.augmentation.folder import Folder
from steerx.augmentation.making import make
from steerx.directions import Directions
from steerx.working import Stop
from steerx.working.words import Words
from tests.augmentation.faults import nothing_is_partial, room_for
from tests.augmentation.jobs import contents
from tests.augmentation.processes import children, lives, writes_in
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


def test_processes_that_die_and_hang_change_no_byte(
    tmp_path: Path, network: Path, job: Job
) -> None:
    run(job(), tmp_path / "one")
    harms, done = [signal.SIGKILL, None, signal.SIGSTOP], set[int]()

    def harm(count: int) -> None:
        # A busy machine takes its time to end who was killed.
        others = [child for child in children(os.getpid()) if child not in done]
        at_work = [child for child in others if writes_in(child, tmp_path / "two")]
        if at_work and harms:
            number = harms.pop(0)
            if number is not None:
                os.kill(at_work[0], number)
                done.add(at_work[0])

    crew = Crew(str(network), ("cpu", "cpu"), patience=25.0)
    made = run(job(), tmp_path / "two", crew=crew, watch=harm)
    assert made.shards == 24 and made.failed == {}
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    assert children(os.getpid()) == []
    events = (tmp_path / "two" / "events.jsonl").read_text()
    assert events.count('"event":"gone"') == len(done) == 2
    print("1 worker killed, 1 hung, 0 mismatches in 24 shards")


def test_python_in_one_call(tmp_path: Path, network: Path) -> None:
    G = steerx.load(network)
    one = Directions(torch.eye(16)[:1], space="w", names=["smile"])
    crew = Crew(str(network), ("cpu", "cpu"))
    told = {"alphas": 1.0, "count": 8, "shard_size": 8, "format": "png"}
    steerx.augment(G, one, out=tmp_path / "one", **told)  # type: ignore[arg-type]
    workers = set[int]()

    def watch(count: int) -> None:
        workers.update(children(os.getpid()))

    steerx.augment(G, one, out=tmp_path / "two", crew=crew, watch=watch, **told)  # type: ignore[arg-type]
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    assert workers


def test_processes_take_the_batch_of_an_amendment(tmp_path: Path, network: Path, job: Job) -> None:
    with room_for(10, first=80, last=159):
        assert list(run(job(), tmp_path / "two").failed) == [2, 3]
    plan = amend(tmp_path / "two", batch=10)
    made = run(job(), tmp_path / "two", crew=Crew(str(network), ("cpu", "cpu")))
    assert made.shards == 2 and made.failed == {}
    run(job().by(plan), tmp_path / "one")
    for name in (f"shard-{shard:06d}.tar{end}" for shard in (2, 3) for end in ("", ".json")):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_four_processes_of_a_killed_driver_end(tmp_path: Path, network: Path, job: Job) -> None:
    run(job(), tmp_path / "one")
    reader, writer = os.pipe()
    driver = os.fork()
    if not driver:
        crew = Crew(str(network), ("cpu",) * 4)
        try:
            run(job(), tmp_path / "two", crew=crew, watch=lambda count: os.write(writer, b"."))
        finally:
            os._exit(0)
    os.read(reader, 1)
    orphans = children(driver)
    assert len(orphans) == 4
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


def test_ray_is_named_where_it_is_missing(
    tmp_path: Path, network: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # type: ignore[arg-type]
    crew = Crew(str(network), ("cpu",), ray="auto")
    with pytest.raises(ModuleNotFoundError, match=r'pip install "steerx\[ray\]"'):
        run(job(), tmp_path / "two", crew=crew)
    assert not (tmp_path / "two").exists()


def test_another_machine_is_refused(tmp_path: Path, network: Path, job: Job) -> None:
    pictures = job()
    backend = pictures.plan.backend.model_copy(update={"isa": "abacus"})
    plan = pictures.plan.model_copy(update={"backend": backend})
    pictures.plan = plan
    with pytest.raises(PlanError, match="the job abacus: its pictures would not be the same"):
        run(pictures, tmp_path / "two", crew=Crew(str(network), ("cpu", "cpu")))
    assert children(os.getpid()) == []


def test_processes_import_nothing_from_the_folder_they_start_in(
    tmp_path: Path, network: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    crew = Crew(str(network), ("cpu", "cpu"))
    assert run(job(), tmp_path / "two", crew=crew).shards == 24


def test_who_waits_for_more_shards_hears_that_one_could_not_be_written(
    tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the last shard, too: its worker waits for a word that does not come."""
    pictures, words = job(), Words()
    words.tell("23")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "write: the disk is full")

    with Folder.working(tmp_path / "set", pictures.plan) as folder:
        monkeypatch.setattr(Folder, "shard", full)
        with pytest.raises(OSError, match="the disk is full"):
            make(pictures, folder, map(int, words), stop=Stop(), failed=words.end)
