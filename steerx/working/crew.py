"""Who makes the shards of a job: a crew of workers, told what to do by one driver."""

from __future__ import annotations

import importlib.util
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..augmentation.values import Value

GRACE = 3.0  # seconds that a worker has to end by itself
END, STOP = "end", "stop"  # words beside numbers of shards: no more come; leave the one in work
_INSTALL = 'pip install "steerx[ray]"'

Message = dict[str, Any]
Hear = Callable[["Worker", Message | None], object]


@dataclass(frozen=True)
class Crew:
    """Who makes the shards.

    Attributes:
        network: file or name that the workers load.
        devices: one for each worker: ("cpu", "cpu"), ("cuda:0", "cuda:1"); of a cluster ("cpu", "cpu").
        dtype: of activations.
        encoders: threads that encode, in each.
        patience: seconds without a word after which a worker counts as hung.
        scorer: what they score by, as `scoring.naming.scorer_at` knows it.
        ray: address of the Ray cluster whose actors they are; None = processes of this machine.
    """

    network: str
    devices: tuple[str, ...]
    dtype: str = "float32"
    encoders: int = 1
    patience: float = 600.0
    scorer: str | None = None
    ray: str | None = None

    def check(self) -> None:
        """Refuse a cluster where the library that reaches it is not installed.

        Raises:
            ModuleNotFoundError: it is not; the message says how to install it.
        """
        if self.ray is not None and importlib.util.find_spec("ray") is None:
            raise ModuleNotFoundError(
                f"a Ray cluster needs Ray, which is not installed; {_INSTALL}, or make shards in processes"
            )


class Order(Value):
    """What a worker makes, and with what; the first that it is told."""

    folder: str
    network: str
    device: str
    dtype: str
    renderer: str
    encoders: int
    scorer: str | None


class Worker(ABC):
    """The driver's end of somebody who makes shards.

    Args:
        order: what it makes.
        hear: is told its messages (ready, wrote, ended, fatal), and None when there are no more.
    """

    def __init__(self, order: Order, hear: Hear) -> None:
        self.order, self.hear = order, hear
        self.shards: deque[int] = deque()  # that it was told and has not ended
        self.heard = time.monotonic()
        self.ready = self.ended = False

    @abstractmethod
    def tell(self, word: object) -> None:
        """A shard, END or STOP."""

    @abstractmethod
    def kill(self) -> None:
        """End it now, whatever it does; that it is gone is heard."""

    @abstractmethod
    def wait(self, seconds: float) -> str:
        """How it ended, "" as it should; it is killed where it has not by then."""
