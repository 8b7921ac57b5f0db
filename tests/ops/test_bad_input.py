"""What does not fit is refused by name, in every argument of every operator; nothing is guessed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from steerx import ops

FILTER = torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8] * 2)
X, STYLE, WEIGHT = torch.ones(2, 4, 6, 6), torch.ones(2, 4), torch.ones(3, 4, 3, 3)
LAYER = {"x": X, "style": STYLE, "weight": WEIGHT, "filter": FILTER, "up": 2}
NOISE = {"bias": torch.ones(3), "noise": torch.ones(12, 12), "noise_strength": torch.tensor(1.0)}
SKIP = {"bias": torch.ones(3), "skip": torch.ones(2, 3, 3, 3), "filter": FILTER}
ROWS = torch.tensor([0, 1, 0])
CALLS: dict[str, dict[str, Any]] = {
    "bias_act": {"x": X, "bias": torch.ones(4)},
    "edit_styles": {
        "base": torch.ones(2, 7),
        "steps": torch.ones(2, 7),
        "alphas": torch.ones(3),
        "sources": ROWS,
        "directions": ROWS,
    },
    "eigh": {"a": torch.ones(2, 5, 5)},
    "filtered_lrelu": {
        "x": X,
        "bias": torch.ones(4),
        "up_filter": FILTER,
        "down_filter": FILTER[0],
        "up": 2,
    },
    "modulated_conv2d": LAYER,
    "style_layer": LAYER | NOISE,
    "to_rgb": {"x": X, "style": STYLE, "weight": torch.ones(3, 4, 1, 1)} | SKIP,
    "upfirdn2d": {"x": X, "filter": FILTER},
}
EACH = [(name, a) for name, call in CALLS.items() for a in call if isinstance(call[a], Tensor)]
each = pytest.mark.parametrize(("name", "argument"), EACH)


def call(name: str, **changed: Any) -> Any:
    return getattr(ops, name)(**(CALLS[name] | changed))


def named(name: str, argument: str) -> str:
    return rf"^{name}: {re.escape(argument)} "


def test_every_tensor_of_every_schema_is_here() -> None:
    for name, operator in ops.REGISTRY.items():
        tensors = {a.name for a in operator.call._schema.arguments if "Tensor" in str(a.type)}
        assert tensors - {"sample_ids"} == {a for n, a in EACH if n == name}
        call(name)


@each
@pytest.mark.parametrize(
    "dtype", [torch.int32, torch.bool, torch.complex64, torch.float8_e4m3fn], ids=str
)
def test_numbers_of_another_kind(name: str, argument: str, dtype: torch.dtype) -> None:
    with pytest.raises(TypeError, match=named(name, argument)):
        call(name, **{argument: CALLS[name][argument].to(dtype)})


@each
def test_no_tensor(name: str, argument: str) -> None:
    with pytest.raises((TypeError, ValueError), match=named(name, argument)):
        call(name, **{argument: [1.0]})


@each
def test_another_device(name: str, argument: str) -> None:
    if name == "eigh":
        pytest.skip("it has one tensor")
    with pytest.raises(ValueError, match=f"^{name}: all tensors must be on one device"):
        call(name, **{argument: CALLS[name][argument].to("meta")})


@each
def test_another_rank(name: str, argument: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        call(name, **{argument: CALLS[name][argument][None, None, None]})


@pytest.mark.parametrize(
    ("name", "argument", "empty"),
    [
        *((n, "x", X[:, :, :0]) for n in ("modulated_conv2d", "style_layer", "to_rgb")),
        *((n, "weight", WEIGHT[:0]) for n in ("modulated_conv2d", "style_layer")),
        *((n, "filter", FILTER[:0, :0]) for n in ("modulated_conv2d", "style_layer", "to_rgb")),
        ("to_rgb", "weight", torch.ones(0, 4, 1, 1)),
        ("upfirdn2d", "filter", FILTER[:0]),
        ("upfirdn2d", "x", X[:, :0]),
    ],
)
def test_nothing_to_compute_from(name: str, argument: str, empty: Tensor) -> None:
    given = {argument: empty} | ({"noise": None} if name == "style_layer" else {})
    given |= {"skip": None, "filter": None} if name == "to_rgb" and argument != "filter" else {}
    if argument == "weight":
        given["bias"] = None
    given.pop("bias", None) if name == "modulated_conv2d" else None
    with pytest.raises(ValueError, match=rf"^{name}: .* 1 or more, got 0"):
        call(name, **given)


@pytest.mark.parametrize(("up", "down"), [(2, 2), (-1, -1), (-1, -2), (0, 1), (4, 1), (1, 3)])
def test_factors_that_no_layer_has(up: int, down: int) -> None:
    with pytest.raises(ValueError, match=f"must be 1 or 2, one of them 1, got {up} and {down}"):
        call("modulated_conv2d", up=up, down=down)
    if down == 1:
        with pytest.raises(ValueError, match="must be 1 or 2"):
            call("style_layer", up=up)


def test_a_picture_that_halving_leaves_nothing_of() -> None:
    with pytest.raises(ValueError, match="modulated_conv2d: x must be at least 2x2 px"):
        call("modulated_conv2d", x=X[:, :, :1], up=1, down=2)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0])
def test_numbers_that_are_none(bad: float) -> None:
    for name, arguments in (
        ("bias_act", ("slope", "gain", "clamp")),
        ("style_layer", ("slope", "gain", "clamp")),
        ("to_rgb", ("clamp",)),
        ("filtered_lrelu", ("slope", "gain", "clamp")),
        ("upfirdn2d", ("gain",) if bad != -1.0 else ()),
    ):
        for argument in arguments:
            with pytest.raises(ValueError, match=named(name, argument)):
                call(name, **{argument: bad})


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_a_skip_of_another_precision_does_not_change_the_picture(dtype: torch.dtype) -> None:
    """The fake says float32, so a compiled graph would believe it."""
    skip = CALLS["to_rgb"]["skip"].to(dtype).requires_grad_()
    picture = call("to_rgb", skip=skip)
    assert picture.dtype == torch.float32
    torch.testing.assert_close(picture, call("to_rgb"))
    picture.sum().backward()
    assert skip.grad is not None and skip.grad.dtype == dtype


@pytest.mark.parametrize("size", [0.0, 1e-6, 1e-4, 1.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_demodulation_of_half_precision_styles(dtype: torch.dtype, size: float) -> None:
    """In float16 both eps and the square of a small style are 0; what divides is float32."""
    torch.manual_seed(0)
    x, weight = torch.randn(2, 4, 6, 6).to(dtype), (torch.randn(3, 4, 3, 3) / 8).to(dtype)
    style = torch.full((2, 4), size).to(dtype).requires_grad_()
    y = ops.modulated_conv2d(x, style, weight)
    truth = ops.modulated_conv2d(x.double(), style.double(), weight.double())
    assert y.isfinite().all()
    tolerance = 16 * torch.finfo(dtype).eps
    torch.testing.assert_close(y.double(), truth, rtol=tolerance, atol=tolerance)
    if size in (0.0, 1.0):  # between them the gradient itself is beyond float16
        (found,) = torch.autograd.grad(y.float().mean(), style)
        assert found.isfinite().all()
