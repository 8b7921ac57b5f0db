"""The driver's rules, with workers that are no processes: turns, windows, patience, and workers who wait for more."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from steerx.working import Crew, Order, driving
from steerx.working.backend import Backend
from steerx.working.crew import Hear, Task, Worker
from steerx.working.driving import AHEAD, WINDOW, Driver, InOrder
from steerx.working.words import END, STOP

BACKEND = Backend(renderer="", dtype="", device="", isa="", torch="", steerx="")


class Fake(Worker):
    """Does a piece as soon as it is told, unless it is one of the slow."""

    slow: ClassVar[set[int]] = set()  # pieces that are never done
    unborn: ClassVar[bool] = False  # whether those who begin now die before they are ready

    def __init__(self, task: Task, order: Order, hear: Hear) -> None:
        super().__init__(task, order, hear)
        self.words: list[str] = []
        self.killed = False
        hear(self, None if Fake.unborn else {"ready": True})

    def tell(self, word: str) -> None:
        self.words.append(word)
        if word in (END, STOP):
            self.hear(self, None)
        elif int(word) not in self.slow:
            self.hear(self, {"ended": int(word), "double": 2 * int(word)})

    def kill(self) -> None:
        if not self.killed:
            self.killed = True
            self.hear(self, None)

    def wait(self, seconds: float) -> str:
        return "signal 9" if self.killed else ""


class Doubles(InOrder):
    """Numbers doubled."""

    def __init__(self, crew: Crew) -> None:
        super().__init__(crew)
        self.task, self.errors = _none, {}

    def order(self, device: str) -> Order:
        return Order(network="", device=device, dtype="", backend=BACKEND)


def _none(*_: Any) -> None:
    raise AssertionError


@pytest.fixture
def hired(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Fake]]:
    workers: list[Fake] = []

    def hire(task: Task, order: Order, hear: Hear) -> Fake:
        workers.append(Fake(task, order, hear))
        return workers[-1]

    monkeypatch.setattr("steerx.working.processes.Process", hire)
    monkeypatch.setattr(driving, "_PAUSE", 0.001)
    yield workers
    Fake.slow, Fake.unborn = set(), False


def doubles(messages: Callable[[int], Iterator[dict[str, Any]]], count: int) -> list[Any]:
    return [message.get("double", message.get("failed")) for message in messages(count)]


def test_the_same_workers_do_what_comes_later(hired: list[Fake]) -> None:
    with Doubles(Crew("", ("a", "b"))).by_crew() as messages:
        assert hired == []  # nobody, for nothing
        assert doubles(messages, 1) == [0]
        assert [worker.order.device for worker in hired] == ["a"]
        assert doubles(messages, 5) == [2, 4, 6, 8, 10]
        assert doubles(messages, 0) == []
        assert doubles(messages, 2) == [12, 14]
        assert [worker.order.device for worker in hired] == ["a", "b"]
        assert END not in hired[0].words + hired[1].words
    assert [worker.words[-1] for worker in hired] == [STOP, STOP]


def test_pieces_that_nobody_waits_for_are_forgotten(hired: list[Fake]) -> None:
    work = Doubles(Crew("", ("a", "b")))
    with work.by_crew() as messages:
        each = messages(100)
        assert next(each)["double"] == 0
        each.close()
        begun = sum(len(worker.words) for worker in hired)
        assert begun <= WINDOW * 2
        assert doubles(messages, 3) == [200, 202, 204]
        assert work.come == {}
        assert sum(len(worker.words) for worker in hired) == begun + 3


def test_who_is_fast_waits_for_who_is_slow(hired: list[Fake], monkeypatch: Any) -> None:
    Fake.slow = {0}
    work = Doubles(Crew("", ("a", "b"), patience=0.2))
    most = 0
    listen = Driver.listen

    def watched(driver: Driver) -> None:
        nonlocal most
        listen(driver)
        most = max(most, len(work.come))

    monkeypatch.setattr(Driver, "listen", watched)
    monkeypatch.setattr(driving, "ATTEMPTS", 2)
    with work.by_crew() as messages:
        found = doubles(messages, 100)
    assert "its worker ended 2 times" in found[0]
    assert found[1:] == [2 * n for n in range(1, 100)]
    assert WINDOW <= most <= WINDOW * 2


def test_a_worker_of_whom_nothing_is_asked_is_not_hung(hired: list[Fake]) -> None:
    Fake.slow = {1}
    work = Doubles(Crew("", ("a", "b"), patience=0.05))
    with work.by_crew() as messages:
        each = messages(2)
        assert next(each)["double"] == 0
        assert next(each)["failed"]
        assert [worker.killed for worker in hired].count(True) == 3  # who had it, each time
        assert not all(worker.killed for worker in hired)


def test_time_elsewhere_makes_no_worker_hang(
    hired: list[Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(0, 1_000.0)  # between any two looks the process was stopped
    monkeypatch.setattr(driving, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    work = Doubles(Crew("", ("a",), patience=30.0))
    Fake.slow = {0}
    with driving.driving(work.crew, work) as driver:
        driver.add([0])
        for _ in range(20):
            driver.listen()
        assert not hired[0].killed
        for _ in range(20):
            driver.listen()
        assert hired[0].killed  # it did not speak for 30 seconds that were waited for


def test_a_worker_that_died_idle_is_replaced_when_there_is_work(hired: list[Fake]) -> None:
    with Doubles(Crew("", ("a", "b"))).by_crew() as messages:
        assert doubles(messages, 2) == [0, 2]
        hired[0].kill()
        assert doubles(messages, 4) == [4, 6, 8, 10]
        hired[1].kill()
        hired[-1].kill()
        assert doubles(messages, 2) == [12, 14]


def test_nobody_is_told_more_than_is_ahead(hired: list[Fake]) -> None:
    Fake.slow = set(range(10))
    work = Doubles(Crew("", ("a",)))
    with driving.driving(work.crew, work) as driver:
        driver.add(range(10))
        driver.listen()
        assert hired[0].words == [str(n) for n in range(AHEAD)]


def test_the_last_pieces_are_for_those_who_have_none(hired: list[Fake]) -> None:
    Fake.slow = set(range(10))
    work = Doubles(Crew("", ("a", "b")))
    with driving.driving(work.crew, work) as driver:
        driver.add(range(3))
        driver.listen()
        assert [worker.words for worker in hired] == [["0", "1"], []]  # the other has yet to begin
        driver.listen()
        assert [worker.words for worker in hired] == [["0", "1"], ["2"]]
    work = Doubles(Crew("", ("a", "b")))
    del hired[:]
    with driving.driving(work.crew, work) as driver:
        driver.add(range(2))
        driver.listen()
        driver.listen()
        assert [worker.words for worker in hired] == [["0"], ["1"]]


def test_who_has_nothing_to_do_takes_what_the_dead_leave(hired: list[Fake]) -> None:
    Fake.slow = {1}
    work = Doubles(Crew("", ("a", "b")))
    with driving.driving(work.crew, work) as driver:
        driver.add(range(2))
        for _ in range(3):
            driver.listen()
        Fake.slow, Fake.unborn = set(), True  # whoever comes instead of it dies, every time
        hired[1].kill()
        for _ in range(20):
            driver.listen()
        assert [message["double"] for message in work.come.values()] == [0, 2]
        assert hired[0].words == ["0", "1"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"devices": ()}, r"devices must be one for each worker.*got \(\)"),
        ({"devices": "cpu"}, "devices must be one for each worker.*got 'cpu'"),
        ({"devices": ("cpu",), "dtype": "fp32"}, "dtype must be the name of one.*got 'fp32'"),
        ({"devices": ("cpu",), "dtype": "nn"}, "dtype must be the name of one"),
        ({"devices": ("cpu",), "patience": 0.0}, "patience must be above 0 seconds"),
    ],
)
def test_a_crew_that_cannot_be_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Crew("faces", **settings)
