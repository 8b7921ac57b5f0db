"""A crew that scores: the bits of one process whoever dies, and nobody stays behind."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import steerx
from steerx.scoring import ScorerError
from steerx.working import Crew, CrewError, one_thread
from tests.augmentation.processes import children, lives
from tests.cli.commands import tiny_network

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
CODE = """
import os, pathlib, signal, time
import torch

HERE = pathlib.Path(__file__).parent

def shine(images):
    return torch.stack((images.mean((1, 2, 3)), images.amax((1, 2, 3))), dim=1)

def slow(images):
    time.sleep(0.05)
    return shine(images)

def dying(images):  # once
    if not (HERE / "died").exists():
        (HERE / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return shine(images)

def leaving(images):  # once; a process of its own outlives it, with all that it had open
    if not (HERE / "left").exists():
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
        (HERE / "left").write_text(str(child))
        os.kill(os.getpid(), signal.SIGKILL)
    return shine(images)

def deadly(images):
    os.kill(os.getpid(), signal.SIGKILL)

def marking(images):
    return torch.where(images.mean((1, 2, 3)) > 0, images.amax((1, 2, 3)), torch.nan)

def broken(images):
    if (images.mean((1, 2, 3)) > THRESHOLD).any():
        raise LookupError("no face")
    return shine(images)
"""
SEEDS = range(100, 130)
BATCH = 4


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_network(tmp_path_factory.mktemp("network") / "tiny.safetensors", seed=0)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(CODE)
    return tmp_path / "mine.py"


@pytest.fixture
def crew(network: Path) -> Crew:
    return Crew(str(network), ("cpu", "cpu"))


def scored(network: Path, scorer: str, **options: Any) -> torch.Tensor:
    start = {} if "codes" in options else {"seeds": SEEDS, "psi": 0.7}
    with one_thread():
        return steerx.score(steerx.load(network), scorer, batch=BATCH, **start, **options)


def test_a_worker_that_dies_changes_no_bit(network: Path, code: Path, crew: Crew) -> None:
    told: list[tuple[int, int]] = []
    one = scored(network, f"{code}:shine")
    two = scored(network, f"{code}:dying", crew=crew, watch=lambda *now: told.append(now))
    assert (code.parent / "died").exists()
    assert torch.equal(one, two)
    assert told == [(min(4 * n, 30), 30) for n in range(9)]  # in order
    assert children(os.getpid()) == []


def test_a_worker_that_dies_is_missed_though_its_own_process_lives(
    network: Path, code: Path, crew: Crew
) -> None:
    started = time.monotonic()
    two = scored(network, f"{code}:leaving", crew=crew)
    took = time.monotonic() - started
    left = int((code.parent / "left").read_text())
    assert lives(left)
    os.kill(left, signal.SIGKILL)
    assert took < 50
    assert torch.equal(two, scored(network, f"{code}:shine"))


def test_a_path_reaches_the_workers_in_any_encoding(
    network: Path, tmp_path: Path, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "über").mkdir()
    (tmp_path / "über" / "mine.py").write_text(CODE)
    one = scored(network, f"{tmp_path}/über/mine.py:shine")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")  # as pipes are on some systems
    assert torch.equal(one, scored(network, f"{tmp_path}/über/mine.py:shine", crew=crew))


def test_codes_noise_and_marks_come_whole(network: Path, code: Path, crew: Crew) -> None:
    G = steerx.load(network)
    styles = G.codes(seeds="0-9", space="styles")
    options: dict[str, Any] = {"codes": styles, "noise_mode": "sample", "noise_key": 7}
    options |= {"invalid": math.nan, "names": ["peak"]}
    one = scored(network, f"{code}:marking", **options)
    two = scored(network, f"{code}:marking", **options, crew=crew)
    assert one.isnan().any() and not one.isnan().all()
    assert torch.equal(one.nan_to_num(9), two.nan_to_num(9))


def test_classes_of_a_tensor_reach_their_pictures(tmp_path: Path, code: Path) -> None:
    network = tiny_network(tmp_path / "classes.safetensors", seed=1, c_dim=3)
    label = torch.arange(30) % 3
    crew = Crew(str(network), ("cpu",))
    one = scored(network, f"{code}:shine", label=label)
    assert torch.equal(one, scored(network, f"{code}:shine", label=label, crew=crew))
    assert not torch.equal(one, scored(network, f"{code}:shine", label=0))


def test_a_scorer_that_fails_does_so_in_its_turn(
    network: Path, code: Path, crew: Crew, tmp_path: Path
) -> None:
    top = scored(network, f"{code}:shine")[:, 0].topk(2).values
    code.write_text(CODE.replace("THRESHOLD", repr(float(top.mean()))))  # one is above it
    found = []
    for some in (None, crew):
        with pytest.raises(ScorerError) as caught:
            scored(network, f"{code}:broken", crew=some, journal=tmp_path / f"{some is None}.part")
        found.append((caught.value.images, str(caught.value).split(";")[0]))
        assert caught.value.scored is not None
    assert found[0] == found[1] and len(found[0][0]) == 1
    assert (tmp_path / "True.part").read_bytes() == (tmp_path / "False.part").read_bytes()


def test_a_batch_that_ends_three_workers_is_named(network: Path, code: Path, crew: Crew) -> None:
    with pytest.raises(CrewError, match="seeds 100-103 not scored: its worker ended 3 times, at"):
        scored(network, f"{code}:deadly", crew=crew)
    assert children(os.getpid()) == []


def test_what_workers_cannot_have_is_refused(network: Path, code: Path, crew: Crew) -> None:
    G = steerx.load(network)
    with pytest.raises(
        ValueError, match=r"workers cannot be given .*they load a scorer by its name"
    ):
        steerx.score(G, lambda images: images, seeds=SEEDS, crew=crew)
    with pytest.raises(ValueError, match='noise_mode="sample"'):
        steerx.score(G, "faces", seeds=SEEDS, noise_mode="random", crew=crew)
    assert children(os.getpid()) == []


def test_what_concerns_all_ends_the_scoring(network: Path, code: Path, tmp_path: Path) -> None:
    other = tiny_network(tmp_path / "other.safetensors", seed=5)
    with pytest.raises(CrewError, match="has other weights than the generator"):
        scored(network, f"{code}:shine", crew=Crew(str(other), ("cpu",)))
    for crew in (Crew(str(network), ("cpu",)), None):
        for name in (f"{code}:none", "none", "json:none", ":none"):
            with pytest.raises(ScorerError, match=r"there is no scorer .*none'"):
                scored(network, name, crew=crew)
    assert children(os.getpid()) == []


def test_ctrl_c_leaves_a_whole_journal(
    network: Path, code: Path, crew: Crew, tmp_path: Path
) -> None:
    journal = tmp_path / "scores.part"

    def interrupt(done: int, total: int) -> None:
        if done == 12:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        scored(network, f"{code}:slow", crew=crew, journal=journal, watch=interrupt)
    assert children(os.getpid()) == []
    assert len(journal.read_text().splitlines()) >= 13
    told: list[int] = []
    rest = scored(
        network, f"{code}:slow", journal=journal, watch=lambda done, total: told.append(done)
    )
    assert told[0] >= 12 and torch.equal(rest, scored(network, f"{code}:shine"))


def test_workers_of_a_killed_driver_end_and_its_journal_goes_on(
    network: Path, code: Path, crew: Crew, tmp_path: Path
) -> None:
    journal = tmp_path / "scores.part"
    reader, writer = os.pipe()
    driver = os.fork()
    if not driver:
        with contextlib.suppress(BaseException):
            scored(
                network, f"{code}:slow", crew=crew, journal=journal,
                watch=lambda done, total: done and os.write(writer, b"."),
            )  # fmt: skip
        os._exit(0)
    os.read(reader, 1)
    orphans = children(driver)
    os.kill(driver, signal.SIGKILL)
    os.waitpid(driver, 0)
    assert len(orphans) == 2
    deadline = time.monotonic() + 5
    while any(map(lives, orphans)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(lives, orphans))
    told: list[int] = []
    two = scored(
        network, f"{code}:slow", journal=journal, watch=lambda done, total: told.append(done)
    )
    assert 0 < told[0] < 30 and torch.equal(two, scored(network, f"{code}:shine"))


@pytest.mark.parametrize("after", [0.0, 0.4, 1.2])
def test_ctrl_c_while_workers_begin_is_one_line(
    network: Path, code: Path, tmp_path: Path, after: float
) -> None:
    words = ["score", str(network), "--scorer", f"{code}:slow", "--processes", "2"]
    driver = subprocess.Popen(
        [sys.executable, "-m", "steerx.cli", *words, "-o", str(tmp_path / "scores.csv")],
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    deadline = time.monotonic() + 100
    while not (workers := children(driver.pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [os.getpgid(worker) for worker in workers] == workers  # a terminal's keys pass them by
    time.sleep(after)
    os.killpg(driver.pid, signal.SIGINT)
    said = driver.communicate(timeout=100)[1]
    assert driver.returncode == 130
    assert len(said.strip().splitlines()) == 1 and "interrupted" in said
    assert workers and not any(map(lives, workers))
