"""What is true of a drawn face: eleven named factors as known directions of the normalised z.

A mapping network divides z by its root mean square before anything else, so a truth defined on
the raw z could not be learnt exactly. Every number here is therefore read from the normalised z.
The 64 directions are the rows of a Hadamard matrix with seeded order and signs: entries are
+-1/8 exactly, so the basis is orthonormal on every machine and with every LAPACK.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Z_DIM: Final = 64
FACTORS: Final = (
    "pose",
    "smile",
    "age",
    "eyeglasses",
    "hair_length",
    "beard",
    "skin_tone",
    "light",
    "background",
    "mouth_open",
    "face_width",
)
BINARY_FACTORS: Final = ("eyeglasses",)
_BASIS_SEED: Final = 85
# Eyeglasses = own share + a softplus of age: most old faces wear them, few young ones do.
_OWN_SHARE: Final = 0.85
_AGE_SHARE: Final = 0.9
_AGE_SLOPE: Final = 2.0
_EYEGLASSES_OFFSET: Final = 0.6


@cache
def basis() -> Tensor:
    """Orthonormal directions of the normalised z, [Z, Z] float32, the named factors first."""
    matrix = np.ones((1, 1))
    while len(matrix) < Z_DIM:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    random = np.random.RandomState(_BASIS_SEED)  # the frozen generator: same order for ever
    signs = random.choice([-1.0, 1.0], size=Z_DIM)
    rows = matrix[random.permutation(Z_DIM)] * signs / np.sqrt(Z_DIM)
    return torch.from_numpy(rows.astype(np.float32))


def directions() -> dict[str, Tensor]:
    """True unit vector [Z] of every named factor, in the normalised z."""
    return {name: basis()[i].clone() for i, name in enumerate(FACTORS)}


def coordinates(z: Tensor) -> Tensor:
    """Coordinates of the normalised z along `basis()`.

    Args:
        z: input latents [N, Z].

    Returns:
        [N, Z]; each column has mean 0 and variance 1 over normal z. The first `len(FACTORS)`
        columns belong to the named factors, the rest to nuisance.

    Raises:
        ValueError: if z is not [N, Z].
    """
    if z.ndim != 2 or z.shape[1] != Z_DIM:
        raise ValueError(
            f"faces.coordinates: z must be [N, {Z_DIM}], got {list(z.shape)}; "
            "draw z with the seeds of the 'faces' generator"
        )
    normalised = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
    return normalised @ basis().to(z).T


def factors(z: Tensor) -> Tensor:
    """True values of the named factors of each z.

    All columns are linear in the normalised z but `eyeglasses`, which also grows with age,
    nonlinearly; a face wears eyeglasses where that column is positive.

    Args:
        z: input latents [N, Z].

    Returns:
        [N, F], columns in the order of `FACTORS`.
    """
    return named_values(coordinates(z))


def named_values(coordinates: Tensor) -> Tensor:
    """Factor values [N, F] of coordinates [N, Z] along `basis()`."""
    values = coordinates[:, : len(FACTORS)].clone()
    age, eyeglasses = FACTORS.index("age"), FACTORS.index("eyeglasses")
    wear = F.softplus(_AGE_SLOPE * values[:, age]) / _AGE_SLOPE
    values[:, eyeglasses] = (
        _OWN_SHARE * values[:, eyeglasses] + _AGE_SHARE * wear - _EYEGLASSES_OFFSET
    )
    return values


def moved(z: Tensor, factor: str, value: float) -> Tensor:
    """z with its coordinate along one factor's direction set, everything else kept in proportion.

    The result is a normalised z [N, Z]: what leaves one coordinate is shared by the others, so a
    mapping network sees exactly these coordinates.

    Args:
        z: input latents [N, Z].
        factor: one of `FACTORS`.
        value: the wanted coordinate, in standard deviations.
    """
    if factor not in FACTORS:
        raise ValueError(f"faces.moved: factor must be one of {', '.join(FACTORS)}, got {factor!r}")
    index = FACTORS.index(factor)
    place = coordinates(z)
    place[:, index] = 0.0
    rest = Z_DIM - value**2
    place = place * torch.sqrt(rest / place.square().sum(dim=1, keepdim=True))
    place[:, index] = value
    return place @ basis().to(z)
