from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from steerx import ops

from .gradients import convolution_masks

DIFFERENTIABLE = (0, 1, 2)


def arguments(n: int = 2, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    x, style = torch.randn(n, 3, 4, 6, dtype=dtype), torch.randn(n, 3, dtype=dtype)
    return x, style, torch.randn(5, 3, 3, 3, dtype=dtype)


def blur(dtype: torch.dtype = torch.float32) -> Tensor:
    taps = torch.tensor([1.0, 2, 3, 1], dtype=dtype)  # lopsided, so that a flip shows
    return taps.outer(taps) / taps.sum().square()


def samples(dtype: torch.dtype) -> Iterator[tuple[Any, ...]]:
    yield *arguments(dtype=dtype), None, 1, 1, True
    yield *arguments(dtype=dtype), blur(dtype), 2, 1, True
    yield *arguments(dtype=dtype), blur(dtype), 1, 2, False


def empty(dtype: torch.dtype) -> tuple[Any, ...]:
    return *arguments(0, dtype), blur(dtype), 2, 1, True


@pytest.mark.parametrize(
    "group, options",
    [("k3", {}), ("k3up", {"up": 2}), ("k3down", {"down": 2}), ("k1", {"demodulate": False})],
)
def test_the_published_numbers(goldens: Path, group: str, options: dict[str, Any]) -> None:
    data = np.load(goldens / "rosinality_fork_ops.npz", allow_pickle=False)
    get = lambda key: torch.from_numpy(data[f"{group}/{key}"])  # noqa: E731
    weight = get("sd/weight")[0]
    weight = weight / weight[0].numel() ** 0.5
    affine = get("sd/modulation.weight")
    style = get("w") @ affine.t() / affine.shape[1] ** 0.5 + get("sd/modulation.bias")
    kernel = get("sd/blur.kernel") if f"{group}/sd/blur.kernel" in data.files else None
    filter = None if kernel is None else kernel / kernel.sum()
    y = ops.modulated_conv2d(get("x"), style, weight, filter=filter, **options)
    torch.testing.assert_close(y, get("y"), rtol=0, atol=2e-5)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_shared_weights_equal_weights_per_sample(kernel: int) -> None:
    x, style, _ = arguments(dtype=torch.float64)
    weight = torch.randn(5, 3, kernel, kernel, dtype=torch.float64)
    per_sample = weight * style[:, None, :, None, None]
    norm = (per_sample.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    rows = [
        torch.nn.functional.conv2d(x[None, i], w, padding=kernel // 2)
        for i, w in enumerate(per_sample / norm)
    ]
    torch.testing.assert_close(ops.modulated_conv2d(x, style, weight), torch.cat(rows))


def test_a_style_of_zeros_gives_zeros() -> None:
    x, style, weight = arguments()
    y = ops.modulated_conv2d(x, torch.zeros_like(style), weight)
    assert torch.equal(y, torch.zeros_like(y))


@pytest.mark.parametrize(
    "asked, mask",
    [("x", [True, False]), ("style", [True, False]), ("weight", [False, True])],
)
@pytest.mark.parametrize("up, down", [(1, 1), (2, 1), (1, 2)])
def test_gradients_are_computed_only_where_asked(
    asked: str, mask: list[bool], up: int, down: int
) -> None:
    given = dict(zip(("x", "style", "weight"), arguments(), strict=True))
    given[asked].requires_grad_()
    y = ops.modulated_conv2d(**given, filter=blur(), up=up, down=down)
    masks = convolution_masks(y.sum())
    assert [m[:2] for m in masks] == [mask]
    assert given[asked].grad is not None


MISTAKES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"x": torch.ones(2, 3, 4, 6, dtype=torch.int64)}, TypeError, "x must be of a floating-point"),
    ({"x": torch.randn(3, 4, 6)}, ValueError, r"x must be \[N, I, H, W\], got \[3, 4, 6\]"),
    ({"style": torch.randn(2, 4)}, ValueError, r"style must be \[N, I\] with N = 2, I = 3"),
    ({"weight": torch.randn(5, 4, 3, 3)}, ValueError, r"weight must be \[O, I, k, k\] with I = 3"),
    ({"weight": torch.randn(5, 3, 2, 2)}, ValueError, "odd kernel size, got 2x2"),
    ({"weight": torch.randn(5, 3, 3, 1)}, ValueError, r"weight must be \[O, I, k, k\]"),
    ({"up": 2}, ValueError, "resampling needs a filter"),
    ({"up": 3, "filter": torch.rand(4, 4)}, ValueError, "up and down must be 1 or 2"),
    ({"up": 2, "filter": torch.rand(4)}, ValueError, r"filter must be \[f, f\], got \[4\]"),
]


@pytest.mark.parametrize("changed, error, message", MISTAKES)
def test_mistakes_are_named(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    given = dict(zip(("x", "style", "weight"), arguments(), strict=True))
    with pytest.raises(error, match="modulated_conv2d: .*" + message):
        ops.modulated_conv2d(**{**given, **changed})
