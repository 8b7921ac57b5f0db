"""What every bench is made of: a case, ours beside one or more baselines that compute the same."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.ratios import Case, Side, main

OURS = "steerx"
Sides = Mapping[str, Callable[[], Any]]  # the first is ours, the others what it is compared with


@dataclass(frozen=True)
class Row:
    """One side of one case.

    Attributes:
        case: what is computed, and on what.
        side: who computes it.
        build: makes the sides of the case, once.
        tolerance: largest difference of results against the largest entry; None = not the same thing.
    """

    case: str
    side: str
    build: Callable[[], Sides]
    tolerance: float | None


def rows(
    case: str, names: str, build: Callable[[], Sides], *, tolerance: float | None = 1e-4
) -> Iterator[Any]:
    """Parameters of a bench: one per side; `names` are separated by commas, ours first."""
    build = functools.cache(build)
    for side in names.split(", "):
        yield pytest.param(Row(case, side, build, tolerance), id=f"{case}: {side}")


def agreed(row: Row) -> Callable[[], Any]:
    """What one side calls, after checking that it computes what ours does."""
    sides = row.build()
    ours, call = next(iter(sides.values())), sides[row.side]
    if row.tolerance is not None and call is not ours:
        first, second = (np.asarray(side(), dtype=float) for side in (ours, call))
        assert first.shape == second.shape, f"{row.case}: {row.side} gives {second.shape}"
        error = np.abs(first - second).max() / max(np.abs(first).max(), 1e-30)
        assert error <= row.tolerance, f"{row.case}: {row.side} differs by {error:.2g}"
    return call


def timed(benchmark: BenchmarkFixture, row: Row) -> None:
    """Time one side of a case that all its sides agree on."""
    with torch.no_grad():
        call = agreed(row)
        benchmark.group = row.case
        benchmark.extra_info.update(side=row.side, ours=row.side == OURS)
        benchmark(call)


def quoted(name: str, parameters: list[Any]) -> None:
    """Interleaved medians and ratios of a whole bench: the numbers that may be quoted."""
    table: dict[str, list[Side]] = {}
    for parameter in parameters:
        (row,) = parameter.values
        table.setdefault(row.case, []).append(Side(row.side, row.build()[row.side]))
    main(name, [(sides, Case(case, ())) for case, sides in table.items()])
