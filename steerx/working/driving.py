"""A crew does the pieces of a job; this process hands them out, and out again where a worker is gone."""

from __future__ import annotations

import contextlib
import queue
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from .crew import GRACE, Crew, Hear, Message, Order, Task, Worker
from .errors import CrewError
from .words import END, STOP

ATTEMPTS = 3
LOADING = 10  # times the patience, for a network that is read from a slow disk
AHEAD = 2  # pieces that a worker knows of: it does the second while what it made of the first is on its way
WINDOW = 4  # pieces, for each worker, that may be done before their turn: all are in memory
_PAUSE = 0.1  # seconds between two looks at the clock and at signals
_LOOK = 1.0  # seconds, at most, that count as waited for between two looks

Hire = Callable[[Task, Order, Hear], Worker]


class Work(ABC):
    """A job as the driver sees it.

    Attributes:
        task: what workers do.
        pieces: of the job, in the order in which they are handed out.
        errors: that workers raise about the whole job, by name; others become a `CrewError`.
        lasting: whether more pieces may come, so that workers wait for them.
    """

    task: Task
    pieces: Sequence[int]
    errors: Mapping[str, type[Exception]]
    lasting: bool = False

    @abstractmethod
    def order(self, device: str) -> Order:
        """What a worker on a device is told first."""

    @abstractmethod
    def ended(self, piece: int, message: Message) -> None:
        """A piece is done, or cannot be, as its worker says."""

    @abstractmethod
    def given_up(self, piece: int, reason: str) -> None:
        """A piece ended three workers."""

    def word(self, piece: int) -> str:
        """What a worker is told of a piece, on one line."""
        return str(piece)

    def room(self, piece: int) -> bool:
        """Whether a piece may be begun; most may at any time."""
        return True

    def heard(self, message: Message) -> None:
        """What else a worker says; most say nothing."""
        return

    def gone(self, how: str, pieces: Sequence[int]) -> None:
        """A worker died, and left these pieces to others; most take no note."""
        return


@contextlib.contextmanager
def driving(crew: Crew, work: Work) -> Iterator[Driver]:
    """A driver, with workers that begin; all have ended when the block is left, however it is left.

    A piece whose worker dies or hangs is tried three times. What concerns all pieces ends the job.

    Raises:
        CrewError: there is no such cluster.
    """
    with _hiring(crew) as hire:
        driver = Driver(crew, work, hire)
        try:
            driver.add(work.pieces)
            yield driver
        finally:
            driver.end()


@contextlib.contextmanager
def _hiring(crew: Crew) -> Iterator[Hire]:
    if crew.ray is None:
        from .processes import Process

        yield Process
    else:
        from .actors import Actor, connected

        with connected(crew.ray, crew.devices) as ray:
            yield lambda task, order, hear: Actor(ray, task, order, hear)


