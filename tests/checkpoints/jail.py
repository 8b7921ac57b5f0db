"""Runs a function on every file in a process of its own, forked after the imports, under limits."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS = 2
MEMORY = 100 << 20  # beside the file itself, above what the process held before
WATCHED = ("import", "exec", "compile", "pickle.find_class", "ctypes.dlopen", "marshal.loads")
PREFIXES = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "subprocess", "socket")
WRITES = (os.O_WRONLY, os.O_RDWR)


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Attributes:
        told: what the function returned, or "signal 9" and the like.
        seconds: of processor time.
        events: what the audit hook saw.
        lines: places in the package, "file.py:12", that a refusal came through.
    """

    told: str
    seconds: float = 0.0
    events: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def alone(path: Path, work: Callable[[Path], str]) -> Outcome:
    """`work(path)` in a child; `work` returns or raises what is told of the file."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        try:
            with os.fdopen(writable, "w") as answer:
                json.dump(_confined(path, work), answer)
        finally:
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as answer:
        text = answer.read()
    _, status, used = os.wait4(child, 0)
    seconds = used.ru_utime + used.ru_stime
    if not text or status:
        return Outcome(f"signal {status}", seconds)
    found: dict[str, Any] = json.loads(text)
    return Outcome(found["told"], found["seconds"], found["events"], found["lines"])


def _confined(path: Path, work: Callable[[Path], str]) -> dict[str, Any]:
    events: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3 in WRITES
        if watching and (event in WATCHED or event.startswith(PREFIXES) or writes):
            events.append(f"{event} {arguments!r}"[:300])

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = path.stat().st_size if path.exists() else 0
    most = pages * resource.getpagesize() + size + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    allowed = SECONDS + 1 + (size >> 30)
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed))
    sys.addaudithook(watch)
    before = time.process_time()
    lines: list[str] = []
    try:
        told = work(path)
    except BaseException as error:
        told, lines = _told(error), _lines(error)
    seconds = time.process_time() - before
    watching = False
    return {"told": told, "seconds": seconds, "events": events, "lines": lines}


def _told(error: BaseException) -> str:
    if type(error).__name__ == "CheckpointError":
        return str(error)
    return f"escaped: {error!r}"[:300]


def _lines(error: BaseException | None) -> list[str]:
    """Places in the package of an error and of those that it replaced."""
    found: list[str] = []
    while error is not None:
        for frame, line in traceback.walk_tb(error.__traceback__):
            name = frame.f_code.co_filename
            if f"steerx{os.sep}checkpoints" in name:
                found.append(f"{Path(name).name}:{line}")
        error = error.__context__
    return found
