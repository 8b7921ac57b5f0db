"""Three linear boundaries between codes of high and of low score, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_RIDGE_GRID = tuple(10.0**e for e in range(-5, 2))


class Boundary(NamedTuple):
    """The hyperplane normal . code + intercept = 0; `normal` [D] is unit, towards high scores."""

    normal: Tensor
    intercept: float


def svm(positive: Tensor, negative: Tensor, *, C: float) -> Boundary:
    """The published boundary: scikit-learn's SVC of kernel "linear", intercept unpenalised.

    Args:
        positive: codes [P, D] of class 1.
        negative: codes [Q, D] of class 0.
        C: weight of the hinge loss against half the squared norm of the coefficients.
    """
    from sklearn.svm import SVC

    rows = torch.cat([positive, negative]).double().cpu().numpy()
    classes = np.repeat([1, 0], [len(positive), len(negative)])
    fitted = SVC(kernel="linear", C=C).fit(rows, classes)
    normal = torch.tensor(fitted.coef_[0], dtype=torch.float64)
    return _unit(normal, float(fitted.intercept_[0]))


def mean(positive: Tensor, negative: Tensor) -> Boundary:
    """The plane halfway between the two class means, normal to their difference."""
    high, low = positive.double().mean(dim=0), negative.double().mean(dim=0)
    normal = high - low
    return _unit(normal, -float(normal @ (high + low)) / 2)


def ridge(
    codes: Tensor, scores: Tensor, positive: Tensor, negative: Tensor, *, chunk: int = 65_536
) -> Boundary:
    """Normal of a ridge regression of the scores; the plane is halfway between the class means.

    n = argmin ||X n - y||^2 / N + a ||n||^2 on centred data, a = r tr(S) / D with the r of 1e-5 ...
    10 whose generalised cross-validation error (RSS / N) / (1 - df / N)^2 is smallest; one
    eigendecomposition of S serves all r.

    Args:
        codes: [N, D], all codes with a score.
        scores: [N].
        positive: codes [P, D] of the highest scores.
        negative: codes [Q, D] of the lowest scores.
        chunk: rows that are held in float64 at a time.

    Source: Golub, Heath and Wahba, "Generalized cross-validation", Technometrics 1979.
    """
    count, size = codes.shape
    y = scores.double() - scores.double().mean()
    centre = sum(part.double().sum(dim=0) for part in torch.split(codes, chunk)) / count
    gram = codes.new_zeros(size, size, dtype=torch.float64)
    pull = codes.new_zeros(size, dtype=torch.float64)
    for part, target in zip(torch.split(codes, chunk), torch.split(y, chunk), strict=True):
        rows = part.double() - centre
        gram += rows.T @ rows / count
        pull += rows.T @ target / count
    values, columns = torch.linalg.eigh(gram)
    values, turned = values.clamp_min(0), columns.T @ pull
    best, least = None, float("inf")
    for relative in _RIDGE_GRID:
        shifted = values + relative * values.mean()
        n = turned / shifted
        residual = float(y.square().mean() - 2 * (n @ turned) + (values * n.square()).sum())
        freedom = 1 - min(float((values / shifted).sum()) + 1, count - 1e-9) / count
        error = max(residual, 0.0) / freedom**2
        if best is None or error < least:
            best, least = n, error
    assert best is not None
    normal = columns @ best
    halfway = (positive.double().mean(dim=0) + negative.double().mean(dim=0)) / 2
    return _unit(normal, -float(normal @ halfway))


def _unit(normal: Tensor, intercept: float) -> Boundary:
    length = float(torch.linalg.vector_norm(normal))
    if not length > 0:
        raise ValueError(
            "InterFaceGAN: the codes of high and of low scores do not differ, so there is no "
            "direction; check that codes and scores belong together"
        )
    return Boundary(normal / length, intercept / length)
