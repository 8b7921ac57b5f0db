"""The alpha that reaches a score: a bracket, then false position, for all rows of a micro-batch at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def seek(
    value: Callable[[Tensor], Tensor],
    start: Tensor,
    wanted: Tensor,
    *,
    reach: tuple[float, float],
    tolerance: float,
    looks: int,
) -> Tensor:
    """Alphas whose scores are as near as was found to the wanted ones.

    A row looks at a quarter, a half and the whole of its reach where a direction that raises its score would
    meet it, then to the other side: far out a picture is no picture any more, and its score means little. Between 0
    and the first of these beyond the wanted score it closes in by false position with the Illinois rule, which
    keeps the bracket. Where none is beyond it the score counts as out of reach, and the nearest that was seen
    stays. What a row finds depends on the row alone.

    Args:
        value: alphas [B] -> scores [B]; one look.
        start: scores [B] at alpha 0.
        wanted: [B]; NaN where nothing is sought.
        reach: lowest and highest alpha, around 0.
        tolerance: of the score; a row within it has arrived.
        looks: calls of `value` at most.

    Returns:
        [B] float64; 0 where nothing is sought.

    Source: Dowell and Jarratt 1971, "A modified regula falsi method for computing the root of an equation".
    """
    start, wanted = start.double(), wanted.double()
    gap = start - wanted
    a, gap_a, b, gap_b = torch.zeros_like(gap), gap, torch.zeros_like(gap), gap
    best, least = a, gap.abs()
    low, high = (torch.full_like(gap, bound) for bound in reach)
    end = torch.where(gap < 0, high, low)
    other = torch.where(gap < 0, low, high)
    held = torch.zeros_like(gap, dtype=torch.bool)  # whether a and b are on two sides
    idle = wanted.isnan()
    steps = torch.zeros_like(gap)  # of the six that look for a bracket
    for _ in range(looks):
        idle = idle | (least <= tolerance)
        if bool(idle.all()):
            break
        slope = gap_b - gap_a
        between = b - gap_b * (b - a) / torch.where(slope == 0, torch.ones_like(slope), slope)
        out = torch.where(steps < 3, end, other) / 2 ** (2 - steps % 3)
        x = torch.where(held, between, out)
        x = torch.where(idle, best, x)
        now = value(x).double() - wanted
        nearer = now.abs() < least
        best, least = torch.where(nearer, x, best), torch.where(nearer, now.abs(), least)
        across = now.sign() * gap_b.sign() < 0  # of the newest point; before a bracket, of alpha 0
        a = torch.where(held & ~across, a, b)
        gap_a = torch.where(held & ~across, gap_a / 2, gap_b)
        moves = ~idle & (held | across)
        b, gap_b = torch.where(moves, x, b), torch.where(moves, now, gap_b)
        steps = steps + (~held & ~across)
        held = held | (across & ~idle)
        idle = idle | (steps > 5)
    return best
