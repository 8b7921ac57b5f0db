"""What a linear-Gaussian calculation expects of ridge and mean; the svm has no closed form.

Codes x ~ N(0, S) in D dimensions, score y = n.x + noise with a share R2 of its variance read by n. The
cosine is taken in the metric S (in z, S = I and it is the plain one); whitened, the error of an estimate
is isotropic in the D - 1 dimensions that n does not see.

Least squares on N codes: the error has variance (1 - R2) / (N - D - 1) per dimension against a signal R2,
    cos = 1 / sqrt(1 + (D - 1)(1 - R2) / ((N - D - 1) R2)).
Class means of the extremes: the codes above the quantile 1 - r have mean lambda sqrt(R2) along n and
nothing else, lambda = phi(q) / r, q = the quantile. With m codes per class the difference of the means is
2 lambda sqrt(R2) along n, with variance 2 / m per other dimension. Read as a pattern (S^-1 d is the filter):
    cos = 1 / sqrt(1 + (D - 1) / (2 m R2 lambda^2)).
Read as a filter, which it is not, d is S n + noise of covariance 2 S / m, so with s = n'S n:
    cos = a n'S^2 n / sqrt(s (a^2 n'S^3 n + 2 tr(S^2) / m)),  a = 2 lambda sqrt(R2 / s).
"""

from __future__ import annotations

from statistics import NormalDist

import torch
from torch import Tensor


def least_squares(count: float, size: int, r2: Tensor) -> Tensor:
    """Expected cosine [F] of least squares on `count` codes."""
    return 1 / (1 + (size - 1) * (1 - r2) / ((count - size - 1) * r2)).sqrt()


def extreme(ratio: float) -> float:
    """lambda(r): mean of a standard normal number above its quantile 1 - r."""
    normal = NormalDist()
    return normal.pdf(normal.inv_cdf(1 - ratio)) / ratio


def class_means(count: int, ratio: float, split: float, size: int, r2: Tensor) -> Tensor:
    """Expected cosine [F] of the difference of class means, read as a pattern."""
    per_class = int(int(count * ratio) * split)
    return 1 / (1 + (size - 1) / (2 * per_class * r2 * extreme(ratio) ** 2)).sqrt()


def class_means_as_filter(
    count: int, ratio: float, split: float, r2: Tensor, n: Tensor, covariance: Tensor
) -> Tensor:
    """Expected cosine [F] in the metric S of the difference of class means with the filters n [F, D]."""
    per_class = int(int(count * ratio) * split)
    powers = [n]
    for _ in range(3):
        powers.append(powers[-1] @ covariance)
    s, s2, s3 = ((n * p).sum(dim=1) for p in powers[1:])
    a = 2 * extreme(ratio) * (r2 / s).sqrt()
    noise = 2 * float(covariance.square().sum()) / per_class
    return a * s2 / (s * (a.square() * s3 + noise)).sqrt()


def regression_count(count: int, ratio: float, split: float) -> int:
    """Codes that ridge sees: all that do not validate."""
    size = int(count * ratio)
    return count - 2 * (size - int(size * split))


def step_length(vectors: Tensor, covariance: Tensor) -> Tensor:
    """Mahalanobis length [K] of a step of one standard deviation of the codes along each vector.

    1 is the least: a principal axis. A step of length l goes as far out as a code that is l standard
    deviations from the mean, of which the readout along the vector sees only one.
    """
    along = ((vectors @ covariance) * vectors).sum(dim=1)
    across = (torch.linalg.solve(covariance, vectors.T).T * vectors).sum(dim=1)
    return (along * across).clamp_min(1.0).sqrt()
