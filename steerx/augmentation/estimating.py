"""What a job will take, from a few of its micro-batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

from .encoding import encode
from .making import pixels_of
from .records import record
from .rendering import Pictures
from .tar import BLOCK
from .values import canonical

Clock = Callable[[], float]
_ENOUGH = 1.0  # seconds of a probe


@dataclass(frozen=True)
class Estimate:
    """What a job will take.

    Attributes:
        samples, shards: how many.
        bytes: of all shards together.
        accepted: share of the pictures that were looked at which the job's rules take.
        render, encode: seconds per sample on one core (or GPU).
        bound: which of the two is slower.
    """

    samples: int
    shards: int
    bytes: int
    accepted: float
    render: float
    encode: float

    @property
    def bound(self) -> Literal["rendering", "encoding"]:
        """Which of the two is slower."""
        return "encoding" if self.encode > self.render else "rendering"


def estimate(pictures: Pictures, *, clock: Clock = time.perf_counter) -> Estimate:
    """Render and encode some samples of a plan, for a second where a batch is quicker."""
    plan = pictures.plan
    if not plan.samples:
        return Estimate(0, 0, 0, 1.0, 0.0, 0.0)
    span = plan.span(0)
    batches = cycle(span[first : first + plan.batch] for first in range(0, len(span), plan.batch))
    began = clock()
    pixels_of(pictures, span[: plan.batch])  # packs weights
    render = encoded = 0.0
    count = size = taken = 0
    while count == 0 or clock() - began < _ENOUGH:
        started, ids = clock(), next(batches)
        shown = pixels_of(pictures, ids)
        render += (clock() - started) / plan.batch * len(ids)  # a filled-up batch takes as long
        started = clock()
        places = [place for place in range(len(ids)) if not shown.refused(place)]
        files = [encode(shown.pixels[place], plan.codec) for place in places]
        encoded += clock() - started
        count += len(ids)
        taken += len(places)
        for place, data in zip(places, files, strict=True):
            told = record(plan, shown.samples, place, shown.verdict)
            about = canonical(told | {"sha256": "0" * 64})
            size += sum(BLOCK - (-len(part) // BLOCK) * BLOCK for part in (data, about))
    each = size / count
    return Estimate(
        plan.samples,
        plan.shards,
        round(each * plan.samples) + 2 * BLOCK * plan.shards,
        taken / count,
        render / count,
        encoded / count,
    )
