"""Which codes train a boundary: the highest and the lowest scores, and who validates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._marks import marked

if TYPE_CHECKING:
    from .boundaries import Boundary
    from .interfacegan import InterFaceGAN

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Extremes:
    """Row numbers of the codes of one attribute.

    Attributes:
        size: m, codes per class.
        train_high, train_low: rows that train, of the m highest and the m lowest scores.
        test_high, test_low: the rest of the two classes, which validates.
        middle: all other rows with a score.
        middle_high: whether each of `middle` has a score of at least the middle of the range.
    """

    size: int
    train_high: Rows
    train_low: Rows
    test_high: Rows
    test_low: Rows
    middle: Rows
    middle_high: NDArray[np.bool_]

    @property
    def not_validating(self) -> Rows:
        """All rows with a score but those that validate."""
        return np.concatenate([self.train_high, self.middle, self.train_low])

    def accuracy(self, part: str, codes: Tensor, boundary: Boundary) -> float:
        """Share of the codes of "train", "validation" or "middle" on their own side, or NaN."""
        if part == "middle":
            rows, high = self.middle, self.middle_high
        else:
            sides = (
                (self.train_high, self.train_low)
                if part == "train"
                else (self.test_high, self.test_low)
            )
            rows, high = np.concatenate(sides), np.repeat([True, False], [len(s) for s in sides])
        if not len(rows):
            return math.nan
        # The published rule puts a code that lies exactly on the plane on the positive side.
        distances = codes[rows].double() @ boundary.normal.to(codes.device) + boundary.intercept
        return float(((distances >= 0) == torch.from_numpy(high).to(codes.device)).double().mean())


def columns(scores: Tensor | NDArray[Any], count: int) -> NDArray[np.float64]:
    """Scores as [N, A'] on the host, or an error that says what came."""
    y = scores.detach().double().cpu().numpy() if isinstance(scores, Tensor) else np.asarray(scores)
    y = y[:, None] if y.ndim == 1 else y
    if y.ndim != 2 or len(y) != count or y.shape[1] == 0 or y.dtype.kind not in "fiub":
        raise ValueError(
            f"InterFaceGAN: scores must be numbers [N] or [N, A'] with N = {count} (the codes), "
            f"got {y.dtype} {list(y.shape)}"
        )
    return y.astype(np.float64)


def choose(
    y: NDArray[np.float64], name: str, method: InterFaceGAN, generator: np.random.RandomState
) -> Extremes:
    """Sort the scores [N] of one attribute and split their extremes.

    Raises:
        ValueError: scores that are not finite, do not differ, or are too few per class.
    """
    said = f'InterFaceGAN: scores of "{name}"'
    if not (0 < method.ratio < math.inf and 0 < method.split <= 1):
        raise ValueError(
            f"InterFaceGAN: ratio must be above 0 and split in (0, 1], got ratio={method.ratio}, "
            f"split={method.split}"
        )
    if method.ratio > 1 and method.ratio != int(method.ratio):
        raise ValueError(
            f"InterFaceGAN: a ratio above 1 is a number of codes and must be whole, got "
            f"ratio={method.ratio}; a share of the codes is at most 1"
        )
    if method.compat not in (None, "interfacegan"):
        raise ValueError(
            f'InterFaceGAN: compat must be None or "interfacegan", got {method.compat!r}'
        )
    valid = np.flatnonzero(~marked(torch.tensor(y), method.invalid).numpy())
    bad = int((~np.isfinite(y[valid])).sum())
    if bad:
        raise ValueError(
            f"{said} hold {bad} values that are not finite; drop them, or mark codes without a "
            "score by invalid="
        )
    order = valid[np.argsort(y[valid])[::-1]]
    count = len(order)
    size = min(int(count * method.ratio) if method.ratio <= 1 else int(method.ratio), count // 2)
    train = int(size * method.split)
    if train < 2:
        raise ValueError(
            f"{said}: ratio={method.ratio} of {count} codes leaves {train} training codes per "
            "class, at least 2 are needed; give more codes or a larger ratio"
        )
    if y[order[size - 1]] <= y[order[-size]]:
        raise ValueError(
            f"{said}: the {size} highest and the {size} lowest scores meet at {y[order[-size]]:g}, "
            "so the two classes are one; the scores are constant or have too few different values "
            "for this ratio"
        )
    high, low = _shuffled(order[:size], generator), _shuffled(order[-size:], generator)
    middle = order[size:-size]
    return Extremes(
        size=size,
        train_high=high[:train],
        train_low=low[:train],
        test_high=high[train:],
        test_low=low[train:],
        middle=middle,
        middle_high=y[middle] >= (y[order[0]] + y[order[-1]]) / 2,
    )


def _shuffled(rows: Rows, generator: np.random.RandomState) -> Rows:
    places = np.arange(len(rows))
    generator.shuffle(places)  # the order of the published code, positives first
    return rows[places]