class Driver:
    """The state of a job that a crew does."""

    def __init__(self, crew: Crew, work: Work, hire: Hire) -> None:
        self.crew, self.work, self.hire = crew, work, hire
        self.waiting: deque[int] = deque()
        self.attempts: Counter[int] = Counter()
        self.stillborn = 0
        self.workers: list[Worker] = []
        self.heard: queue.Queue[tuple[Worker, Message | None]] = queue.Queue()
        self.now, self.looked = 0.0, time.monotonic()

    def add(self, pieces: Sequence[int]) -> None:
        """Pieces to be done; those who work, or begin to, are as many as they can use."""
        self.waiting.extend(pieces)
        free = list(self.crew.devices)
        for worker in self.workers:
            free.remove(worker.order.device)
        for device in free[: max(0, len(self.waiting) - len(self.workers))]:
            self.start(device)
        self.hand_out()

    def start(self, device: str) -> None:
        """One worker more."""
        order = self.work.order(device)
        worker = self.hire(self.work.task, order, lambda *heard: self.heard.put(heard))
        worker.heard = self.now
        self.workers.append(worker)

    def hand_out(self) -> None:
        """Tell those who are ready what there is for them."""
        for worker in self.workers:
            if worker.ready and not worker.ended:
                self._hand_out(worker)

    def _hand_out(self, worker: Worker) -> None:
        if not worker.pieces:
            worker.heard = self.now  # it was silent since nobody asked
        while self._has_one_for(worker):
            worker.pieces.append(self.waiting.popleft())
            worker.tell(self.work.word(worker.pieces[-1]))
        if not (worker.pieces or worker.ended or self.waiting or self.work.lasting):
            worker.ended = True
            worker.tell(END)

    def _has_one_for(self, worker: Worker) -> bool:
        """Whether a worker is told the next piece: ahead of its turn only what those who have none leave."""
        if not self.waiting or not self.work.room(self.waiting[0]):
            return False
        without = sum(not (other.pieces or other.ended) for other in self.workers)
        return not worker.pieces or (len(worker.pieces) < AHEAD and len(self.waiting) > without)

    def listen(self) -> None:
        """Take what has come, or look at the clock.

        Raises:
            CrewError: no worker is left, and there is work; or one says what concerns all.
        """
        if not self.workers:
            raise CrewError("the workers ended before all was done; run it again")
        try:
            worker, message = self.heard.get(timeout=_PAUSE)
        except queue.Empty:
            self._look_at_the_clock()
            return
        self._look_at_the_clock(worker)
        if worker not in self.workers:  # it was given up, and was not dead
            return
        if message is None:
            self._gone(worker)
        elif "fatal" in message:
            self._raise(message)
        elif "ready" in message:
            worker.ready, self.stillborn = True, 0
        elif "ended" in message:
            worker.pieces.remove(message["ended"])
            self.work.ended(message["ended"], message)
        else:
            self.work.heard(message)
        self.hand_out()  # to all: what one leaves, another who has nothing can do

    def _look_at_the_clock(self, speaker: Worker | None = None) -> None:
        now = time.monotonic()
        # What this process was stopped for (Ctrl-Z), or did elsewhere, makes no worker hang.
        self.now += min(now - self.looked, _LOOK)
        self.looked = now
        if speaker is not None:
            speaker.heard = self.now
        at_work = any(worker.ready for worker in self.workers)
        for worker in list(self.workers):
            if worker.ready and not worker.pieces and not worker.ended:
                continue  # nothing is asked of it
            if not (worker.ready or self.waiting or self.work.lasting) and at_work:
                self.workers.remove(worker)  # the others do the rest
                worker.kill()
                worker.wait(GRACE)
            elif self.now - worker.heard > self.crew.patience * (1 if worker.ready else LOADING):
                worker.kill()  # its end is heard

    def _gone(self, worker: Worker) -> None:
        """A worker ended: as it should, or its pieces are for others."""
        self.workers.remove(worker)
        how = worker.wait(GRACE) or "an end without a word"
        if worker.ended and not worker.pieces:
            return
        if not worker.ready:
            self.stillborn += 1
            if self.stillborn >= ATTEMPTS:
                if any(other.ready and not other.ended for other in self.workers):
                    return  # the others do the rest
                raise CrewError(
                    f"a worker ended before its work ({how}), {ATTEMPTS} times; the same without workers "
                    "(no --processes, no crew) says why"
                )
        elif worker.pieces:
            first = worker.pieces[0]
            self.attempts[first] += 1
            if self.attempts[first] >= ATTEMPTS:
                worker.pieces.popleft()
                self.work.given_up(first, f"its worker ended {ATTEMPTS} times, at last by {how}")
        self.work.gone(how, list(worker.pieces))
        self.waiting.extendleft(reversed(worker.pieces))
        if self.waiting:
            self.start(worker.order.device)

    def _raise(self, message: Message) -> None:
        if message["errno"] is not None:
            raise OSError(message["errno"], message["fatal"])
        kinds: dict[str, type[Exception]] = {"FileNotFoundError": FileNotFoundError}  # a network
        kinds |= self.work.errors
        raise kinds.get(message["kind"], CrewError)(message["fatal"])

    def end(self) -> None:
        """End who still works: each may finish its batch."""
        for worker in self.workers:
            worker.tell(STOP) if worker.ready else worker.kill()
        deadline = time.monotonic() + GRACE + 1
        for worker in self.workers:
            worker.wait(deadline - time.monotonic())


class InOrder(Work):
    """Work whose pieces come back as messages, one after the other whoever was first; more may be added.

    Attributes:
        come: messages of pieces whose turn it is not yet; {"failed": reason} where it was given up.
        turn: the piece that is waited for.
    """

    pieces = ()
    lasting = True

    def __init__(self, crew: Crew) -> None:
        self.come: dict[int, Message] = {}
        self.crew, self.turn, self.asked = crew, 0, 0

    def room(self, piece: int) -> bool:
        return piece < self.turn + WINDOW * len(self.crew.devices)

    def ended(self, piece: int, message: Message) -> None:
        """Keep it until it is its turn; it may be over, where nobody waited."""
        if piece >= self.turn:
            self.come[piece] = message

    def given_up(self, piece: int, reason: str) -> None:
        """Say so when it is its turn."""
        self.ended(piece, {"failed": reason, "kind": "CrewError"})

    @contextlib.contextmanager
    def by_crew(self) -> Iterator[Callable[[int], Generator[Message]]]:
        """What makes the next so many pieces, and gives their messages in order; all workers have ended behind it.

        Whoever asks for more is done with what was asked for before, all of it or not.
        """
        self.crew.check()
        with driving(self.crew, self) as driver:
            yield lambda count: self._next(driver, count)

    def _next(self, driver: Driver, count: int) -> Generator[Message]:
        pieces = range(self.asked, self.asked + count)
        self.asked, self.turn = pieces.stop, pieces.start
        driver.waiting.clear()
        self.come.clear()
        driver.add(pieces)
        for self.turn in pieces:
            driver.hand_out()
            while self.turn not in self.come:
                driver.listen()
            yield self.come.pop(self.turn)
