"""A crew that makes the shards of a job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..scoring.naming import from_anywhere
from ..working import Crew as AnyCrew
from ..working import Message, Order, Stop
from ..working.driving import Work, driving
from . import errors
from .errors import AugmentError
from .folder import Folder
from .making import Made, Watch


@dataclass(frozen=True)
class Crew(AnyCrew):
    """Who makes the shards.

    Attributes:
        network, devices, dtype, patience, ray: see `steerx.working.Crew`.
        encoders: threads that encode, in each.
        scorer: what they score by, as `scoring.naming.scorer_at` knows it.
    """

    encoders: int = 1
    scorer: str | None = None


class ShardsOrder(Order):
    """What a worker that makes shards is told first."""

    folder: str
    encoders: int
    scorer: str | None


def make_by_crew(
    folder: Folder, crew: Crew, shards: Sequence[int], *, stop: Stop, watch: Watch
) -> Made:
    """Make shards by a crew; the same bytes as in this process.

    Args:
        folder: locked, with the inputs of its plan.
        crew: how many, and where.
        shards: to be made.
        stop: ends the workers when it was asked to.
        watch: is told how many samples were written.

    Raises:
        Stopped, OSError, AugmentError: as `making.make`.
        CrewError: workers cannot be had.
    """
    shared = _Shards(folder, crew, shards, watch)
    try:
        with driving(crew, shared) as driver:
            while driver.workers:
                stop.check()
                driver.listen()
        if driver.waiting:
            raise AugmentError("the workers ended before all shards were made; run it again")
        return shared.made
    finally:
        if folder.alone:
            folder.sweep()


class _Shards(Work):
    """Shards to be made, and what was."""

    def __init__(self, folder: Folder, crew: Crew, shards: Sequence[int], watch: Watch) -> None:
        from .worker import work

        self.task, self.pieces = work, shards
        self.errors = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
        self.folder, self.crew, self.watch = folder, crew, watch
        self.made = Made()

    def order(self, device: str) -> Order:
        return ShardsOrder(
            **self.crew.loading(device),
            backend=self.folder.plan.backend,
            folder=str(self.folder.path.absolute()),
            encoders=self.crew.encoders,
            scorer=None if self.crew.scorer is None else from_anywhere(self.crew.scorer),
        )

    def heard(self, message: Message) -> None:
        self.watch(message["wrote"])

    def ended(self, piece: int, message: Message) -> None:
        if message["reason"]:
            self.made.failed[piece] = message["reason"]
        else:
            self.made.shards += 1

    def given_up(self, piece: int, reason: str) -> None:
        self.folder.fail(piece, reason)
        self.made.failed[piece] = reason

    def gone(self, how: str, pieces: Sequence[int]) -> None:
        self.folder.note(event="gone", time=time.time(), how=how, shards=list(pieces))
