"""Eigenvectors of style weights, and the published ways of choosing, scaling and ordering them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from .directions import When

ToRGB: TypeAlias = Literal["last", "none", "first", "all"]
Compat: TypeAlias = Literal["sefa", "rosinality", "e4e"]


@dataclass(frozen=True)
class Variant:
    """One published definition of the factorisation.

    Attributes:
        normalize: columns of unit length.
        to_rgb: which to_rgb layers count.
        sorted: by eigenvalue, descending; else in the order of a general eigensolver in float32.
        when: where the published code adds the step.
        whole: the whole network is one group, and nothing else is defined.
        below: how many rows below the ones that are read the moved rows lie.
    """

    normalize: bool = True
    to_rgb: ToRGB = "last"
    sorted: bool = True
    when: When = "after_truncation"
    whole: bool = False
    below: int = 0


VARIANTS: dict[Compat | None, Variant] = {
    None: Variant(),
    "sefa": Variant(sorted=False),
    # One of its to_rgb layers has another parameter name and slips through the filter.
    "rosinality": Variant(normalize=False, to_rgb="first", when="before_truncation", whole=True),
    "e4e": Variant(to_rgb="none", sorted=False, below=1),
}


def eigen_directions(
    weights: list[Tensor], *, normalize: bool = True, descending: bool = True
) -> tuple[Tensor, Tensor]:
    """Eigenvalues [D] and eigenvectors [D, D] as rows of sum_l W_lᵀ W_l, float64.

    Args:
        weights: style weights [C_l, D]; a row of zeros (a channel that listens to nothing) adds
            nothing.
        normalize: rows of unit length first.
        descending: solved in float64 and sorted. False: solved in float32 by the general
            eigensolver, in whatever order it returns, as the published code does. That order hangs
            on the last bits and on the LAPACK build: the vectors are the same, their places may
            not be.
    """
    rows = torch.cat([weight.detach() for weight in weights])
    rows = rows.double() if descending else rows.float()
    if normalize:
        lengths = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
        rows = rows / lengths.where(lengths > 0, 1.0)
    if descending:
        values, columns = torch.linalg.eigh(rows.T @ rows)
        return values.flip(0).clamp_min(0), columns.T.flip(0)
    matrix = rows.cpu().numpy().T
    found, vectors = np.linalg.eig(matrix @ matrix.T)
    if np.iscomplexobj(found):
        raise ValueError(
            "SeFa: the general eigensolver left the real numbers on these weights, as it may where "
            "eigenvalues nearly meet; leave out compat= and take the sorted directions"
        )
    turned = torch.from_numpy(np.ascontiguousarray(vectors.T)).double()
    turned = turned / torch.linalg.vector_norm(turned, dim=1, keepdim=True)
    return torch.from_numpy(found).double().clamp_min(0).to(rows.device), turned.to(rows.device)
