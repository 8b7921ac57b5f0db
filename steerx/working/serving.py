"""A worker's own end: it is told words, works, and says how it goes.

As a process: lines come in on stdin, the order, then a word for each piece, then "end". Lines of JSON go out: ready,
ended, fatal, and those of the kind of work; where one has `data`, the line says how many bytes, and they follow it.
When the input ends without "end" the driver is gone: the batch in work is finished, and at the latest after a few
seconds the process is gone too.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import threading
import time
from typing import Any

import torch

from ..checkpoints import CheckpointError, model_id
from ..generators import Generator, load
from .backend import unlike
from .crew import GRACE, Order, Say, Task
from .errors import CrewError
from .stopping import Stop, Stopped
from .threads import one_thread
from .words import END, Words


def opened(order: Order) -> Generator:
    """The network of an order.

    Raises:
        CrewError: what computes here is not what the order names, or the network has other weights.
    """
    G = load(
        order.network,
        device=order.device,
        dtype=getattr(torch, order.dtype),
        renderer=order.backend.renderer,  # type: ignore[arg-type]
    )
    if difference := unlike(G, order.backend):
        raise CrewError(difference)
    if order.weights is not None and model_id(G.state_dict()) != order.weights:
        raise CrewError(
            f"the crew's network {order.network} has other weights than the generator; give the file "
            "that it was loaded from (one that was changed since is saved first)"
        )
    return G


def done(task: Task, order: str, words: Words, stop: Stop, say: Say) -> bool:
    """Do a task and say what ends it for all workers; whether it went to its end."""
    try:
        with one_thread():
            task(order, words, stop, say)
    except (Stopped, BrokenPipeError):  # as the driver said, or since it is gone
        return False
    except (OSError, ValueError, CheckpointError) as error:
        number, text = getattr(error, "errno", None), str(error)
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more
            say(fatal=text, errno=number, kind=type(error).__name__)
    return True


class _Inbox:
    """Words as the driver tells them."""

    def __init__(self, stop: Stop) -> None:
        self.stop, self.words = stop, Words()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            self.words.tell(line.strip())
            if line.strip() == END:
                return
        self.stop.signal = signal.SIGTERM
        self.words.end()
        time.sleep(GRACE)
        os._exit(1)


def serve(task: Task) -> None:
    """Do a task as the process that this is."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all of a terminal; the driver tells
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anybody else prints is no message

    def say(data: bytes | None = None, **message: Any) -> None:
        if data is not None:
            message["data"] = len(data)
        out.write(json.dumps(message).encode() + b"\n")
        out.write(data or b"")
        out.flush()

    assert isinstance(sys.stdin, io.TextIOWrapper)
    sys.stdin.reconfigure(encoding="utf-8")  # as the driver writes, whatever the system's is
    order = sys.stdin.readline()
    stop = Stop()
    inbox = _Inbox(stop)
    if not done(task, order, inbox.words, stop, say):
        os._exit(1)  # without a word more: perhaps nobody listens
