from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from steerx import ops
from steerx._seeds import normal

from .gradients import convolution_masks
from .test_modulated_conv2d import MISTAKES, arguments, blur
from .tolerance import as_good_as_torch, in_dtype

DIFFERENTIABLE = (0, 1, 2, 3, 4, 5)


def samples(dtype: torch.dtype) -> Iterator[tuple[Any, ...]]:
    bias, strength = torch.randn(5, dtype=dtype), torch.tensor(0.7, dtype=dtype)
    shared, each = torch.randn(8, 12, dtype=dtype), torch.randn(2, 1, 4, 6, dtype=dtype)
    tail = (True, 0.2, 1.4, None)
    yield *arguments(dtype=dtype), bias, shared, strength, None, 0, blur(dtype), 2, *tail
    yield *arguments(dtype=dtype), bias, each, None, None, 0, None, 1, True, 0.2, 1.4, 1.5
    ids = torch.tensor([7, -(2**40)])
    yield *arguments(dtype=dtype), None, None, strength, ids, 11, None, 1, False, 0.2, 1.4, None


def empty(dtype: torch.dtype) -> tuple[Any, ...]:
    ids = torch.zeros(0, dtype=torch.int64)
    tail = (True, 0.2, 1.4, None)
    return *arguments(0, dtype), None, None, None, ids, 1, blur(dtype), 2, *tail


@pytest.mark.parametrize(
    "group, options",
    [("k3", {}), ("k3up", {"up": 2}), ("k3nodemod", {"demodulate": False})],
)
def test_the_published_numbers(goldens: Path, group: str, options: dict[str, Any]) -> None:
    data = np.load(goldens / "sefa_sg2_blocks.npz", allow_pickle=False)
    get = lambda key: torch.from_numpy(data[f"{group}/{key}"])  # noqa: E731
    weight = get("sd/weight") / get("sd/weight")[0].numel() ** 0.5
    filter = None
    if group == "k3up":  # this format stores the up-kernel flipped
        weight = weight.flip((2, 3))
        filter = get("sd/filter.kernel")[0, 0] / 4
    y = ops.style_layer(
        get("x"),
        get("style"),
        weight,
        get("sd/bias"),
        noise=get("sd/noise")[0, 0],
        noise_strength=get("sd/noise_strength"),
        filter=filter,
        **options,
    )
    for path in ("y_fused", "y_unfused"):
        torch.testing.assert_close(y, get(path), rtol=0, atol=2e-5)


def test_it_is_the_convolution_with_its_tail() -> None:
    x, style, weight = arguments()
    bias, noise, strength = torch.randn(5), torch.randn(4, 6), torch.tensor(0.3)
    y = ops.style_layer(
        x, style, weight, bias, noise=noise, noise_strength=strength, slope=0.1, gain=3.0, clamp=4.0
    )
    inner = ops.modulated_conv2d(x, style, weight) + noise * strength + bias[:, None, None]
    torch.testing.assert_close(y, (leaky_relu(inner, 0.1) * 3).clamp(-4, 4))


def test_one_noise_for_all_equals_the_same_noise_for_each() -> None:
    x, style, weight = arguments()
    noise = torch.randn(4, 6)
    shared = ops.style_layer(x, style, weight, noise=noise)
    each = ops.style_layer(x, style, weight, noise=noise.expand(2, 1, 4, 6))
    assert torch.equal(shared, each)
    assert not torch.equal(shared, ops.style_layer(x, style, weight))


def test_counted_noise_is_the_draw_of_the_sample_whatever_the_batch() -> None:
    x, style, weight = arguments(4)
    ids, strength = torch.tensor([5, 2**40, 5, 0]), torch.tensor(0.3)
    given = {"noise_key": 99, "noise_strength": strength}
    whole = ops.style_layer(x, style, weight, sample_ids=ids, **given)  # type: ignore[arg-type]
    picture = normal(99, ids, 4 * 6).view(4, 1, 4, 6)
    drawn = ops.style_layer(x, style, weight, noise=picture, noise_strength=strength)
    assert torch.equal(whole, drawn)
    alone = [
        ops.style_layer(x[n : n + 1], style[n : n + 1], weight, sample_ids=ids[n : n + 1], **given)  # type: ignore[arg-type]
        for n in range(4)
    ]
    torch.testing.assert_close(torch.cat(alone), whole)  # convolutions may round by batch size
    other_key = ops.style_layer(x, style, weight, sample_ids=ids, noise_key=100)
    assert not torch.allclose(whole, other_key)


