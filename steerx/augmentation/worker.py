"""A process that makes shards for a driver: `python -m steerx.augmentation.worker`, with an order on stdin.

Lines come in: the order, then a number for each shard, then "end". Lines of JSON go out: ready, wrote, ended, fatal.
When the input ends without "end" the driver is gone: the batch in work is finished, and at the latest after a few
seconds the process is gone too.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from ..generators import load
from ..scoring import Scorer
from ..scoring.naming import scorer_at
from ..working.crew import END, GRACE, Order
from ..working.stopping import Stop
from .encoding import check_encoder
from .errors import AugmentError, PlanError, Stopped
from .folder import PLAN, Folder
from .judging import Judge
from .making import make
from .planning import backend_of
from .rendering import Pictures, one_thread

Say = Callable[..., object]


def work(order: Order, shards: Iterable[int], stop: Stop, say: Say) -> bool:
    """Make shards as they are told, and say how it goes; whether it went to its end.

    Args:
        order: what to make, and with what.
        shards: may be waited for.
        stop: ends it after the batch in work.
        say: takes a message: ready, wrote, ended, fatal.
    """
    try:
        with one_thread():
            folder = _folder(order.folder)
            G = load(
                order.network,
                device=order.device,
                dtype=getattr(torch, order.dtype),
                renderer=order.renderer,  # type: ignore[arg-type]
            )
            judge = None if order.scorer is None else Judge(_scorer(order.scorer, G.device))
            pictures = Pictures(folder.plan, G, *folder.inputs(), judge)
            _same_backend(folder, pictures)
            check_encoder(folder.plan.codec)
            say(ready=True)
            make(
                pictures,
                folder,
                shards,
                encoders=order.encoders,
                stop=stop,
                watch=lambda count: say(wrote=count),
                ended=lambda shard, reason: say(ended=shard, reason=reason),
            )
    except (Stopped, BrokenPipeError):  # as the driver said, or since it is gone
        return False
    except (OSError, AugmentError) as error:
        number = getattr(error, "errno", None)
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
        say(fatal=text, errno=number, kind=type(error).__name__)
    return True


def _folder(path: str) -> Folder:
    if not os.path.exists(os.path.join(path, PLAN)):
        raise PlanError(
            f"{socket.gethostname()} does not see {path}; give a folder that all machines share"
        )
    return Folder.read(path)


def _scorer(name: str, device: torch.device) -> Scorer:
    """A scorer by its name, which whoever began the run has checked."""
    try:
        return scorer_at(name, device)
    except (ImportError, OSError, AttributeError) as error:
        raise PlanError(
            f"the scorer {name!r} is not there ({error}); give back what was there at the beginning"
        ) from error


def _same_backend(folder: Folder, pictures: Pictures) -> None:
    """Refuse a machine whose pictures would not be the plan's, bit for bit."""
    here, wanted = backend_of(pictures.G), folder.plan.backend
    for name in type(here).model_fields:
        came, planned = getattr(here, name), getattr(wanted, name)
        if came != planned:
            raise PlanError(
                f"{socket.gethostname()} has {name} {came}, the plan {planned}: its pictures would not be "
                "the same; use machines that are alike"
            )


class _Inbox:
    """Shards as the driver names them."""

    def __init__(self, stop: Stop) -> None:
        self.stop, self.lines = stop, queue.Queue[str]()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            self.lines.put(line.strip())
            if line.strip() == END:
                return
        self.stop.signal = signal.SIGTERM
        self.lines.put(END)
        time.sleep(GRACE)
        os._exit(1)

    def shards(self) -> Iterator[int]:
        """Until there is no more."""
        while (line := self.lines.get()) != END:
            yield int(line)


def main() -> None:
    """Do what the order says."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all of a terminal; the driver tells
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anybody else prints is no message

    def say(**message: Any) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    order = Order.model_validate_json(sys.stdin.readline())
    stop = Stop()
    inbox = _Inbox(stop)
    if not work(order, inbox.shards(), stop, say):
        os._exit(1)  # without a word more: perhaps nobody listens


if __name__ == "__main__":
    main()
