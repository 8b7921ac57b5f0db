"""Workers that are actors on the nodes of a Ray cluster. Words travel through Ray; pictures never do.

Ray repeats nothing: the driver hands out again what a dead actor or node leaves. Where the driver dies, Ray ends its
actors.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from .crew import Hear, Message, Order, Task, Worker
from .errors import CrewError
from .serving import done
from .stopping import SIGNALS, Stop
from .words import END, STOP, Words

_KNOCK = 10.0  # seconds in which a cluster answers


class Maker:
    """What an actor is, on its node: works, and keeps its messages until somebody asks."""

    def __init__(self) -> None:
        self.stop = Stop()
        self.words, self.messages = Words(), queue.Queue[Message | None]()

    def work(self, task: Task, order: str) -> None:
        """All that comes, until the end is told."""
        try:
            done(task, order, self.words, self.stop, lambda **message: self.messages.put(message))
        finally:
            self.messages.put(None)

    def tell(self, word: str) -> None:
        """What a piece is, END or STOP."""
        if word == STOP:
            self.stop.signal = signal.SIGTERM
        self.words.tell(END if word == STOP else word)

    def news(self) -> list[Message | None]:
        """Messages, in order; one at least, which is waited for. None is the last."""
        found = [self.messages.get()]
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self.messages.get_nowait())
        return found


class Actor(Worker):
    """The driver's end of a `Maker`.

    Args:
        ray: the library, connected.
        task, order, hear: see `Worker`.
    """

    def __init__(self, ray: Any, task: Task, order: Order, hear: Hear) -> None:
        super().__init__(task, order, hear)
        self.ray, self.how = ray, ""
        gpus = int(order.device.startswith("cuda"))
        threads = {"told": 1, "asked": 1}  # beside the one that works
        self.actor = ray.remote(concurrency_groups=threads)(Maker).options(
            num_cpus=1, num_gpus=gpus, max_restarts=0, scheduling_strategy="SPREAD"
        ).remote()  # fmt: skip
        self.work = self.actor.work.remote(task, order.model_dump_json())
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        try:
            while True:
                for message in self.ray.get(
                    self.actor.news.options(concurrency_group="asked").remote()
                ):
                    if message is None:
                        self.ray.get(self.work)  # raises what it raised
                        return
                    self.hear(self, message)
        # Of the actor, its node, or the connection: all mean that it is gone.
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[-1].partition(". ")[0]
            self.how = f"{type(error).__name__}: {said}"
        finally:
            self.hear(self, None)

    def tell(self, word: str) -> None:
        self.actor.tell.options(concurrency_group="told").remote(word)

    def kill(self) -> None:
        self.ray.kill(self.actor)
        self.hear(self, None)  # Ray may not be able to reach its node

    def wait(self, seconds: float) -> str:
        self.reader.join(max(0.0, seconds))
        self.ray.kill(self.actor)
        return self.how


@contextlib.contextmanager
def connected(address: str, devices: Sequence[str]) -> Iterator[Any]:
    """Ray, connected to a cluster that has room for actors on these devices.

    Raises:
        CrewError: there is no such cluster, or it is too small.
    """
    import ray

    ours = not ray.is_initialized()
    if ours:
        with _own_signals():
            _connect(ray, address)
    try:
        kind = "GPU" if devices[0].startswith("cuda") else "CPU"
        room = int(ray.cluster_resources().get(kind, 0))
        if room < len(devices):
            raise CrewError(
                f"the Ray cluster at {address} has {room} {kind}s for {len(devices)} actors; ask for fewer"
            )
        yield ray
    finally:
        if ours:
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    # A cluster that begins and ends with this job has nobody who looks at its dashboard, which takes processor time.
    own: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    host, _, port = address.rpartition(":")
    try:
        if host and port.isdigit():  # Ray would try for minutes
            socket.create_connection((host.strip("[]"), int(port)), _KNOCK).close()
        ray.init(address=address, log_to_driver=False, logging_level="error", **own)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CrewError(
            f"no Ray cluster was joined at {address} ({reason}); run this on a node of the cluster, with its "
            "RAY_AUTH_MODE and RAY_AUTH_TOKEN"
        ) from error


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Take back the signals that Ray listens for: a run ends with its batch."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
