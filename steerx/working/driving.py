"""A crew does the pieces of a job; this process hands them out, and out again where a worker is gone."""

from __future__ import annotations

import contextlib
import queue
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from .crew import END, GRACE, STOP, Crew, Hear, Message, Order, Task, Worker
from .errors import CrewError

ATTEMPTS = 3
LOADING = 10  # times the patience, for a network that is read from a slow disk
AHEAD = 2  # pieces that a worker knows of: it does the second while what it made of the first is on its way
_PAUSE = 0.1  # seconds between two looks at the clock and at signals

Hire = Callable[[Task, Order, Hear], Worker]


class Work(ABC):
    """A job as the driver sees it.

    Attributes:
        task: what workers do.
        pieces: of the job, in the order in which they are handed out.
        errors: that workers raise about the whole job, by name; others become a `CrewError`.
    """

    task: Task
    pieces: Sequence[int]
    errors: Mapping[str, type[Exception]]

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
            for device in crew.devices[: len(work.pieces)]:
                driver.start(device)
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
        self.waiting = deque(work.pieces)
        self.attempts: Counter[int] = Counter()
        self.stillborn = 0
        self.workers: list[Worker] = []
        self.heard: queue.Queue[tuple[Worker, Message | None]] = queue.Queue()

    def start(self, device: str) -> None:
        """One worker more."""
        order = self.work.order(device)
        self.workers.append(self.hire(self.work.task, order, lambda *heard: self.heard.put(heard)))

    def _hand_out(self, worker: Worker) -> None:
        while self.waiting and len(worker.pieces) < AHEAD:
            worker.pieces.append(self.waiting.popleft())
            worker.tell(self.work.word(worker.pieces[-1]))
        if not worker.pieces and not worker.ended:
            worker.ended = True
            worker.tell(END)

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
        if worker not in self.workers:  # it was given up, and was not dead
            return
        worker.heard = time.monotonic()
        if message is None:
            self._gone(worker)
        elif "fatal" in message:
            self._raise(message)
        elif "ready" in message:
            worker.ready = True
            self._hand_out(worker)
        elif "ended" in message:
            worker.pieces.remove(message["ended"])
            self.work.ended(message["ended"], message)
            self._hand_out(worker)
        else:
            self.work.heard(message)

    def _look_at_the_clock(self) -> None:
        now, at_work = time.monotonic(), any(worker.ready for worker in self.workers)
        for worker in list(self.workers):
            if not worker.ready and at_work:
                if not self.waiting:  # the others do the rest
                    self.workers.remove(worker)
                    worker.kill()
                    worker.wait(GRACE)
            elif now - worker.heard > self.crew.patience * (1 if worker.ready else LOADING):
                worker.kill()  # its end is heard

    def _gone(self, worker: Worker) -> None:
        """A worker ended: as it should, or its pieces are for others."""
        self.workers.remove(worker)
        how = worker.wait(GRACE)
        if worker.ended and not worker.pieces:
            return
        if not worker.ready:
            self.stillborn += 1
            if self.stillborn >= ATTEMPTS:
                if any(other.ready and not other.ended for other in self.workers):
                    return  # the others do the rest
                raise CrewError(
                    f"a worker ended before its work ({how}); try --processes 1, which says why"
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
    """Work whose pieces come back as messages, one after the other whoever was first.

    Attributes:
        come: messages of pieces whose turn it is not yet; {"failed": reason} where it was given up.
    """

    def __init__(self) -> None:
        self.come: dict[int, Message] = {}

    def ended(self, piece: int, message: Message) -> None:
        """Keep it until it is its turn."""
        self.come[piece] = message

    def given_up(self, piece: int, reason: str) -> None:
        """Say so when it is its turn."""
        self.come[piece] = {"failed": reason, "kind": "CrewError"}

    def by(self, crew: Crew) -> Generator[Message]:
        """What a crew makes of each piece, in order; close it, and all workers have ended."""
        crew.check()
        if not self.pieces:
            return
        with driving(crew, self) as driver:
            for piece in self.pieces:
                while piece not in self.come:
                    driver.listen()
                yield self.come.pop(piece)
