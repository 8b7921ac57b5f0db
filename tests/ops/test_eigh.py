from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from steerx import ops

DIFFERENTIABLE = (0,)
ALLOWED = 1e-5


def samples(dtype: torch.dtype) -> Iterator[tuple[Any, ...]]:
    yield (torch.randn(2, 5, 5, dtype=dtype),)
    yield (torch.randn(1, 1, 1, dtype=dtype),)
    a = torch.randn(3, 8, 6, dtype=dtype)
    yield (a.mT @ a,)


def empty(dtype: torch.dtype) -> tuple[Any, ...]:
    return (torch.randn(0, 5, 5, dtype=dtype),)


def symmetric(b: int, n: int) -> Tensor:
    a = torch.randn(b, n, n)
    return a + a.mT


def with_values(*values: float, b: int = 1) -> Tensor:
    """Symmetric float32 matrices whose eigenvalues are, but for rounding, these."""
    basis = torch.linalg.qr(torch.randn(b, len(values), len(values), dtype=torch.float64))[0]
    return (basis * torch.tensor(values, dtype=torch.float64) @ basis.mT).float()


def assert_solved(a: Tensor, values: Tensor, vectors: Tensor, allowed: float = ALLOWED) -> None:
    """Residual, orthogonality, order, signs, and the values against LAPACK in float64."""
    exact = (a.double() + a.double().mT) / 2
    truth = np.linalg.eigvalsh(exact.numpy())[:, ::-1].copy()
    wide, basis = values.double(), vectors.double()
    size = torch.from_numpy(np.abs(truth)).amax(1).clamp_min(1e-300)[:, None]
    info = torch.finfo(values.dtype)
    grain = a.shape[1] * info.smallest_normal * info.eps / size  # all that denormal numbers can say
    assert ((wide - torch.from_numpy(truth)).abs() / size <= allowed + grain).all()
    residual = exact / size[:, :, None] @ basis - basis * (wide / size)[:, None, :]
    assert (residual.abs() <= allowed + grain[:, :, None]).all()
    skew = basis.mT @ basis - torch.eye(a.shape[1], dtype=torch.float64)
    assert (skew.abs() <= allowed).all()
    assert (values.diff(dim=1) <= 0).all()
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    assert (largest > 0).all()


# What the kernel must stand as well; tests/simt runs it through these.
HARD = {
    "random": lambda n: symmetric(3, n),
    "lopsided": lambda n: torch.randn(2, n, n),
    "zero": lambda n: torch.zeros(2, n, n),
    "ones": lambda n: torch.ones(1, n, n),
    "identity": lambda n: torch.eye(n).expand(2, n, n).contiguous(),
    "repeated": lambda n: with_values(*(float(i % 3 - 1) for i in range(n)), b=2),
    "clustered": lambda n: with_values(*(1 + 1e-6 * i for i in range(n))),
    "far apart": lambda n: with_values(*(10.0**-i for i in range(n))),
    "rank one": lambda n: torch.outer(v := torch.randn(n), v)[None],
    "huge": lambda n: symmetric(1, n) * 1e36,
    "tiny": lambda n: symmetric(1, n) * 1e-36,
    "denormal": lambda n: symmetric(1, n) * 1e-41,
    "mixed": lambda n: torch.stack([symmetric(1, n)[0] * 10.0**e for e in (-30, 0, 30)]),
    "antisymmetric": lambda n: (a := torch.randn(1, n, n)) - a.mT,
}


@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("n", [1, 2, 3, 8, 17, 64, 65])
def test_eigenvalues_and_vectors(kind: str, n: int) -> None:
    a = HARD[kind](n)
    assert_solved(a, *ops.eigh(a))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_matrix_that_is_no_number_gives_nan_and_spoils_no_other(bad: float) -> None:
    a = symmetric(3, 6)
    values, vectors = ops.eigh(a)
    a[1, 4, 2] = bad
    found = ops.eigh(a)
    assert found[0][1].isnan().all() and found[1][1].isnan().all()
    for ours, before in zip(found, (values, vectors), strict=True):
        torch.testing.assert_close(ours[::2], before[::2])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**31), st.integers(-30, 30))
def test_size_and_order_of_rows_do_not_matter(n: int, seed: int, exponent: int) -> None:
    torch.manual_seed(seed)
    a = symmetric(1, n).double()
    order = torch.randperm(n)
    values = ops.eigh(a)[0]
    close = {"rtol": 1e-10, "atol": 1e-12 * float(a.abs().max())}
    torch.testing.assert_close(ops.eigh(a[:, order][:, :, order])[0], values, **close)
    torch.testing.assert_close(ops.eigh(-a)[0], -values.flip(1), **close)
    torch.testing.assert_close(ops.eigh(a * 2.0**exponent)[0] / 2.0**exponent, values, **close)
    torch.testing.assert_close(values.sum(1), a.diagonal(dim1=1, dim2=2).sum(1), **close)


