from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steerx import ops

DIFFERENTIABLE = (0, 1, 2)


def arguments(
    n: int, k: int, b: int, s: int, dtype: torch.dtype = torch.float32
) -> tuple[Any, ...]:
    base, steps = torch.randn(n, s, dtype=dtype), torch.randn(k, s, dtype=dtype)
    alphas = torch.randn(b, dtype=dtype)
    return base, steps, alphas, torch.randint(0, n, (b,)), torch.randint(0, k, (b,))


def samples(dtype: torch.dtype) -> Iterator[tuple[Any, ...]]:
    yield arguments(3, 2, 5, 7, dtype)
    yield arguments(1, 1, 1, 1, dtype)
    yield arguments(2, 3, 4, 16, dtype)


def empty(dtype: torch.dtype) -> tuple[Any, ...]:
    return arguments(3, 2, 0, 7, dtype)


def definition(
    base: torch.Tensor,
    steps: torch.Tensor,
    alphas: torch.Tensor,
    sources: torch.Tensor,
    directions: torch.Tensor,
) -> torch.Tensor:
    rows = [base[s] + a * steps[d] for a, s, d in zip(alphas, sources, directions, strict=True)]
    return torch.stack(rows)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 2, 33, 513), (2, 5, 7, 70_001)])
def test_rows_are_those_of_the_formula_to_the_bit(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    args = arguments(*shape, dtype=dtype)
    assert torch.equal(ops.edit_styles(*args), definition(*args))


def test_any_number_of_threads_gives_the_same_bits() -> None:
    args, threads = arguments(2, 5, 7, 70_001), torch.get_num_threads()
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            assert torch.equal(ops.edit_styles(*args), definition(*args))
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_served(dtype: torch.dtype) -> None:
    args = arguments(3, 2, 5, 31, dtype)
    ours = ops.edit_styles(*args)
    truth = definition(*(a.double() if a.is_floating_point() else a for a in args))
    assert ours.dtype == dtype
    assert (ours - truth).abs().max() <= 2 * torch.finfo(dtype).eps * truth.abs().max()


@given(st.integers(0, 9), st.integers(1, 40), st.integers(0, 2**31))
def test_alpha_zero_gives_back_the_styles(b: int, s: int, seed: int) -> None:
    torch.manual_seed(seed)
    base, steps, alphas, sources, directions = arguments(3, 2, b, s)
    edited = ops.edit_styles(base, steps, torch.zeros_like(alphas), sources, directions)
    assert torch.equal(edited, base[sources])


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 2**31))
def test_a_batch_may_be_split(first: int, second: int, seed: int) -> None:
    torch.manual_seed(seed)
    base, steps, alphas, sources, directions = arguments(3, 2, first + second, 37)
    rows = (alphas, sources, directions)
    whole = ops.edit_styles(base, steps, *rows)
    parts = [
        ops.edit_styles(base, steps, *(r[part] for r in rows))
        for part in (slice(None, first), slice(first, None))
    ]
    assert torch.equal(whole, torch.cat(parts))


def test_strange_values_pass_through() -> None:
    base = torch.tensor([[torch.nan, torch.inf, -0.0, 1e-42]])
    zero = torch.zeros(1, dtype=torch.int64)
    edited = ops.edit_styles(base, torch.zeros(1, 4), torch.zeros(1), zero, zero)
    torch.testing.assert_close(edited, base[zero] + 0.0, rtol=0, atol=0, equal_nan=True)


def test_a_dimension_may_be_empty() -> None:
    assert ops.edit_styles(*arguments(3, 2, 4, 0)).shape == (4, 0)
    none = torch.zeros(0, dtype=torch.int64)
    nothing = (torch.zeros(0, 5), torch.zeros(0, 5), torch.zeros(0), none, none)
    assert ops.edit_styles(*nothing).shape == (0, 5)


MISTAKES = {
    "rank": (0, torch.randn(7), ValueError, r"base must be \[N, S\], got \[7\]"),
    "width": (1, torch.randn(2, 6), ValueError, r"steps must be \[K, S\] with S = 7"),
    "rows": (2, torch.randn(4), ValueError, r"sources must be \[B\] with B = 4, got \[5\]"),
    "index dtype": (3, torch.zeros(5, dtype=torch.int32), TypeError, "sources must be int64"),
    "dtype": (1, torch.randn(2, 7).double(), TypeError, "steps must be torch.float32 as base"),
    "integers": (0, torch.ones(3, 7, dtype=torch.int64), TypeError, "floating-point"),
    "too large": (3, torch.full((5,), 3), IndexError, r"sources must lie in 0 \.\.\. 2"),
    "negative": (4, torch.full((5,), -1), IndexError, r"directions must lie in 0 \.\.\. 1"),
    "kind": (0, [[1.0]], TypeError, "base must be a tensor"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(mistake: str) -> None:
    position, wrong, error, message = MISTAKES[mistake]
    args = list(arguments(3, 2, 5, 7))
    args[position] = wrong
    with pytest.raises(error, match="edit_styles: .*" + message):
        ops.edit_styles(*args)


@pytest.mark.skipif(ops.backend("edit_styles") == "reference", reason="no native library")
@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m != "kind"])
def test_memory_is_protected_below_python(mistake: str) -> None:
    position, wrong, _, _ = MISTAKES[mistake]
    args = list(arguments(3, 2, 5, 7))
    args[position] = wrong
    with pytest.raises(RuntimeError, match="edit_styles: "):
        torch.ops.steerx.edit_styles(*args)


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(3, 2, 5, 7), (2, 3, 70_000, 8), (2, 5, 7, 5000)])
def test_cuda_rows(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    args = arguments(*shape, dtype=dtype)
    on_cuda = ops.edit_styles(*(a.cuda() for a in args)).cpu()
    truth = ops.edit_styles(*(a.double() if a.is_floating_point() else a for a in args))
    assert (on_cuda - truth).abs().max() <= 2 * torch.finfo(dtype).eps * truth.abs().max()


@pytest.mark.cuda
@pytest.mark.skipif(ops.backend("edit_styles", "cuda") == "reference", reason="no CUDA kernel")
def test_cuda_gives_nan_for_a_row_that_does_not_exist() -> None:
    base, steps, alphas, sources, directions = (a.cuda() for a in arguments(3, 2, 5, 7))
    sources[1], directions[3] = 3, -1
    edited = ops.edit_styles(base, steps, alphas, sources, directions)
    assert edited.isnan().all(1).tolist() == [False, True, False, True, False]
