"""Signals that ask a run to stop: once, and the batch in work is finished; twice, and the process ends at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Stopped(Exception):
    """The run was asked to stop by a signal.

    Attributes:
        signal: its number.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}; the same command goes on")
        self.signal = signal


class Stop:
    """Whether a run was asked to stop."""

    def __init__(self) -> None:
        self.signal = 0

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Stopped: a signal has come.
        """
        if self.signal:
            raise Stopped(self.signal)

    def heard(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.signal:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.signal = number


@contextlib.contextmanager
def stopping() -> Iterator[Stop]:
    """Listen for signals in this block; in another than the main thread, nothing is listened for."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.heard) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
