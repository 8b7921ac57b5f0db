"""Who does the pieces of a job: a crew of workers, told what to do by one driver."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from ..generators.loading import resolve
from .backend import Backend
from .stopping import Stop
from .words import Words

GRACE = 3.0  # seconds that a worker has to end by itself
_INSTALL = 'pip install "steerx[ray]"'

Message = dict[str, Any]
Hear = Callable[["Worker", Message | None], object]
Say = Callable[..., object]
# What a worker does: an order, words of pieces that may be waited for, what may end it, and what takes messages.
# It stands in a module that, run as a program, serves it.
Task = Callable[[str, Words, Stop, Say], None]


@dataclass(frozen=True)
class Crew:
    """Who does the work.

    Attributes:
        network: file or name that the workers load.
        devices: one for each worker: ("cpu", "cpu"), ("cuda:0", "cuda:1"); of a cluster ("cpu", "cpu").
        dtype: of activations.
        patience: seconds without a word after which a worker counts as hung.
        ray: address of the Ray cluster whose actors they are; None = processes of this machine.

    Raises:
        ValueError: no devices, an unknown dtype, or a patience that is not above 0.
    """

    network: str
    devices: tuple[str, ...]
    dtype: str = "float32"
    patience: float = 600.0
    ray: str | None = None

    def __post_init__(self) -> None:
        devices: object = self.devices
        if not isinstance(devices, (tuple, list)) or not devices:
            raise ValueError(
                f'Crew: devices must be one for each worker, such as ("cpu", "cpu"), got {devices!r}'
            )
        if not isinstance(getattr(torch, self.dtype, None), torch.dtype):
            raise ValueError(
                f'Crew: dtype must be the name of one, such as "float32", got {self.dtype!r}'
            )
        if not self.patience > 0:
            raise ValueError(f"Crew: patience must be above 0 seconds, got {self.patience}")

    def check(self) -> None:
        """Refuse a cluster where the library that reaches it is not installed.

        Raises:
            ModuleNotFoundError: it is not; the message says how to install it.
        """
        if self.ray is not None and importlib.util.find_spec("ray") is None:
            raise ModuleNotFoundError(
                f"a Ray cluster needs Ray, which is not installed; {_INSTALL}, or work in processes"
            )

    def loading(self, device: str) -> dict[str, Any]:
        """What an order says of the network, so that it holds in another folder too."""
        file = resolve(self.network)
        network = str(file.absolute()) if file.exists() else self.network
        return {"network": network, "device": device, "dtype": self.dtype}


class Order(BaseModel):
    """What a worker does, and with what; the first that it is told. Kinds of work add to it.

    Attributes:
        network, device, dtype, backend: what is loaded, and what must compute.
        weights: `checkpoints.model_id` of the network's tensors, which the worker compares; None = it knows otherwise.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, ser_json_inf_nan="constants"
    )

    network: str
    device: str
    dtype: str
    backend: Backend
    weights: str | None = None


class Worker(ABC):
    """The driver's end of somebody who works.

    Args:
        task: what it does.
        order: with what.
        hear: is told its messages (ready, ended, fatal, and those of its kind of work), and None when there
            are no more.
    """

    def __init__(self, task: Task, order: Order, hear: Hear) -> None:
        self.task, self.order, self.hear = task, order, hear
        self.pieces: deque[int] = deque()  # that it was told and has not ended
        self.heard = 0.0  # when, by its driver's clock
        self.ready = self.ended = False

    @abstractmethod
    def tell(self, word: str) -> None:
        """What a piece is, END or STOP; never waits."""

    @abstractmethod
    def kill(self) -> None:
        """End it now, whatever it does; that it is gone is heard."""

    @abstractmethod
    def wait(self, seconds: float) -> str:
        """How it ended, "" as it should; it is killed where it has not by then."""
