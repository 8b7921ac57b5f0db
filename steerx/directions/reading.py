"""What directions read off codes: signed distances, and how far the codes spread along them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import arrays

if TYPE_CHECKING:
    from .directions import Codes, Directions


def distances(d: Directions, given: Codes) -> Tensor:
    """See `Directions.distances`."""
    some = arrays.parts("Directions.distances", given)
    codes = _packed(d, some) if isinstance(given, (list, tuple)) else some[0]
    vectors = d.vectors.double()
    size = vectors.shape[-1]
    ranks = {"w": (2, 3), "w_plus": (2, 3) if vectors.dim() == 2 else (3,)}.get(d.space, (2,))
    fits = codes.dim() in ranks and codes.shape[-1] == size
    if fits and codes.dim() == vectors.dim() == 3:
        fits = codes.shape[1] == vectors.shape[1]
    if not fits:
        layered = f"[N, {vectors.shape[1] if vectors.dim() == 3 else 'L'}, {size}]"
        wanted = " or ".join({2: f"[N, {size}]", 3: layered}[rank] for rank in ranks)
        raise ValueError(
            f"Directions.distances: codes of space {d.space} must be {wanted}, got "
            f"{list(codes.shape)}"
        )
    lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    normals = (vectors / lengths).to(codes.device)  # a layer without a plane: NaN, said by itself
    x = codes.double()
    offsets = d.vectors.new_zeros(1) if d.intercepts is None else d.intercepts
    offsets = offsets.to(x)
    if x.dim() == 2:
        flat: Tensor = x @ normals.T + offsets
        return flat
    normals = normals if normals.dim() == 3 else normals[:, None].expand(-1, x.shape[1], -1)
    offsets = offsets if offsets.dim() == 2 else offsets[:, None]
    read: Tensor = torch.einsum("nld,kld->nkl", x, normals) + offsets
    return read


def sigma(d: Directions, vectors: Tensor, covariance: Tensor) -> Tensor:
    """Standard deviation [K] in float64 of codes of `covariance` [D, D] along `vectors`.

    sqrt(vᵀ S v); of vectors per layer the root mean square over the rows that move, each counted by
    its squared length, so that one vector on all rows has the sigma of that vector.
    """
    v = vectors.double()
    variance = ((v @ covariance.to(v)) * v).sum(-1).clamp_min(0)  # rounding may leave it below
    if v.dim() == 2:
        return variance.sqrt()
    moved = torch.zeros(v.shape[:2], dtype=v.dtype, device=v.device)
    for k, rows in enumerate(d.layers):
        moved[k, slice(None) if rows is None else list(rows)] = 1
    root: Tensor = ((variance * moved).sum(1) / (v.square().sum(-1) * moved).sum(1)).sqrt()
    return root


def in_sigma(d: Directions, covariance: Tensor | None) -> Tensor:
    """See `Directions.in_sigma`."""
    size = d.vectors.shape[-1]
    if not isinstance(covariance, Tensor) or covariance.shape != (size, size):
        came = list(covariance.shape) if isinstance(covariance, Tensor) else repr(covariance)
        raise ValueError(
            f"Directions.in_sigma: covariance must be [{size}, {size}] beside vectors "
            f"{list(d.vectors.shape)}, got {came}; GANSpace().fit(G).covariance_ is one"
        )
    scale = sigma(d, d.vectors, covariance)
    if not bool((scale > 0).all() and scale.isfinite().all()):
        raise ValueError(
            "Directions.in_sigma: the covariance gives a direction no positive finite variance; "
            "fit it on codes that vary along all of them"
        )
    return scale.to(d.vectors)


def _packed(d: Directions, codes: Sequence[Tensor]) -> Tensor:
    sizes = [c.shape[-1] for c in codes]
    if d.space != "styles" or sizes != list(d.style_sizes or ()):
        raise ValueError(
            f"Directions.distances: a list of styles must have {list(d.style_sizes or ())} channels "
            f"beside directions in {d.space}, got {sizes}"
        )
    return torch.cat(list(codes), dim=-1)
