from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from steerx import ops

DIFFERENTIABLE = (0,)


def samples(dtype: torch.dtype) -> Iterator[tuple[Any, ...]]:
    x, f = torch.randn(2, 3, 5, 4, dtype=dtype), torch.rand(4, 3, dtype=dtype)
    yield x, f, 2, 1, [2, 1, 2, 1], 4.0
    yield x, f, 2, 3, [3, -1, 2, 4], 2.0
    yield x, torch.rand(1, 1, dtype=dtype), 1, 1, [-1, 0, 0, -2], 1.0


def empty(dtype: torch.dtype) -> tuple[Any, ...]:
    return (
        torch.randn(0, 3, 5, 4, dtype=dtype),
        torch.rand(4, 4, dtype=dtype),
        2,
        1,
        [2, 1] * 2,
        4.0,
    )


def test_the_published_numbers(goldens: Path) -> None:
    data = np.load(goldens / "rosinality_fork_ops.npz", allow_pickle=False)
    x, k = torch.from_numpy(data["ufd/x"]), torch.from_numpy(data["ufd/k"])
    keys = [key for key in data.files if key.startswith("ufd/up")]
    assert len(keys) == 5
    for key in keys:
        found = re.fullmatch(r"ufd/up(\d+)_down(\d+)_pad(-?\d+),(-?\d+)", key)
        assert found is not None
        up, down, before, after = map(int, found.groups())
        y = ops.upfirdn2d(x, k, up=up, down=down, padding=(before, after) * 2)
        torch.testing.assert_close(y, torch.from_numpy(data[key]), rtol=0, atol=1e-6)


def test_the_published_upsampling_of_a_skip_picture(goldens: Path) -> None:
    data = np.load(goldens / "sefa_sg2_blocks.npz", allow_pickle=False)
    x, y = torch.from_numpy(data["upsample/x"]), torch.from_numpy(data["upsample/y"])
    taps = torch.tensor([1.0, 3, 3, 1])
    filter = taps.outer(taps) / 64
    ours = ops.upfirdn2d(x, filter, up=2, padding=(2, 1, 2, 1), gain=4)
    torch.testing.assert_close(ours, y, rtol=0, atol=2e-5)


def by_loops(
    x: torch.Tensor, f: torch.Tensor, up: int, down: int, padding: tuple[int, ...]
) -> torch.Tensor:
    """y[r, c] = sum_ij f[i, j] u[r*down - i, c*down - j], u the zero-filled picture: one pixel at a time."""
    left, right, top, bottom = padding
    height, width = x.shape[0] * up + top + bottom, x.shape[1] * up + left + right
    rows, columns = (height - f.shape[0]) // down + 1, (width - f.shape[1]) // down + 1
    y = torch.zeros(rows, columns, dtype=x.dtype)
    for r in range(rows):
        for c in range(columns):
            for i in range(f.shape[0]):
                for j in range(f.shape[1]):
                    a = r * down + f.shape[0] - 1 - i - top
                    b = c * down + f.shape[1] - 1 - j - left
                    if (
                        a % up == b % up == 0
                        and 0 <= a // up < len(x)
                        and 0 <= b // up < x.shape[1]
                    ):
                        y[r, c] += f[i, j] * x[a // up, b // up]
    return y


@settings(max_examples=25)
@given(
    st.tuples(*[st.integers(1, 5)] * 4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.tuples(*[st.integers(-2, 4)] * 4),
    st.integers(0, 2**31),
)
def test_every_pixel_is_the_sum_it_should_be(
    sizes: tuple[int, ...], up: int, down: int, padding: tuple[int, int, int, int], seed: int
) -> None:
    torch.manual_seed(seed)
    x = torch.randn(sizes[0], sizes[1], dtype=torch.float64)
    f = torch.randn(sizes[2], sizes[3], dtype=torch.float64)
    if (
        x.shape[0] * up + padding[2] + padding[3] < f.shape[0]
        or x.shape[1] * up + padding[0] + padding[1] < f.shape[1]
    ):
        with pytest.raises(ValueError, match="smaller than the filter"):
            ops.upfirdn2d(x[None, None], f, up=up, down=down, padding=padding)
        return
    ours = ops.upfirdn2d(x[None, None], f, up=up, down=down, padding=padding)
    torch.testing.assert_close(ours[0, 0], by_loops(x, f, up, down, padding))


def test_a_filter_is_a_constant() -> None:
    x, f = torch.randn(1, 1, 4, 4), torch.rand(2, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="upfirdn2d: filters are constants"):
        ops.upfirdn2d(x, f).sum().backward()


@pytest.mark.parametrize(
    "changed, error, message",
    [
        ({"x": torch.ones(1, 1, 4, 4, dtype=torch.int64)}, TypeError, "x must be of a floating"),
        ({"x": torch.randn(4, 4)}, ValueError, r"x must be \[N, C, H, W\], got \[4, 4\]"),
        ({"filter": torch.rand(4)}, ValueError, r"filter must be \[fh, fw\], got \[4\]"),
        ({"up": 0}, ValueError, "up and down must be 1 or more, got 0 and 1"),
        ({"down": -1}, ValueError, "up and down must be 1 or more"),
        ({"padding": (1, 2)}, ValueError, r"padding must be \(left, right, top, bottom\)"),
        ({"padding": (-2, -2, 0, 0)}, ValueError, "smaller than the filter .*pad more"),
    ],
)
def test_mistakes_are_named(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match="upfirdn2d: .*" + message):
        ops.upfirdn2d(**{"x": torch.randn(1, 1, 4, 4), "filter": torch.rand(2, 2), **changed})
