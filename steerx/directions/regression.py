"""From components of a layer back to the latent that makes them: least squares, streamed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .components import Components
from .moments import Moments

_PUBLISHED_SPREAD = 5_000  # fresh codes that the published program measures lat_stdev on


@dataclass(frozen=True)
class Latents:
    """Directions of the latent that go with components of a layer, all float64.

    Attributes:
        vectors: [k, D] unit rows.
        stdev: [k] standard deviation of the latents along them.
        mean: [D] of the latents.
        covariance: [D, D] of the latents.
    """

    vectors: Tensor
    stdev: Tensor
    mean: Tensor
    covariance: Tensor


def regress(
    pairs: Iterable[tuple[Tensor, Tensor]], found: Components, *, published: bool
) -> Latents:
    """Latents U = argmin |B U - Y|² with B = (rows - mean) Cᵀ / stdev, rows made unit length.

    Only BᵀB [k, k] and BᵀY [k, D] are held. B and Y are taken about their means, which is a fit
    with an intercept; the published program has none, and measures the spread on 5,000 codes.

    Args:
        pairs: chunks of activations [N, F] with their latents [N, D], fresh ones.
        found: the components of the layer.
        published: do as the published program does.

    Raises:
        ValueError: a component without spread, or one that the latent does not move.

    Source: Harkonen et al., "GANSpace", NeurIPS 2020, section 2.2 (layer-wise PCA of BigGAN).
    """
    spread = int((found.stdev > 1e-6 * found.stdev.max()).sum())
    if spread < len(found.stdev):
        raise ValueError(
            f"GANSpace(k={len(found.stdev)}): the layer varies in {spread} directions only; choose "
            f"k at most {spread}"
        )
    joint, latents = Moments(), Moments()
    for rows, codes in pairs:
        strengths = (rows.double() - found.mean) @ found.vectors.T / found.stdev
        joint.add(torch.cat([strengths, codes.double()], dim=1))
        fresh = codes[: _PUBLISHED_SPREAD - latents.count] if published else codes[:0]
        if len(fresh):
            latents.add(fresh)
    k = len(found.stdev)
    squares = joint.squares
    if published:
        squares = squares + joint.count * torch.outer(joint.mean, joint.mean)
    vectors = torch.linalg.pinv(squares[:k, :k], hermitian=True) @ squares[:k, k:]
    lengths = vectors.norm(dim=1, keepdim=True)
    if not bool((lengths > 0).all()):
        raise ValueError(
            f"GANSpace(k={k}): the latent does not move every component; choose a smaller k"
        )
    vectors = vectors / lengths
    covariance = joint.covariance()[k:, k:]
    measured = latents.covariance() if published else covariance
    stdev = ((vectors @ measured) * vectors).sum(1).clamp_min(0).sqrt()
    return Latents(vectors, stdev, joint.mean[k:], covariance)
