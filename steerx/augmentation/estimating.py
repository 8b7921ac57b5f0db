"""What a job will take, from a few of its micro-batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
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
        render, encode: seconds per picture on one core (or GPU).
        bound: which of the two is slower.
    """

    samples: int
    shards: int
    bytes: int
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
        return Estimate(0, 0, 0, 0.0, 0.0)
    span = plan.span(0)
    ids = span[: plan.batch]
    began = clock()
    pixels_of(pictures, ids)  # packs weights
    render = encoded = 0.0
    count = size = 0
    while count == 0 or clock() - began < _ENOUGH:
        started = clock()
        samples, pixels = pixels_of(pictures, ids)
        render += (clock() - started) / plan.batch * len(ids)  # a filled-up batch takes as long
        started = clock()
        files = [encode(one, plan.codec) for one in pixels]
        encoded += clock() - started
        count += len(ids)
        for place, data in enumerate(files):
            about = canonical(record(plan, samples, place) | {"sha256": "0" * 64})
            size += sum(BLOCK - (-len(part) // BLOCK) * BLOCK for part in (data, about))
    each = size / count
    return Estimate(
        plan.samples,
        plan.shards,
        round(each * plan.samples) + 2 * BLOCK * plan.shards,
        render / count,
        encoded / count,
    )
