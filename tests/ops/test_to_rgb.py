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
from .test_modulated_conv2d import blur

DIFFERENTIABLE = (0, 1, 2, 3, 4)


def arguments(n: int = 2, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
    x, style = torch.randn(n, 5, 4, 6, dtype=dtype), torch.randn(n, 5, dtype=dtype)
    return x, style, torch.randn(3, 5, 1, 1, dtype=dtype), torch.randn(3, dtype=dtype)


def samples(dtype: torch.dtype) -> Iterator[tuple[Any, ...]]:
    wide = torch.promote_types(dtype, torch.float32)
    yield *arguments(dtype=dtype), torch.randn(2, 3, 2, 3, dtype=wide), blur(dtype), None
    yield *arguments(dtype=dtype), torch.randn(2, 3, 4, 6, dtype=wide), None, 1.5
    yield *arguments(dtype=dtype)[:3], None, None, None, None


def empty(dtype: torch.dtype) -> tuple[Any, ...]:
    wide = torch.promote_types(dtype, torch.float32)
    return *arguments(0, dtype), torch.randn(0, 3, 2, 3, dtype=wide), blur(dtype), None


def test_the_published_numbers(goldens: Path) -> None:
    data = np.load(goldens / "rosinality_fork_ops.npz", allow_pickle=False)
    get = lambda key: torch.from_numpy(data[f"torgb/{key}"])  # noqa: E731
    weight = get("sd/conv.weight")[0]
    weight = weight / weight[0].numel() ** 0.5
    affine = get("sd/conv.modulation.weight")
    style = get("w") @ affine.t() / affine.shape[1] ** 0.5 + get("sd/conv.modulation.bias")
    kernel = get("sd/upsample.kernel")
    bias = get("sd/bias").flatten()
    y = ops.to_rgb(get("x"), style, weight, bias, skip=get("skip"), filter=kernel / kernel.sum())
    torch.testing.assert_close(y, get("y"), rtol=0, atol=2e-5)


def test_the_published_numbers_without_a_skip(goldens: Path) -> None:
    data = np.load(goldens / "sefa_sg2_blocks.npz", allow_pickle=False)
    get = lambda key: torch.from_numpy(data[f"k1rgb/{key}"])  # noqa: E731
    weight = get("sd/weight") / get("sd/weight")[0].numel() ** 0.5
    y = ops.to_rgb(get("x"), get("style"), weight, get("sd/bias"))
    torch.testing.assert_close(y, get("y_fused"), rtol=0, atol=2e-5)


def test_the_clamp_comes_before_the_skip_is_added() -> None:
    x, style, weight, bias = arguments()
    skip = torch.randn(2, 3, 4, 6) * 10
    clamped = ops.to_rgb(x, style, weight, bias, clamp=0.5)
    assert clamped.abs().max() == 0.5
    assert torch.equal(ops.to_rgb(x, style, weight, bias, skip=skip, clamp=0.5), clamped + skip)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_pictures_accumulate_in_float32(dtype: torch.dtype) -> None:
    x, style, weight, bias = arguments(dtype=dtype)
    skip = torch.full((2, 3, 4, 6), 1 + 2**-20)
    y = ops.to_rgb(x, style, weight, bias, skip=skip)
    assert y.dtype == torch.float32
    assert torch.equal(y - ops.to_rgb(x, style, weight, bias), y - (y - skip))


@pytest.mark.parametrize("asked", ["x", "style", "weight", "bias", "skip"])
def test_gradients_are_computed_only_where_asked(asked: str) -> None:
    given = dict(zip(("x", "style", "weight", "bias"), arguments(), strict=True))
    given["skip"] = torch.randn(2, 3, 2, 3)
    given[asked].requires_grad_()
    masks = convolution_masks(ops.to_rgb(**given, filter=blur(), clamp=9.0).sum())
    computed = [m[:2] for m in masks if any(m)]
    wanted = {"x": [[True, False]], "style": [[True, False]], "weight": [[False, True]]}
    assert computed == wanted.get(asked, [])
    assert given[asked].grad is not None


@pytest.mark.parametrize(
    "changed, error, message",
    [
        ({"x": torch.ones(2, 5, 4, 6, dtype=torch.int64)}, TypeError, "x must be of a floating"),
        ({"x": torch.randn(5, 4, 6)}, ValueError, r"x must be \[N, I, H, W\]"),
        ({"style": torch.randn(1, 5)}, ValueError, r"style must be \[N, I\] with N = 2, I = 5"),
        ({"weight": torch.randn(3, 5, 3, 3)}, ValueError, r"weight must be \[P, I, 1, 1\]"),
        ({"bias": torch.randn(4)}, ValueError, r"bias must be \[P\] with P = 3, got \[4\]"),
        ({"skip": torch.randn(2, 3, 2, 3)}, ValueError, r"skip must be \[N, P, H, W\]"),
        ({"filter": blur()}, ValueError, "give skip too, or no filter"),
        (
            {"skip": torch.randn(2, 3, 4, 6), "filter": blur()},
            ValueError,
            r"skip must be \[N, P, h, w\] with .*h = 2, w = 3",
        ),
        (
            {
                "x": torch.randn(2, 5, 5, 6),
                "skip": torch.randn(2, 3, 2, 3),
                "filter": blur(),
            },
            ValueError,
            "an upsampled skip fits even sizes, got 5x6",
        ),
        ({"clamp": -1.0}, ValueError, "clamp must be a positive"),
    ],
)
def test_mistakes_are_named(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    given = dict(zip(("x", "style", "weight", "bias"), arguments(), strict=True))
    with pytest.raises(error, match="to_rgb: .*" + message):
        ops.to_rgb(**{**given, **changed})
