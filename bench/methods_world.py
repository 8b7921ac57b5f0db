"""The drawn world as numbers: codes, truth, and the linear readouts that truth has in z and in w."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from steerx import Directions, faces
from steerx._seeds import normal, subkey
from steerx.generators import Generator

REFERENCE_KEY = 1_000_003  # no training draw has this key
FACTORS = faces.FACTORS


@dataclass(frozen=True)
class Codes:
    """Codes of one draw and what is true of them.

    Attributes:
        z, w: [N, 64] each.
        truth: [N, F] float64.
    """

    z: Tensor
    w: Tensor
    truth: Tensor

    def of(self, space: str) -> Tensor:
        return self.z if space == "z" else self.w


@dataclass(frozen=True)
class Readout:
    """Least squares of the truth on the codes of one space: what a linear filter can read at best.

    Attributes:
        space: "z" or "w".
        directions: unit filters, with the covariance of the codes.
        coefficients: [F, D] float64, in units of the factor.
        covariance: S [D, D] float64.
        r2: [F], share of a factor's variance that its filter reads.
        sigma: [F], standard deviation of the factor.
    """

    space: str
    directions: Directions
    coefficients: Tensor
    covariance: Tensor
    r2: Tensor
    sigma: Tensor


@torch.no_grad()
def draw(G: Generator, count: int, key: int, start: int = 0) -> Codes:
    """Codes numbered start ... start + count - 1 of a draw; code i depends on (key, i) alone."""
    z = normal(subkey(key, 1), torch.arange(start, start + count), G.z_dim)
    return Codes(z, G.mapping(z), faces.factors(z).double())


def readout(codes: Codes, space: str) -> Readout:
    """Fit all factors at once, in float64."""
    x = codes.of(space).double()
    x, y = x - x.mean(dim=0), codes.truth - codes.truth.mean(dim=0)
    covariance = x.T @ x / len(x)
    coefficients = torch.linalg.solve(covariance, x.T @ y / len(x)).T
    residual = (y - x @ coefficients.T).square().mean(dim=0)
    unit = coefficients / coefficients.norm(dim=1, keepdim=True)
    directions = Directions(unit.float(), space=space, names=FACTORS, covariance=covariance.float())
    variance = y.square().mean(dim=0)
    return Readout(
        space, directions, coefficients, covariance, 1 - residual / variance, variance.sqrt()
    )


def true_directions(reference: Readout) -> Tensor:
    """Unit filters [F, Z] in z: exact where a factor is linear, regressed where it is not."""
    known = torch.stack(list(faces.directions().values())).double()
    regressed = reference.directions.vectors.double()
    curved = torch.tensor([name in faces.truth.BINARY_FACTORS for name in FACTORS])
    return torch.where(curved[:, None], regressed, known)


def gaussian_twin(reference: Readout, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Codes [N, D] and factors [N, F] of a linear-Gaussian world with the same S, filters and R2."""
    random = torch.Generator().manual_seed(seed)
    size = len(reference.covariance)
    values, columns = torch.linalg.eigh(reference.covariance)
    root = columns * values.clamp_min(0).sqrt()
    x = torch.randn(count, size, generator=random, dtype=torch.float64) @ root.T
    rest = reference.sigma * (1 - reference.r2).clamp_min(0).sqrt()
    unread = torch.randn(count, len(rest), generator=random, dtype=torch.float64) * rest
    return x.float(), x @ reference.coefficients.T + unread


def noisy(truth: Tensor, noise: float, seed: int) -> Tensor:
    """Scores = truth + noise of `noise` standard deviations of each factor."""
    random = torch.Generator().manual_seed(seed)
    rolled = torch.randn(truth.shape, generator=random, dtype=torch.float64)
    return truth + noise * truth.std(dim=0) * rolled
