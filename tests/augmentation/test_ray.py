"""Bulk jobs on a Ray cluster of two nodes: what dies changes no byte. Needs Ray; `make test-faults` installs it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from steerx.cli import app
from steerx.directions import Directions
from tests.augmentation.clusters import Cluster, in_namespaces, on_loopback
from tests.augmentation.faults import nothing_is_partial
from tests.augmentation.jobs import contents
from tests.augmentation.processes import lives, writes_in
from tests.cli.commands import tiny_network

pytestmark = [pytest.mark.slow, pytest.mark.ray]
SHARDS = 40


@pytest.fixture(
    scope="module",
    params=["loopback", pytest.param("namespaces", marks=pytest.mark.root)],
)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="ray"))  # names of its sockets are short
    hosts = {"loopback": on_loopback, "namespaces": in_namespaces}[request.param]
    with hosts() as two:
        cluster = Cluster(two, folder)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.end()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network, a direction, and the job made in one process."""
    folder = tmp_path_factory.mktemp("inputs")
    tiny_network(folder / "tiny.safetensors", seed=0)
    vector = torch.nn.functional.normalize(torch.ones(1, 16), dim=1)
    Directions(vector, space="w", names=["smile"]).save(folder / "smile.safetensors")
    made = CliRunner().invoke(app, [*map(str, words(folder)), "--outdir", str(folder / "one")])
    assert made.exit_code == 0, made.output
    return folder


def words(inputs: Path) -> list[object]:
    network, direction = inputs / "tiny.safetensors", inputs / "smile.safetensors"
    size = ["--count", 50 * SHARDS, "--no-original", "--shard-size", 50, "--batch", 5]
    job = [network, direction, "--alpha", "uniform:-2,2", *size, "--format", "png"]
    return ["augment", "run", *job, "--processes", 1]


class Job:
    """A job of 40 shards on the cluster."""

    def __init__(self, cluster: Cluster, inputs: Path, out: Path) -> None:
        self.cluster, self.two, self.whole = cluster, out, contents(inputs / "one")
        self.words = [*words(inputs), "--ray", cluster.address, "--processes", 2, "--outdir", out]

    def begin(self, *others: object, **environment: str) -> subprocess.Popen[str]:
        return self.cluster.steerx(*self.words, *others, **environment)

    def end(self, driver: subprocess.Popen[str], code: int = 0) -> str:
        said = driver.communicate(timeout=600)[0]
        assert driver.returncode == code, said
        return said

    def events(self, kind: str) -> int:
        file = self.two / "events.jsonl"
        return file.read_text().count(f'"event":"{kind}"') if file.exists() else 0

    def until(self, happened: Callable[[], bool], driver: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 300
        while not happened():
            assert driver.poll() is None, driver.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def at_work(self, node: int, driver: subprocess.Popen[str]) -> int:
        """The actor of a node, once it writes a shard."""
        found: list[int] = []

        def writes() -> bool:
            found[:] = [a for a in self.cluster.actors(node) if writes_in(a, self.two)]
            return bool(found)

        self.until(writes, driver)
        return found[0]


@pytest.fixture
def job(cluster: Cluster, inputs: Path, tmp_path: Path) -> Job:
    return Job(cluster, inputs, tmp_path / "two")


def test_actors_of_a_killed_driver_end(cluster: Cluster, job: Job) -> None:
    driver = job.begin()
    job.until(lambda: job.events("shard") > 3, driver)
    orphans = [*cluster.actors(0), *cluster.actors(1)]
    assert orphans
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    deadline = time.monotonic() + 5
    while any(map(lives, orphans)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(lives, orphans))
    nothing_is_partial(job.two, job.whole)
    said = job.end(job.begin())
    assert f"in {SHARDS} shards" in said and f"{SHARDS} made now" not in said
    assert contents(job.two) == job.whole


def test_a_signal_ends_all(cluster: Cluster, job: Job) -> None:
    driver = job.begin()
    job.until(lambda: job.events("shard") > 3, driver)
    os.kill(driver.pid, signal.SIGTERM)
    job.end(driver, 143)
    assert cluster.actors(0) == cluster.actors(1) == []
    assert nothing_is_partial(job.two, job.whole) == 0
    assert not (job.two / "_SUCCESS").exists()


def test_what_is_refused(cluster: Cluster, job: Job) -> None:
    for others, environment, reason in [
        (["--processes", 9], {}, f"the Ray cluster at {cluster.address} has 2 CPUs for 9 actors"),
        ([], {"RAY_AUTH_TOKEN": "0" * 64}, f"no Ray cluster was joined at {cluster.address}"),
        (["--ray", "127.0.0.1:9"], {}, "no Ray cluster was joined at 127.0.0.1:9"),
        (["--ray", "127.0.0.1:99999"], {}, "no Ray cluster was joined at 127.0.0.1:99999"),
    ]:
        said = job.end(job.begin(*others, **environment), 1)
        assert reason in said and "Traceback" not in said


def test_actors_read_and_score_as_processes_do(
    cluster: Cluster, inputs: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("def bright(images):\n    return images.mean((1, 2, 3))\n")
    network = inputs / "tiny.safetensors"
    layer = ["-n", 300, "--layer", "act:1", "--batch", 40, "-k", 3]
    for words, name in (
        (["mine", "ganspace", network, *layer], "found.safetensors"),
        (["score", network, "--scorer", tmp_path / "mine.py:bright", "--batch", 3], "scores.npy"),
    ):
        made = []
        for where in ([], ["--ray", cluster.address]):
            file = tmp_path / str(len(where)) / name
            file.parent.mkdir(exist_ok=True)
            two = cluster.steerx(*words, "--processes", 2, *where, "-o", file)
            said = two.communicate(timeout=300)[0]
            assert two.returncode == 0, said
            made.append(file.read_bytes())
        assert made[0] == made[1]


def test_a_dead_actor_and_a_dead_node_change_no_byte(cluster: Cluster, job: Job) -> None:
    """The last one: it leaves a cluster of one node, whose actor makes what the dead had in hand."""
    driver = job.begin()
    os.kill(job.at_work(1, driver), signal.SIGSTOP)  # it keeps what it has
    os.kill(job.at_work(0, driver), signal.SIGKILL)
    job.until(lambda: job.events("gone") == 1, driver)
    job.at_work(0, driver)
    cluster.kill(1)
    assert f"in {SHARDS} shards" in job.end(driver)
    gone = job.events("gone")
    assert gone >= 2  # Ray may have sent an actor to the node that was dead
    assert contents(job.two) == job.whole
    print(f"1 actor and 1 node killed, {gone} workers gone, 0 mismatches in {SHARDS} shards")
