"""_moments: adds a chunk of rows to a running sum and sum of products, float32 products in float64 sums.

Private, for a stream's mean and covariance: it writes into tensors that it is given and has no gradient.
On the CPU the lines below are the implementation. On CUDA the native kernel reads a chunk once, makes half
of the symmetric product, and needs no centred copy; it has not been measured against them on a GPU, so
nothing calls it there unasked.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .._shapes import floating, one_device, shape
from ._library import define_private

SCHEMA = "_moments(Tensor x, Tensor? shift, Tensor(a!) sum, Tensor(b!) products) -> ()"
CHUNK = 1024  # rows summed in float32


def reference(x: Tensor, shift: Tensor | None, sum: Tensor, products: Tensor) -> None:
    wide = torch.promote_types(x.dtype, torch.float32)
    for rows in x.split(CHUNK):
        y = rows.to(wide) if shift is None else rows.to(wide) - shift.to(wide)
        sum += y.sum(0, dtype=torch.float64)
        products += y.mT @ y


_call = define_private(SCHEMA, reference=reference)


def moments(x: Tensor, shift: Tensor | None, sum: Tensor, products: Tensor) -> None:
    """Add rows to running sums about a shift: sum += sum_n y_n, products += sum_n y_n y_nᵀ, y = x - shift.

    After n rows the mean is shift + sum / n and the squares about it are products - sum sumᵀ / n. A shift
    near the mean, such as the first chunk's, is what keeps that difference from cancelling.

    Args:
        x: a chunk of rows [N, D]; half precision is widened, float64 stays float64.
        shift: [D] float32, the same for all chunks, or None for 0.
        sum: [D] float64, added to in place.
        products: [D, D] float64, added to in place.

    Raises:
        ValueError, TypeError: a shape, dtype or device that does not fit.

    Source: Chan, Golub and LeVeque, "Algorithms for computing the sample variance: analysis and
    recommendations", 1983, section 3 (shifted data).
    """
    floating("moments: x", x)
    d = shape("moments: x", x, "N D")["D"]
    if shift is not None:
        shape("moments: shift", shift, "D", D=d)
        if shift.dtype != torch.float32:
            raise TypeError(f"moments: shift must be float32, got {shift.dtype}")
    shape("moments: sum", sum, "D", D=d)
    shape("moments: products", products, "D D", D=d)
    for name, tensor in (("sum", sum), ("products", products)):
        if tensor.dtype != torch.float64:
            raise TypeError(f"moments: {name} must be float64, got {tensor.dtype}; use .double()")
        if not tensor.is_contiguous():
            raise ValueError(f"moments: {name} must be contiguous; use torch.zeros")
    one_device("moments", x, shift, sum, products)
    _call(x, shift, sum, products)
