"""Alphas that reach a score."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from steerx.augmentation.seeking import seek

Curve = Callable[[Tensor], Tensor]
TOLD = {"reach": (-6.0, 6.0), "tolerance": 0.01}
WANTED = torch.tensor([-0.9, -0.2, 0.0, 0.3, 0.8, torch.nan])


def sought(curve: Curve, wanted: Tensor, looks: int = 30) -> tuple[Tensor, int]:
    seen: list[Tensor] = []

    def value(alphas: Tensor) -> Tensor:
        seen.append(alphas.clone())
        return curve(alphas)

    found = seek(value, curve(torch.zeros(len(wanted))), wanted, looks=looks, **TOLD)  # type: ignore[arg-type]
    assert all(-6 <= float(x) <= 6 for alphas in seen for x in alphas)
    return found, len(seen)


@pytest.mark.parametrize(
    "curve",
    [
        lambda a: a / 4,
        lambda a: -a / 4 + 0.1,
        lambda a: torch.tanh(2 * a),
        lambda a: torch.tanh(a**3) + 0.01,
        lambda a: torch.sin(a),  # both ends of the reach are on one side
        lambda a: torch.where(a > 2, 1.0, -1.0) * (a - 2).abs().clamp(max=1),
    ],
)
def test_it_reaches_what_can_be_reached(curve: Curve) -> None:
    found, looks = sought(curve, WANTED)
    away = (curve(found) - WANTED).abs()
    assert bool((away[:-1] <= 0.01).all()), away
    assert looks < 30 and float(found[-1]) == 0


def test_out_of_reach_gives_the_nearest_and_says_so_by_its_score() -> None:
    found, looks = sought(lambda a: a / 10, torch.tensor([2.0, -2.0, 0.3]))
    assert found[:2].tolist() == [6, -6] and abs(float(found[2]) - 3) < 0.1
    assert looks == 6
    flat, looks = sought(lambda a: torch.zeros_like(a), torch.tensor([1.0]))
    assert flat.tolist() == [0] and looks == 6


def test_looks_are_bounded_and_the_best_one_stays() -> None:
    def curve(a: Tensor) -> Tensor:
        return torch.expm1(a)

    wanted = torch.tensor([2.0, -0.5])
    gaps = []
    for looks in range(1, 12):
        found, count = sought(curve, wanted, looks)
        assert count <= looks
        gaps.append((curve(found) - wanted).abs())
    assert all(bool((b <= a).all()) for a, b in pairwise(gaps))
    assert bool((gaps[-1] <= 0.01).all())


def test_a_row_does_not_depend_on_the_others() -> None:
    together, _ = sought(lambda a: torch.tanh(a / 2), WANTED)
    for row in range(len(WANTED)):
        alone, _ = sought(lambda a: torch.tanh(a / 2), WANTED[row : row + 1])
        assert float(alone) == float(together[row])
