"""eigh: eigenvalues and eigenvectors of a batch of symmetric matrices, sorted descending, signs fixed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._shapes import floating, shape
from ._library import define_private, register

SCHEMA = "eigh(Tensor a) -> (Tensor values, Tensor vectors)"
LIBRARY_SCHEMA = "_eigh_library(Tensor a, Tensor(a!) values, Tensor(b!) vectors) -> ()"
ROUNDING = (
    16  # an eigenvalue's error, in sqrt(n) eps of the largest: LAPACK and the kernel stay below
)


def reference(a: Tensor) -> tuple[Tensor, Tensor]:
    wide = a.to(torch.promote_types(a.dtype, torch.float32))
    symmetric = wide / 2 + wide.mT / 2
    finite = symmetric.isfinite().all(-1).all(-1)
    # One call for the whole batch; libraries raise, or go on for ever, where they meet NaN.
    values, vectors = torch.linalg.eigh(symmetric.where(finite[:, None, None], 0.0))
    values, vectors = values.flip(-1), vectors.flip(-1)
    if a.shape[-1]:
        largest = vectors.gather(-2, vectors.abs().argmax(-2, keepdim=True))
        vectors = torch.where(largest < 0, -vectors, vectors)
    values = values.where(finite[:, None], torch.nan)
    vectors = vectors.where(finite[:, None, None], torch.nan)
    return values.to(a.dtype).contiguous(), vectors.to(a.dtype).contiguous()


def library(a: Tensor, values: Tensor, vectors: Tensor) -> None:
    found = reference(a)
    values.copy_(found[0])
    vectors.copy_(found[1])


def fake(a: Tensor) -> tuple[Tensor, Tensor]:
    return a.new_empty(a.shape[:2]), a.new_empty(a.shape)


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*output)


def backward(ctx: Any, dvalues: Tensor, dvectors: Tensor) -> Tensor:
    values, vectors = ctx.saved_tensors
    dtype, wide = values.dtype, torch.promote_types(values.dtype, torch.float32)
    values, vectors = values.to(wide), vectors.to(wide)
    gaps = values[:, None, :] - values[:, :, None]  # [B, i, j]: of j over i
    size = values.detach().abs().amax(-1, keepdim=True) if values.shape[-1] else values
    # Values that rounding cannot tell apart are one space; nothing turns inside it.
    rounding = ROUNDING * values.shape[-1] ** 0.5 * torch.finfo(wide).eps
    one_space = gaps.detach().abs() <= rounding * size[:, :, None]
    turns = 1 / gaps.where(~one_space, 1.0)
    turns = turns.where(~one_space, 0.0)
    projected = vectors.mT @ dvectors.to(wide)
    inner = turns * (projected - projected.mT) / 2 + torch.diag_embed(dvalues.to(wide))
    grad: Tensor = vectors @ inner @ vectors.mT
    return grad.to(dtype)


def example(random: torch.Generator) -> tuple[Any, ...]:
    return (torch.randn(3, 17, 17, generator=random),)


_call = register(
    SCHEMA,
    reference=reference,
    fake=fake,
    setup_context=setup_context,
    backward=backward,
    example=example,
)
# Where the CUDA kernel leaves a matrix to the library, its binding comes back through this door.
_library_call = define_private(LIBRARY_SCHEMA, reference=library)


def eigh(a: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of symmetric matrices, sorted descending: a v_j = l_j v_j.

    The largest-magnitude entry of every vector is positive, so that one matrix has one answer where its
    values differ. Equal values share a space, of which the vectors are some orthonormal basis. On a CUDA
    device float32 matrices up to n = 64 are solved by the native kernel (Jacobi, one matrix per block),
    all else by one batched call of the library. Nothing is copied to the host by us.

    Args:
        a: matrices [B, n, n]; of one that is not symmetric the symmetric part (a + aᵀ) / 2 counts.
            Half precision is solved in float32. A matrix that holds NaN or infinity gives NaN, and
            spoils no other.

    Returns:
        values [B, n], descending, and vectors [B, n, n], one per column, as a. Error: |a v - l v| and
        |vᵀ v - 1| stay below 1e-5 of the largest |value| in float32.

        Gradients: a. With m = vᵀ dv the gradient is v (diag(dl) + f * (m - mᵀ) / 2) vᵀ, where
        f_ij = 1 / (l_j - l_i), and 0 where the two values are equal to 16 sqrt(n) eps max|l|: it is
        exact for every loss that depends on such values' space and not on the basis chosen in it.

    Raises:
        ValueError, TypeError: a shape or dtype that does not fit.

    Source: Golub and Van Loan, Matrix Computations, section 8.5 (Jacobi methods, parallel ordering);
    Magnus, "On differentiating eigenvalues and eigenvectors", 1985.

    Example:
        >>> values, vectors = eigh(torch.tensor([[[2.0, 1.0], [1.0, 2.0]]]))
        >>> values
        tensor([[3., 1.]])
    """
    shape("eigh: a", a, "B n n")
    floating("eigh: a", a)
    return _call(a)  # type: ignore[no-any-return]
