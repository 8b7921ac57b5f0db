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
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import torch

from ..generators import load
from .driving import GRACE, Order
from .errors import AugmentError, Stopped
from .folder import Folder
from .judging import Judge
from .making import make
from .naming import scorer_at
from .rendering import Pictures, one_thread
from .stopping import Stop


class _Inbox:
    """Shards as the driver names them."""

    def __init__(self, stop: Stop) -> None:
        self.stop, self.lines = stop, queue.Queue[str]()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            self.lines.put(line.strip())
            if line.strip() == "end":
                return
        self.stop.signal = signal.SIGTERM
        self.lines.put("end")
        time.sleep(GRACE)
        os._exit(1)

    def shards(self) -> Iterator[int]:
        """Until there is no more."""
        while (line := self.lines.get()) != "end":
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
    try:
        with one_thread():
            folder = Folder.read(order.folder)
            G = load(
                order.network,
                device=order.device,
                dtype=getattr(torch, order.dtype),
                renderer=order.renderer,  # type: ignore[arg-type]
            )
            judge = None
            if order.scorer is not None:
                judge = Judge(scorer_at(order.scorer, G.device))
            pictures = Pictures(folder.plan, G, *folder.inputs(), judge)
            say(ready=True)
            make(
                pictures,
                folder,
                inbox.shards(),
                encoders=order.encoders,
                stop=stop,
                watch=lambda count: say(wrote=count),
                ended=lambda shard, reason: say(ended=shard, reason=reason),
            )
    except Stopped:
        sys.exit(1)
    except BrokenPipeError:  # the driver is gone
        os._exit(1)
    except (OSError, AugmentError) as error:
        number = getattr(error, "errno", None)
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
        say(fatal=text, errno=number, kind=type(error).__name__)


if __name__ == "__main__":
    main()
