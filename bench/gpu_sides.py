"""Sides that compute the same, checked to agree before they are timed in turn: which is faster, and how much."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from bench.gpu_device import Device, relative

Answer = dict[str, Any]
OURS = "steerx"


def compared(
    device: Device,
    sides: Mapping[str, Callable[[], Tensor]],
    truth: Tensor,
    *,
    within: float,
    ours: str = OURS,
    cold: bool = False,
    shared: Tensor | None = None,
) -> Answer:
    """Milliseconds of every side that agrees, the faster one, and how often ours goes into the best other.

    Args:
        device: where.
        sides: by name; each makes the same thing.
        truth: that thing.
        within: relative L2 that a side may differ by; one that differs more is named under "wrong" and not timed.
        ours: the side that is judged.
        cold: time with an empty second-level cache.
        shared: what all sides write into, if they do; NaN before each is judged.

    Returns:
        "ms", "relative_L2" by side, "faster" and "ratio" (time of the best other side / time of ours: above 1
        ours is faster), and "wrong" where a side is.
    """
    errors = {}
    for name, work in sides.items():
        if shared is not None:
            shared.fill_(math.nan)
        errors[name] = relative(work(), truth)
    wrong = [
        f"{name} differs by {e:.2g}, not {within:g}" for name, e in errors.items() if e > within
    ]
    right = {name: work for name, work in sides.items() if errors[name] <= within}
    ms = {name: round(t, 5) for name, t in device.in_turn(right, cold=cold).items()}
    said = {k: float(f"{e:.3g}") if math.isfinite(e) else None for k, e in errors.items()}
    answer: Answer = {"ms": ms, "relative_L2": said}
    others = [time for name, time in ms.items() if name != ours]
    if ours in ms and others:
        answer |= {
            "faster": min(ms, key=lambda name: ms[name]),
            "ratio": round(min(others) / max(ms[ours], 1e-9), 3),
        }
    return answer | ({"wrong": wrong} if wrong else {})


def gathered(rows: list[Answer], what: str) -> Answer:
    """An answer made of rows, with what is wrong in any of them said once more on top."""
    wrong = [f"{row.get(what)}: {said}" for row in rows for said in row.get("wrong", [])]
    return {"rows": rows} | ({"wrong": wrong} if wrong else {})


def verdict(rows: list[Answer]) -> str:
    """Of a table: how often ours is faster, and by how much."""
    ratios = [row["ratio"] for row in rows if "ratio" in row]
    if not ratios:
        return "no two sides to compare"
    return (
        f"ours is faster in {sum(ratio > 1 for ratio in ratios)} of {len(ratios)} "
        f"({min(ratios):.2f}x to {max(ratios):.2f}x)"
    )
