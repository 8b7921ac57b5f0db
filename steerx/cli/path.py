"""A closed path through stops: where it is at each frame, in numbers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

Stop = tuple[float, ...]


class Easing(StrEnum):
    """How the path goes from a stop to the next."""

    smooth = "smooth"  # slow at the stops
    linear = "linear"  # everywhere as fast


def closed_path(stops: Sequence[Stop], frames: int, easing: Easing) -> list[Stop]:
    """Alphas of each frame on the way round all stops and back to the first.

    Frame i stands at i / frames of the whole length, so that the frame after the last is the first.

    Args:
        stops: alphas [K] of each, at least two, neighbours different (the last and the first too).
        frames: how many.
        easing: how fast within each part of the way.
    """
    ends = [*stops[1:], stops[0]]
    lengths = [math.dist(a, b) for a, b in zip(stops, ends, strict=True)]
    whole = math.fsum(lengths)
    path: list[Stop] = []
    for frame in range(frames):
        gone, part = whole * frame / frames, 0
        while part < len(lengths) - 1 and gone >= lengths[part]:
            gone -= lengths[part]
            part += 1
        t = min(gone / lengths[part], 1.0)
        if easing is Easing.smooth:
            t = t * t * (3 - 2 * t)
        path.append(tuple(a + t * (b - a) for a, b in zip(stops[part], ends[part], strict=True)))
    return path


def without_rests(stops: Sequence[Stop]) -> list[Stop]:
    """Stops without those that repeat the one before, all the way round."""
    kept = [stop for k, stop in enumerate(stops) if k == 0 or stop != stops[k - 1]]
    while len(kept) > 1 and kept[-1] == kept[0]:
        kept.pop()
    return kept
