"""Several processes make the shards of a job; this one hands them out, and out again where a process died."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import errors
from .errors import AugmentError
from .folder import Folder
from .making import Made, Watch
from .stopping import Stop
from .values import Value

ATTEMPTS = 3
LOADING = 10  # times the patience, for a network that is read from a slow disk
AHEAD = 2  # shards that a process knows of: it renders the second while the first is written
GRACE = 3.0  # seconds that a process has to end by itself
_PAUSE = 0.1  # seconds between two looks at the clock and at signals


@dataclass(frozen=True)
class Crew:
    """Who makes the shards.

    Attributes:
        network: file or name that the processes load.
        devices: one for each process: ("cpu", "cpu"), ("cuda:0", "cuda:1").
        dtype: of activations.
        encoders: threads that encode, in each.
        patience: seconds without a word after which a process counts as hung.
        scorer: what they score by, as `naming.scorer_at` knows it.
    """

    network: str
    devices: tuple[str, ...]
    dtype: str = "float32"
    encoders: int = 1
    patience: float = 600.0
    scorer: str | None = None


class Order(Value):
    """What a process makes, and with what; the first line that it is told."""

    folder: str
    network: str
    device: str
    dtype: str
    renderer: str
    encoders: int
    scorer: str | None


@dataclass(eq=False)
class _Worker:
    """A process and what it was told to make."""

    device: str
    process: subprocess.Popen[str]
    shards: deque[int] = field(default_factory=deque)
    heard: float = field(default_factory=time.monotonic)
    ready: bool = False
    ended: bool = False

    def tell(self, word: object) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it died; its end is heard of on the other pipe
            self.process.stdin.write(f"{word}\n")
            self.process.stdin.flush()


def make_in_processes(
    folder: Folder, crew: Crew, shards: Sequence[int], *, stop: Stop, watch: Watch
) -> Made:
    """Make shards in processes; the same bytes as in this one.

    A shard whose process dies or hangs is tried three times. What concerns all shards ends the run.

    Args:
        folder: locked, with the inputs of its plan.
        crew: how many, and where.
        shards: to be made.
        stop: ends the processes when it was asked to.
        watch: is told how many samples were written.

    Raises:
        Stopped, OSError, AugmentError: as `making.make`.
    """
    driver = _Driver(folder, crew, shards, watch)
    try:
        for device in crew.devices[: len(shards)]:
            driver.start(device)
        while driver.workers:
            stop.check()
            driver.listen()
        return driver.made
    finally:
        driver.end()
        if folder.alone:
            folder.sweep()


class _Driver:
    """The state of a run in processes."""

    def __init__(self, folder: Folder, crew: Crew, shards: Sequence[int], watch: Watch) -> None:
        self.folder, self.crew, self.watch = folder, crew, watch
        self.waiting = deque(shards)
        self.attempts: Counter[int] = Counter()
        self.stillborn = 0
        self.workers: list[_Worker] = []
        self.heard: queue.Queue[tuple[_Worker, str | None]] = queue.Queue()
        self.made = Made()

    def start(self, device: str) -> None:
        """One process more."""
        backend = self.folder.plan.backend
        order = Order(
            folder=str(self.folder.path.absolute()),
            network=self.crew.network,
            device=device,
            dtype=self.crew.dtype,
            renderer=backend.renderer,
            encoders=self.crew.encoders,
            scorer=self.crew.scorer,
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "steerx.augmentation.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        worker = _Worker(device, process)
        self.workers.append(worker)
        worker.tell(order.model_dump_json())
        self._hand_out(worker)
        threading.Thread(target=self._read, args=(worker,), daemon=True).start()

    def _read(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            self.heard.put((worker, line))
        self.heard.put((worker, None))

    def _hand_out(self, worker: _Worker) -> None:
        while self.waiting and len(worker.shards) < AHEAD:
            worker.shards.append(self.waiting.popleft())
            worker.tell(worker.shards[-1])
        if not worker.shards and not worker.ended:
            worker.ended = True
            worker.tell("end")

    def listen(self) -> None:
        """Take what has come, or look at the clock."""
        try:
            worker, line = self.heard.get(timeout=_PAUSE)
        except queue.Empty:
            now = time.monotonic()
            for worker in self.workers:
                patience = self.crew.patience * (1 if worker.ready else LOADING)
                if now - worker.heard > patience:
                    worker.process.kill()  # its end is heard
            return
        worker.heard = time.monotonic()
        if line is None:
            self._gone(worker)
            return
        message: dict[str, Any] = json.loads(line)
        if "fatal" in message:
            _raise(message)
        worker.ready = True
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

    def _gone(self, worker: _Worker) -> None:
        """A process ended: as it should, or its shards are for others."""
        self.workers.remove(worker)
        code = worker.process.wait()
        _close(worker)
        if worker.ended and not worker.shards:
            return
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        if not worker.ready:
            self.stillborn += 1
            if self.stillborn >= ATTEMPTS:
                raise AugmentError(
                    f"a process that makes shards ended before its work ({how}); try --processes 1, which "
                    "says why"
                )
        elif worker.shards:
            first = worker.shards[0]
            self.attempts[first] += 1
            if self.attempts[first] >= ATTEMPTS:
                worker.shards.popleft()
                reason = f"its process ended {ATTEMPTS} times, at last by {how}"
                self.folder.fail(first, reason)
                self.made.failed[first] = reason
        self.folder.note(event="gone", time=time.time(), how=how, shards=list(worker.shards))
        self.waiting.extendleft(reversed(worker.shards))
        if self.waiting:
            self.start(worker.device)

    def end(self) -> None:
        """End what still runs: each may finish its batch."""
        for worker in self.workers:
            assert worker.process.stdin is not None
            with contextlib.suppress(OSError):
                worker.process.stdin.close()
        deadline = time.monotonic() + GRACE + 1
        for worker in self.workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            _close(worker)


def _close(worker: _Worker) -> None:
    for pipe in (worker.process.stdin, worker.process.stdout):
        assert pipe is not None
        with contextlib.suppress(OSError):
            pipe.close()


def _raise(message: dict[str, Any]) -> None:
    if message["errno"] is not None:
        raise OSError(message["errno"], message["fatal"])
    kinds = {"FileNotFoundError": FileNotFoundError}  # of a network that is not there
    raise kinds.get(message["kind"], getattr(errors, message["kind"], AugmentError))(
        message["fatal"]
    )
