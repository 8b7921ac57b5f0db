"""What the numbers were to be, as data: reached, missed, or not measured; and which kernels earn their room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Steps = Mapping[str, Mapping[str, Any]]
EARNS = 1.3  # times as fast as the best plain torch for the same shapes; below it a kernel goes
IN_BLOCK = 64  # the largest matrix that the eigh kernel solves itself
ADA, OURS_OF_ADA = "stylegan2_ada", "tuned / steerx"


@dataclass(frozen=True)
class Target:
    """One number.

    Attributes:
        name: what it is of.
        bound: what it is held against.
        least: whether it must be at least the bound, or at most.
        found: the number in the answers of the steps; KeyError or IndexError where it was not measured.
    """

    name: str
    bound: float
    least: bool
    found: Callable[[Steps], float]

    def judged(self, steps: Steps) -> dict[str, Any]:
        """The number and its verdict."""
        asked = f"{'>=' if self.least else '<='} {self.bound:g}"
        try:
            number = float(self.found(steps))
        except (KeyError, IndexError, TypeError, ValueError):
            return {"target": self.name, "asked": asked, "found": None, "verdict": "not measured"}
        reached = number >= self.bound if self.least else number <= self.bound
        verdict = "reached" if reached else "missed"
        return {"target": self.name, "asked": asked, "found": number, "verdict": verdict}


def of_batch(steps: Steps, step: str, batch: int, key: str) -> float:
    """A number of a step's row for a batch size."""
    if step == ADA and not all(steps[step]["plugins"].values()):
        raise KeyError(
            "its kernels were not compiled, so that what was timed is not what people run"
        )
    return float(next(iter(r[key] for r in steps[step]["rows"] if r["batch"] == batch)))


def least_ratio(rows: list[Mapping[str, Any]]) -> float:
    """The worst of a table; all of its rows must have been measured."""
    return min(float(row["ratio"]) for row in rows)


TARGETS = (
    Target(
        "config-f 1024, batch 8: times as fast as tuned stylegan2-ada", 2.0, True,
        lambda steps: of_batch(steps, ADA, 8, OURS_OF_ADA),
    ),
    Target(
        "config-f 1024, batch 8: the same, stretch", 3.0, True,
        lambda steps: of_batch(steps, ADA, 8, OURS_OF_ADA),
    ),
    Target(
        "config-f 1024, batch 1: times as fast as tuned stylegan2-ada", 3.0, True,
        lambda steps: of_batch(steps, ADA, 1, OURS_OF_ADA),
    ),
    Target(
        "config-f 1024, batch 8: share of the 0.21 ms floor, stretch", 0.4, True,
        lambda steps: of_batch(steps, "pictures", 8, "share_of_floor"),
    ),
    Target(
        "eigh, its worst sizes: times as fast as the library's batched call", 1.0, True,
        lambda steps: least_ratio(steps["mining"]["eigh"]["rows"]),
    ),
    Target(
        "PCA: time against six lines of torch", 1.1, False,
        lambda steps: 1 / steps["mining"]["components"]["ratio"],
    ),
    Target(
        "PCA: memory for four times the codes, against once", 1.2, False,
        lambda steps: steps["mining"]["components"]["growth"],
    ),
)  # fmt: skip


def table(steps: Steps) -> list[dict[str, Any]]:
    """Every target with its verdict."""
    return [target.judged(steps) for target in TARGETS]


def line(row: Mapping[str, Any]) -> str:
    """A target's line."""
    found = "" if row["found"] is None else f", found {row['found']:.3g}"
    return f"{row['verdict']:13s} {row['target']}: {row['asked']}{found}"


KERNELS: dict[str, Callable[[Steps], list[Any]]] = {
    "style_layer": lambda steps: steps["whole_layers"]["rows"],
    "eigh, n <= 64": lambda steps: [
        row for row in steps["mining"]["eigh"]["rows"] if row["n"] <= IN_BLOCK
    ],
    "moments": lambda steps: steps["mining"]["moments"]["rows"],
    "weight_covariance": lambda steps: [steps["mining"]["weight_covariance"]],
    "the fused renderer": lambda steps: steps["pictures"]["rows"],
}


def room(steps: Steps) -> list[str]:
    """Of every kernel that a plan might choose: where it earns its room."""
    lines = []
    for name, rows in KERNELS.items():
        try:
            ratios = [float(row["ratio"]) for row in rows(steps)]
            earned = sum(ratio >= EARNS for ratio in ratios)
            said = f"{earned} of {len(ratios)} ({min(ratios):.2f}x to {max(ratios):.2f}x)"
        except (KeyError, TypeError, ValueError):
            said = "not measured"
        lines.append(f"{name}: {EARNS}x the best of plain torch or more: {said}")
    return lines
