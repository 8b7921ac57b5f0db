"""_moments is private: plain torch on the CPU, a kernel on CUDA."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from steerx.ops._moments import moments


def chunk(n: int, d: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return (3 + torch.randn(n, d) * torch.logspace(0, -2, d)).to(dtype)


def zeros(d: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    return (
        torch.zeros(d, dtype=torch.float64, device=device),
        torch.zeros(d, d, dtype=torch.float64, device=device),
    )


def truth(x: Tensor, shift: Tensor | None) -> tuple[Tensor, Tensor]:
    y = x.double() if shift is None else x.double() - shift.double()
    return y.sum(0), y.mT @ y


def assert_close(found: Tensor, exact: Tensor, size: Tensor, allowed: float = 4e-6) -> None:
    assert ((found - exact).abs() <= allowed * (size + 1)).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (33, 65), (2100, 7)])
@pytest.mark.parametrize("shifted", [True, False])
def test_sums(shape: tuple[int, int], dtype: torch.dtype, shifted: bool) -> None:
    x, shift = chunk(*shape, dtype=dtype), torch.full((shape[1],), 3.0) if shifted else None
    sums, products = zeros(shape[1])
    sums += 5
    moments(x, shift, sums, products)
    exact = truth(x, shift)
    size = truth((x if shift is None else x - shift).abs(), None)
    assert_close(sums - 5, exact[0], size[0])
    assert_close(products, exact[1], size[1])


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 300), st.integers(0, 300), st.integers(1, 9), st.integers(0, 2**31))
def test_chunks_do_not_matter_and_give_mean_and_covariance(
    first: int, second: int, d: int, seed: int
) -> None:
    torch.manual_seed(seed)
    x = chunk(first + second, d)
    shift = x[:first].mean(0)
    sums, products = zeros(d)
    for part in (x[:first], x[first:]):
        moments(part, shift, sums, products)
    n = first + second
    covariance = (products - torch.outer(sums, sums) / n) / (n - 1)
    wide = x.double()
    exact = (wide - wide.mean(0)).mT @ (wide - wide.mean(0)) / (n - 1)
    torch.testing.assert_close(shift.double() + sums / n, wide.mean(0), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(covariance, exact, rtol=1e-5, atol=1e-6 * float(exact.max()))


def test_a_shift_keeps_a_large_mean_from_cancelling() -> None:
    x = 1e4 + chunk(5000, 3)
    sums, products = zeros(3)
    moments(x, x[:10].mean(0), sums, products)
    covariance = (products - torch.outer(sums, sums) / 5000) / 4999
    torch.testing.assert_close(covariance, x.double().T.cov(), rtol=1e-4, atol=1e-6)


def test_nothing_to_add() -> None:
    sums, products = zeros(4)
    moments(torch.zeros(0, 4), None, sums, products)
    moments(torch.zeros(3, 0), None, *zeros(0))
    assert not sums.any() and not products.any()


def test_nan_comes_through() -> None:
    x = chunk(40, 4)
    x[7, 2] = torch.nan
    sums, products = zeros(4)
    moments(x, None, sums, products)
    assert sums.isnan().tolist() == [False, False, True, False]
    assert products[2].isnan().all() and not products[0, 0].isnan()


MISTAKES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"x": torch.zeros(3)}, ValueError, r"x must be \[N, D\], got \[3\]"),
    ({"x": torch.zeros(2, 4, dtype=torch.int64)}, TypeError, "x must be of a floating-point"),
    ({"shift": torch.zeros(3)}, ValueError, r"shift must be \[D\] with D = 4"),
    ({"shift": torch.zeros(4).double()}, TypeError, "shift must be float32"),
    ({"sum": torch.zeros(4)}, TypeError, "sum must be float64"),
    ({"products": torch.zeros(4, 3)}, ValueError, r"products must be \[D, D\] with D = 4"),
    ({"products": torch.zeros(4, 8).double()[:, ::2]}, ValueError, "products must be contiguous"),
]


@pytest.mark.parametrize("wrong, error, message", MISTAKES)
def test_mistakes_are_named(wrong: dict[str, Any], error: type[Exception], message: str) -> None:
    sums, products = zeros(4)
    good = {"x": torch.zeros(2, 4), "shift": None, "sum": sums, "products": products}
    with pytest.raises(error, match="moments: " + message):
        moments(**{**good, **wrong})


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 1), (33, 65), (10_000, 512), (0, 4)])
def test_cuda_sums(shape: tuple[int, int], dtype: torch.dtype) -> None:
    x, shift = chunk(*shape, dtype=dtype), torch.full((shape[1],), 3.0)
    sums, products = zeros(shape[1], "cuda")
    moments(x.cuda(), shift.cuda(), sums, products)
    exact, size = truth(x, shift), truth((x.float() - shift).abs(), None)
    assert_close(sums.cpu(), exact[0], size[0])
    assert_close(products.cpu(), exact[1], size[1])
