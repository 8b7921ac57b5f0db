"""How attributes hang together: in the scores, between boundaries, and as the codes predict it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._marks import marked
from .directions import Directions
from .moments import Moments

Scores = Tensor | NDArray[Any]
ROUNDING = 1e-7  # of a float32 score


@dataclass(frozen=True)
class Correlation:
    """Three numbers per pair of attributes, which are different things.

    Attributes:
        names: of the A attributes.
        scores: [A, A] float64, Pearson correlation of the scores: what the pictures did.
        cosines: [A, A], plain cosines of the boundaries, or None without directions: geometry. In
            z, where codes are uncorrelated, it is also a prediction of `scores`; in w it is none.
        predicted: [A, A], correlation of what the boundaries read off codes of the set's covariance
            (n_iᵀ S n_j / sqrt(n_iᵀ S n_i · n_jᵀ S n_j)), or None without a covariance or for
            patterns, which read nothing: what linear scores would do.
        count: rows with a score of every attribute, which are the ones counted.
        dropped: rows without one.
    """

    names: tuple[str, ...]
    scores: Tensor
    cosines: Tensor | None
    predicted: Tensor | None
    count: int
    dropped: int


def correlate(
    scores: Scores | Iterable[Scores],
    directions: Directions | None = None,
    *,
    names: Sequence[str] | None = None,
    invalid: float | None = None,
) -> Correlation:
    """Correlation of score columns, beside what the boundaries of the same attributes say.

    Args:
        scores: [N, A], or chunks of it [n, A], which are read once and not kept.
        directions: boundaries that have a direction for every one of `names` (others are left out).
        names: of the columns; None = the directions' own, in their order.
        invalid: score that marks a row without one, which is dropped whole (NaN may be one).

    Raises:
        ValueError: shapes or names that do not fit, scores that are not finite or constant.

    Source: Shen et al., "Interpreting the latent space of GANs for semantic face editing", CVPR
        2020, section 4.3; Pearson's correlation.

    Example:
        >>> correlate(scores, D.directions_).scores  # doctest: +SKIP
    """
    moments, dropped, columns = Moments(), 0, None if names is None else len(names)
    if names is None and directions is not None:
        names, columns = directions.names, len(directions)
    chunks = [scores] if isinstance(scores, (Tensor, np.ndarray)) else scores
    for chunk in chunks:
        rows, count = _valid(chunk, columns, invalid)
        columns, dropped = rows.shape[1], dropped + count - len(rows)
        if len(rows):
            moments.add(rows)
    if moments.count < 2:
        raise ValueError(
            f"correlate: at least 2 rows with every score are needed, got {moments.count} and "
            f"{dropped} without; score more codes"
        )
    said = (
        tuple(names) if names is not None else tuple(f"attribute{k}" for k in range(columns or 0))
    )
    covariance = moments.covariance()
    spread = covariance.diagonal().clamp_min(0).sqrt()
    flat = spread <= ROUNDING * moments.mean.abs()  # a column of noughts included
    if bool(flat.any()):
        constant = ", ".join(said[int(k)] for k in flat.nonzero().flatten())
        raise ValueError(
            f"correlate: the scores of {constant} are constant, so nothing goes with them; leave the "
            "column out, or score codes that vary"
        )
    cosines, predicted = _of_boundaries(directions, said)
    return Correlation(
        names=said,
        scores=(covariance / torch.outer(spread, spread)).clamp(-1, 1),
        cosines=cosines,
        predicted=predicted,
        count=moments.count,
        dropped=dropped,
    )


def _of_boundaries(
    directions: Directions | None, names: tuple[str, ...]
) -> tuple[Tensor | None, Tensor | None]:
    if directions is None:
        return None, None
    missing = [name for name in names if name not in directions.names]
    if missing:
        raise ValueError(
            f"correlate: no direction is named {', '.join(missing)}; the directions are "
            f"{', '.join(directions.names)}; rename them, or give names="
        )
    picked = directions[list(names)]
    if picked.covariance is None or picked.kind != "filter":
        return picked.cosines(), None
    return picked.cosines(), picked.cosines(metric="covariance")


def _valid(chunk: Scores, columns: int | None, invalid: float | None) -> tuple[Tensor, int]:
    """Rows [n', A] in float64 that have every score, and how many came."""
    y = chunk.detach() if isinstance(chunk, Tensor) else np.asarray(chunk)
    if isinstance(y, np.ndarray) and y.dtype.kind in "fiub":
        y = torch.from_numpy(np.ascontiguousarray(y, dtype=np.float64))
    expected = "A" if columns is None else f"A = {columns}"
    wrong = not isinstance(y, Tensor) or y.dim() != 2 or y.shape[1] == 0 or y.is_complex()
    if isinstance(y, np.ndarray) or wrong or (columns is not None and y.shape[1] != columns):
        raise ValueError(
            f"correlate: scores must be numbers [N, {expected}], one column per attribute, got "
            f"{y.dtype} {list(y.shape)}"
        )
    y = y.double()
    rows = y[~marked(y, invalid).any(dim=1)]
    bad = int((~rows.isfinite()).sum())
    if bad:
        raise ValueError(
            f"correlate: {bad} scores are not finite; drop these rows, or mark codes without a score "
            "by invalid="
        )
    return rows, len(y)
