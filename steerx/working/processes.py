"""Workers that are processes of this machine, told by a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading

from .crew import Hear, Order, Task, Worker
from .words import STOP


class Process(Worker):
    """`python -m` the module of a task."""

    def __init__(self, task: Task, order: Order, hear: Hear) -> None:
        super().__init__(task, order, hear)
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-P",  # no module of this folder
                "-m",
                task.__module__,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Its own: Ctrl-C and Ctrl-Z reach this process alone, which tells the others.
            process_group=0 if os.name == "posix" else None,
        )
        self.words: queue.Queue[str] = queue.Queue()
        self.tell(order.model_dump_json())
        self.writer = threading.Thread(target=self._write, daemon=True)
        self.writer.start()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _write(self) -> None:
        """In a thread: a pipe to one that hangs is full at some time."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it died; its end is heard of on the other pipe
            while (word := self.words.get()) != STOP:
                self.process.stdin.write(f"{word}\n".encode())
                self.process.stdin.flush()
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                message = json.loads(line)
                if "data" in message:
                    wanted, message["data"] = (
                        message["data"],
                        self.process.stdout.read(message["data"]),
                    )
                    if len(message["data"]) < wanted:
                        break
                self.hear(self, message)
        except ValueError:  # it died within a line
            pass
        finally:
            self.hear(self, None)
            self.process.stdout.close()  # here: elsewhere this would wait for whoever has the pipe

    def _watch(self) -> None:
        """In a thread: a process of its own may outlive it, and hold its pipe open."""
        self.process.wait()
        self.reader.join(1.0)  # for what it said last
        self.hear(self, None)

    def tell(self, word: str) -> None:
        self.words.put(word)

    def kill(self) -> None:
        self.process.kill()  # `_watch` hears of it

    def wait(self, seconds: float) -> str:
        try:
            code = self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.tell(STOP)
        self.writer.join(1.0)
        return f"signal {-code}" if code < 0 else f"exit code {code}" if code else ""
