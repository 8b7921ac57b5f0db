"""Workers that are processes of this machine, told by a pipe."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading

from .crew import STOP, Hear, Order, Worker


class Process(Worker):
    """`python -m steerx.augmentation.worker`."""

    def __init__(self, order: Order, hear: Hear) -> None:
        super().__init__(order, hear)
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "steerx.augmentation.worker",
            ],  # -P: no module of this folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self.tell(order.model_dump_json())
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                self.hear(self, json.loads(line))
        except ValueError:  # it died within a line
            pass
        finally:
            self.hear(self, None)

    def tell(self, word: object) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it died; its end is heard of on the other pipe
            if word == STOP:
                self.process.stdin.close()
                return
            self.process.stdin.write(f"{word}\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.hear(self, None)  # a child of its own may hold its pipe open

    def wait(self, seconds: float) -> str:
        try:
            code = self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        return f"signal {-code}" if code < 0 else f"exit code {code}" if code else ""
