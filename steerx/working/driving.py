"""A crew makes the shards of a job; this process hands them out, and out again where a worker is gone."""

from __future__ import annotations

import contextlib
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..augmentation import errors
from ..augmentation.errors import AugmentError
from ..augmentation.folder import Folder
from ..augmentation.making import Made, Watch
from ..generators.loading import resolve
from .crew import END, GRACE, STOP, Crew, Hear, Message, Order, Worker
from .stopping import Stop

ATTEMPTS = 3
LOADING = 10  # times the patience, for a network that is read from a slow disk
AHEAD = 2  # shards that a worker knows of: it renders the second while the first is written
_PAUSE = 0.1  # seconds between two looks at the clock and at signals

Hire = Callable[[Order, Hear], Worker]


def make_by_crew(
    folder: Folder, crew: Crew, shards: Sequence[int], *, stop: Stop, watch: Watch
) -> Made:
    """Make shards by a crew; the same bytes as in this process.

    A shard whose worker dies or hangs is tried three times. What concerns all shards ends the run.

    Args:
        folder: locked, with the inputs of its plan.
        crew: how many, and where.
        shards: to be made.
        stop: ends the workers when it was asked to.
        watch: is told how many samples were written.

    Raises:
        Stopped, OSError, AugmentError: as `making.make`.
    """
    with _hiring(crew) as hire:
        driver = _Driver(folder, crew, shards, hire, watch)
        try:
            for device in crew.devices[: len(shards)]:
                driver.start(device)
            while driver.workers:
                stop.check()
                driver.listen()
            if driver.waiting:
                raise AugmentError("the workers ended before all shards were made; run it again")
            return driver.made
        finally:
            driver.end()
            if folder.alone:
                folder.sweep()


@contextlib.contextmanager
def _hiring(crew: Crew) -> Iterator[Hire]:
    if crew.ray is None:
        from .processes import Process

        yield Process
    else:
        from .actors import Actor, connected

        with connected(crew.ray, crew.devices) as ray:
            yield lambda order, hear: Actor(ray, order, hear)


class _Driver:
    """The state of a run by a crew."""

    def __init__(
        self, folder: Folder, crew: Crew, shards: Sequence[int], hire: Hire, watch: Watch
    ) -> None:
        self.folder, self.crew, self.hire, self.watch = folder, crew, hire, watch
        self.waiting = deque(shards)
        self.attempts: Counter[int] = Counter()
        self.stillborn = 0
        self.workers: list[Worker] = []
        self.heard: queue.Queue[tuple[Worker, Message | None]] = queue.Queue()
        self.made = Made()

    def start(self, device: str) -> None:
        """One worker more."""
        file = resolve(self.crew.network)
        order = Order(
            folder=str(self.folder.path.absolute()),
            network=str(file.absolute()) if file.exists() else self.crew.network,
            device=device,
            dtype=self.crew.dtype,
            renderer=self.folder.plan.backend.renderer,
            encoders=self.crew.encoders,
            scorer=_from_here(self.crew.scorer),
        )
        self.workers.append(self.hire(order, lambda *heard: self.heard.put(heard)))

    def _hand_out(self, worker: Worker) -> None:
        while self.waiting and len(worker.shards) < AHEAD:
            worker.shards.append(self.waiting.popleft())
            worker.tell(worker.shards[-1])
        if not worker.shards and not worker.ended:
            worker.ended = True
            worker.tell(END)

    def listen(self) -> None:
        """Take what has come, or look at the clock."""
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
            return
        if "fatal" in message:
            _raise(message)
        if "ready" in message:
            worker.ready = True
            self._hand_out(worker)
        if "wrote" in message:
            self.watch(message["wrote"])
        if "ended" in message:
            shard, reason = message["ended"], message["reason"]
            worker.shards.remove(shard)
            if reason:
                self.made.failed[shard] = reason
            else:
                self.made.shards += 1
            self._hand_out(worker)

    def _look_at_the_clock(self) -> None:
        now, at_work = time.monotonic(), any(worker.ready for worker in self.workers)
        for worker in list(self.workers):
            if not worker.ready and at_work:
                if not self.waiting:  # the others make the rest
                    self.workers.remove(worker)
                    worker.kill()
                    worker.wait(GRACE)
            elif now - worker.heard > self.crew.patience * (1 if worker.ready else LOADING):
                worker.kill()  # its end is heard

    def _gone(self, worker: Worker) -> None:
        """A worker ended: as it should, or its shards are for others."""
        self.workers.remove(worker)
        how = worker.wait(GRACE)
        if worker.ended and not worker.shards:
            return
        if not worker.ready:
            self.stillborn += 1
            if self.stillborn >= ATTEMPTS:
                if any(other.ready and not other.ended for other in self.workers):
                    return  # the others make the rest
                raise AugmentError(
                    f"a worker that makes shards ended before its work ({how}); try --processes 1, which "
                    "says why"
                )
        elif worker.shards:
            first = worker.shards[0]
            self.attempts[first] += 1
            if self.attempts[first] >= ATTEMPTS:
                worker.shards.popleft()
                reason = f"its worker ended {ATTEMPTS} times, at last by {how}"
                self.folder.fail(first, reason)
                self.made.failed[first] = reason
        self.folder.note(event="gone", time=time.time(), how=how, shards=list(worker.shards))
        self.waiting.extendleft(reversed(worker.shards))
        if self.waiting:
            self.start(worker.order.device)

    def end(self) -> None:
        """End who still works: each may finish its batch."""
        for worker in self.workers:
            worker.tell(STOP)
        deadline = time.monotonic() + GRACE + 1
        for worker in self.workers:
            worker.wait(deadline - time.monotonic())


def _raise(message: Message) -> None:
    if message["errno"] is not None:
        raise OSError(message["errno"], message["fatal"])
    kinds = {"FileNotFoundError": FileNotFoundError}  # of a network that is not there
    raise kinds.get(message["kind"], getattr(errors, message["kind"], AugmentError))(
        message["fatal"]
    )


def _from_here(scorer: str | None) -> str | None:
    """A scorer's name as it holds in another folder too."""
    where, _, what = (scorer or "").rpartition(":")
    return f"{Path(where).absolute()}:{what}" if where.endswith(".py") else scorer
