"""_weight_covariance: A Aᵀ of every layer's style weights, rows of unit length if asked, in one call.

Private, for closed-form directions of many layers at once: it writes into a tensor that it is given and has
no gradient. On the CPU the lines below are the implementation, in float64. On CUDA the native kernel makes
all layers in one launch with float32 products in float64 sums; it has not been measured against these lines
on a GPU, and where a GPU is fast in float64 they may well be faster, so nothing calls it there unasked.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

import torch
from torch import Tensor

from .._shapes import one_device, shape
from ._library import define_private

SCHEMA = "_weight_covariance(Tensor rows, int[] offsets, bool normalize, Tensor(a!) out) -> ()"


def reference(rows: Tensor, offsets: list[int], normalize: bool, out: Tensor) -> None:
    wide = rows.double()
    if normalize:
        lengths = torch.linalg.vector_norm(wide, dim=1, keepdim=True)
        wide = wide / lengths.where(lengths != 0, 1.0)
    for layer, (first, last) in enumerate(pairwise(offsets)):
        out[layer] = wide[first:last].mT @ wide[first:last]


_call = define_private(SCHEMA, reference=reference)


def weight_covariance(weights: list[Tensor], *, normalize: bool = True) -> Tensor:
    """Sum over style channels c of a_c a_cᵀ for every layer, a_c of unit length if `normalize`.

    The leading eigenvectors are SeFa's directions of that layer; the sum over layers has those of all.

    Args:
        weights: style weights [C_l, D] of each layer, float32, at least one.
        normalize: rows of unit length first; a row of zeros stays zero. On CUDA lengths must lie in
            1e-37 ... 1e38.

    Returns:
        [G, D, D] float64, symmetric; with `normalize` the trace of a layer is its number of channels.

    Raises:
        ValueError, TypeError: a shape, dtype or device that does not fit.

    Source: Shen and Zhou, "Closed-form factorization of latent semantics in GANs", CVPR 2021, section 3.
    """
    if not weights:
        raise ValueError("weight_covariance: weights must hold at least one layer [C, D], got none")
    d = shape("weight_covariance: weights[0]", weights[0], "C D")["D"]
    for i, weight in enumerate(weights):
        shape(f"weight_covariance: weights[{i}]", weight, "C D", D=d)
        if weight.dtype != torch.float32:
            raise TypeError(
                f"weight_covariance: weights[{i}] must be float32, got {weight.dtype}; use .float()"
            )
    one_device("weight_covariance", *weights)
    offsets = [0, *accumulate(len(weight) for weight in weights)]
    rows = torch.cat([weight.detach() for weight in weights])
    out = rows.new_empty(len(weights), d, d, dtype=torch.float64)
    _call(rows, offsets, normalize, out)
    return out