def test_a_stack_is_a_loop() -> None:
    a = symmetric(5, 9)
    stacked = ops.eigh(a)
    for i in range(5):
        for whole, one in zip(stacked, ops.eigh(a[i : i + 1]), strict=True):
            torch.testing.assert_close(whole[i], one[0])


def projector(a: Tensor, k: int) -> Tensor:
    """Onto the space of the k leading vectors: the same for every basis of it."""
    leading = ops.eigh(a)[1][:, :, :k]
    return leading @ leading.mT


def test_the_gradient_of_a_space_is_exact_where_values_repeat() -> None:
    a = with_values(3, 3, 3, 1, 1, b=2).double().requires_grad_()
    # Made in float32: the values repeat to its rounding alone, so repeat them to float64's.
    values, vectors = ops.eigh(a.detach())
    values = torch.tensor([3.0, 3, 3, 1, 1], dtype=torch.float64).expand_as(values)
    a = ((vectors * values[:, None]) @ vectors.mT).detach().requires_grad_()
    weight = torch.randn(5, 5, dtype=torch.float64)
    loss = (projector(a, 3) * weight).sum() + ops.eigh(a)[0].square().sum()
    (grad,) = torch.autograd.grad(loss, a)
    assert grad.isfinite().all()
    step = torch.randn(5, 5, dtype=torch.float64) * 1e-5

    def at(moved: Tensor) -> Tensor:
        return (projector(moved, 3) * weight).sum() + ops.eigh(moved)[0].square().sum()

    with torch.no_grad():
        slope = (at(a + step) - at(a - step)) / 2
    torch.testing.assert_close((grad * step).sum(), slope, rtol=1e-5, atol=1e-12)


def test_the_gradient_of_zeros_is_finite() -> None:
    a = torch.zeros(1, 4, 4, requires_grad=True)
    values, vectors = ops.eigh(a)
    (grad,) = torch.autograd.grad(values.sum() + vectors.sum(), a)
    torch.testing.assert_close(grad, torch.eye(4)[None])


def test_only_one_result_may_ask_for_a_gradient() -> None:
    a = symmetric(1, 4).requires_grad_()
    for part in (0, 1):
        (grad,) = torch.autograd.grad(ops.eigh(a)[part].sum(), a)
        torch.testing.assert_close(grad, grad.mT)
        assert grad.isfinite().all()


def test_a_dimension_may_be_empty() -> None:
    for shape in ((0, 4, 4), (2, 0, 0), (0, 0, 0)):
        values, vectors = ops.eigh(torch.zeros(shape))
        assert values.shape == shape[:2] and vectors.shape == shape


MISTAKES = [
    (torch.eye(3), ValueError, r"a must be \[B, n, n\], got \[3, 3\]"),
    (torch.ones(2, 3, 4), ValueError, r"a must be \[B, n, n\], got \[2, 3, 4\]"),
    (torch.ones(1, 2, 2, dtype=torch.int64), TypeError, "floating-point"),
    (torch.ones(1, 2, 2, dtype=torch.complex64), TypeError, "floating-point"),
    ([[[1.0]]], TypeError, "a must be a tensor"),
]


@pytest.mark.parametrize("wrong, error, message", MISTAKES)
def test_mistakes_are_named(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match="eigh: .*" + message):
        ops.eigh(wrong)


def test_the_door_to_the_library_writes_what_the_reference_gives() -> None:
    a = symmetric(2, 70)
    values, vectors = torch.full((2, 70), torch.nan), torch.full((2, 70, 70), torch.nan)
    torch.ops.steerx._eigh_library(a, values, vectors)
    assert_solved(a, values, vectors)


@pytest.mark.cuda
@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("n", [1, 2, 3, 8, 17, 64, 65, 512])
def test_cuda_eigenvalues_and_vectors(kind: str, n: int) -> None:
    a = HARD[kind](n)
    assert_solved(a, *(part.cpu() for part in ops.eigh(a.cuda())))


@pytest.mark.cuda
def test_cuda_serves_every_dtype_and_nan() -> None:
    a = symmetric(2, 12)
    a[1, 3, 3] = torch.nan
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        for ours, plain in zip(ops.eigh(a.to(dtype).cuda()), ops.eigh(a.to(dtype)), strict=True):
            assert ours.dtype == dtype
            close = max(1e-5, 8 * torch.finfo(dtype).eps)
            torch.testing.assert_close(
                ours.cpu(), plain, rtol=close, atol=10 * close, equal_nan=True
            )


def test_nothing_turns_inside_a_space_of_equal_values() -> None:
    """A loss of the basis that was chosen there has no derivative; 0 stands for it, and no rounding error over 0."""
    a = (2 * torch.eye(4))[None].requires_grad_()
    vectors = ops.eigh(a)[1]
    (vectors * torch.arange(16.0).view(1, 4, 4)).sum().backward()
    assert a.grad is not None and not a.grad.any()
