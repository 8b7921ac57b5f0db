"""Faults of tests: a process that kills itself, or is refused, at one call of the system while it writes.

The calls are those that change a disk. A point is a place before or after one of them, so that between two points
nothing that survives a kill has changed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from steerx.augmentation import Pictures, run
from tests.augmentation.jobs import contents, pictures

CALLS = ("open", "write", "fsync", "replace", "link", "unlink", "ftruncate", "mkdir")
Fault = Callable[[int, str, bool], None]  # number of the point, call, before it


class _Handle:
    """A file whose writes are points."""

    def __init__(self, handle: Any, watched: Callable[..., Any]) -> None:
        self._handle, self._watched = handle, watched

    def __enter__(self) -> _Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)

    def write(self, data: bytes) -> int:
        return self._watched("handle.write", self._through, data)

    def _through(self, data: bytes) -> int:
        done = self._handle.write(data)
        self._handle.flush()  # a kill must find on the disk what was written before it
        return done


@contextmanager
def faulty(fault: Fault) -> Iterator[None]:
    """Call `fault` at every point of what is written in this block."""
    points = iter(range(1 << 30))

    def watched(name: str, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        fault(next(points), name, True)
        result = call(*given, **named)
        fault(next(points), name, False)
        return result

    def opening(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            if name == "open" and not given[1] & (os.O_WRONLY | os.O_RDWR):
                return call(*given, **named)
            return watched(name, call, *given, **named)

        return called

    patches = [mock.patch.object(os, name, opening(name, getattr(os, name))) for name in CALLS]
    fdopen = os.fdopen
    patches.append(mock.patch.object(os, "fdopen", lambda *given: _Handle(fdopen(*given), watched)))
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def count_points(folder: Path, **policy: Any) -> list[tuple[str, bool]]:
    """The call of every point of a job, in order, and whether it is before it; makes the job."""
    seen: list[tuple[str, bool]] = []
    with faulty(lambda number, name, before: seen.append((name, before))):
        run(pictures(**policy), folder)
    return seen


def in_a_child(work: Callable[[], object]) -> int:
    """Status of a process that does this and nothing else."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def killed_at(point: int, folder: Path, **policy: Any) -> None:
    """Run a job in a process that is killed at a point."""

    def kill(number: int, name: str, before: bool) -> None:
        if number == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        with faulty(kill):
            run(pictures(**policy), folder)

    status = in_a_child(work)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status


@contextmanager
def room_for(most: int, *, first: int = 8, last: int = 15) -> Iterator[None]:
    """A memory in which batches of some samples hold so many pictures at most."""
    render = Pictures.render

    def narrow(self: Pictures, samples: Any) -> torch.Tensor:
        if len(samples.ids) > most and any(first <= n <= last for n in samples.ids.tolist()):
            raise torch.OutOfMemoryError("no room")
        return render(self, samples)

    with mock.patch.object(Pictures, "render", narrow):
        yield


def nothing_is_partial(folder: Path, whole: dict[str, bytes]) -> int:
    """Check that every file under a final name is what it will stay; count temporary ones."""
    found = contents(folder) if folder.is_dir() else {}
    temporary = [name for name in found if Path(name).name.startswith(".steerx-")]
    finals = {name: data for name, data in found.items() if name not in temporary}
    assert {name: whole[name] for name in finals} == finals
    for name in finals:  # what is said to be done is done
        if name.endswith(".tar.json"):
            assert name.removesuffix(".json") in finals
        if name == "_SUCCESS":
            assert set(finals) == set(whole)
    return len(temporary)