@pytest.mark.parametrize("asked", ["x", "style", "weight", "bias", "noise", "noise_strength"])
@pytest.mark.parametrize("up", [1, 2])
def test_gradients_are_computed_only_where_asked(asked: str, up: int) -> None:
    given = dict(zip(("x", "style", "weight"), arguments(), strict=True))
    given |= {"bias": torch.randn(5), "noise": torch.randn(4 * up, 6 * up)}
    given["noise_strength"] = torch.tensor(0.5)
    given[asked].requires_grad_()
    masks = convolution_masks(ops.style_layer(**given, filter=blur(), up=up).sum())  # type: ignore[arg-type]
    computed = [m[:2] for m in masks if any(m)]
    wanted = {"x": [[True, False]], "style": [[True, False]], "weight": [[False, True]]}
    assert computed == wanted.get(asked, [])
    assert given[asked].grad is not None


@pytest.mark.parametrize("changed, error, message", [m for m in MISTAKES if "up" not in m[0]])
def test_mistakes_of_the_convolution_are_named(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    given = dict(zip(("x", "style", "weight"), arguments(), strict=True))
    with pytest.raises(error, match="style_layer: .*" + message):
        ops.style_layer(**{**given, **changed})


@pytest.mark.parametrize(
    "changed, error, message",
    [
        ({"bias": torch.randn(4)}, ValueError, r"bias must be \[O\] with O = 5, got \[4\]"),
        ({"noise": torch.randn(4, 5)}, ValueError, r"noise must be \[H, W\] or \[N, 1, H, W\]"),
        (
            {"noise": torch.randn(4, 6), "sample_ids": torch.zeros(2, dtype=torch.int64)},
            ValueError,
            "give noise or sample_ids, not both",
        ),
        ({"noise_strength": torch.ones(1)}, ValueError, "noise_strength must be a scalar tensor"),
        (
            {"sample_ids": torch.zeros(3, dtype=torch.int64)},
            ValueError,
            r"sample_ids must be \[N\]",
        ),
        ({"sample_ids": torch.zeros(2)}, TypeError, "sample_ids must be int64"),
        ({"up": 2}, ValueError, "resampling needs a filter"),
        ({"slope": -0.2}, ValueError, "slope must be a positive"),
        ({"clamp": 0.0}, ValueError, "clamp must be a positive"),
    ],
)
def test_mistakes_of_the_tail_are_named(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    given: dict[str, Tensor] = dict(zip(("x", "style", "weight"), arguments(), strict=True))
    with pytest.raises(error, match="style_layer: .*" + message):
        ops.style_layer(**{**given, **changed})


@pytest.mark.parametrize("up", [1, 2])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gradients_are_as_good_as_plain_torchs(dtype: torch.dtype, up: int) -> None:
    """A large bias must not cost the style's gradient its digits."""
    x, style, weight = arguments(dtype=torch.float64)
    noise = torch.randn(4 * up, 6 * up, dtype=torch.float64)
    tail = (None, None, 0, blur(torch.float64), up, True, 0.2, 1.4, None)
    exact = (x, style, weight, torch.full((5,), 60.0, dtype=torch.float64), noise, *tail)
    grad = torch.randn(2, 5, 4 * up, 6 * up, dtype=torch.float64)

    def gradients(call: Any, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
        args = in_dtype(exact, dtype)
        asked = [a.requires_grad_() for a in args[:3]]
        return torch.autograd.grad(call(*args), asked, grad.to(dtype))

    operator = ops.REGISTRY["style_layer"]
    truth = gradients(operator.reference, torch.float64)
    ours, plain = gradients(operator.call, dtype), gradients(operator.reference, dtype)
    for one, other, right in zip(ours, plain, truth, strict=True):
        as_good_as_torch(one, other, right)
