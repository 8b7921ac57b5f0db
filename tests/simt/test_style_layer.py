from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from steerx.ops import REGISTRY
from steerx.rendering.convolution import demodulation, kernel, scaled
from tests.ops.tolerance import as_good_as_torch
from tests.simt.arrays import array, name, unwritten
from tests.simt.tails import BLUR, every_part, tail

pytestmark = pytest.mark.simt
DTYPES = [torch.float16, torch.bfloat16]


def packed(unit: Tensor) -> Tensor:
    """W' [O, I, 3, 3] as the kernel takes it [O, 3, 3, I]: what channels_last is in memory."""
    return unit.permute(0, 2, 3, 1).contiguous()


def run(
    simt: ModuleType, x: Tensor, weight: Tensor, up: int, parts: dict[str, Any]
) -> dict[str, Tensor]:
    """x [N, h, w, I], weight packed."""
    n, h, w, _ = x.shape
    shape = (n, h * up, w * up, weight.shape[0])
    out = {"y": unwritten(shape, x.dtype)}
    if "next_style" in parts:
        out["styled"] = unwritten(shape, x.dtype)
    if "rgb_weight" in parts:
        out["rgb"] = unwritten((*shape[:3], 3), torch.float32)
    given = {k: array(v) if isinstance(v, Tensor) else v for k, v in (parts | out).items()}
    given["taps"] = (BLUR * 2).tolist()
    if "skip_taps" in given:
        given["skip_taps"] = given["skip_taps"].tolist()
    simt.style_layer(name(x.dtype), array(x), array(weight), up, given)
    return out


def convolved(x: Tensor, weight: Tensor, style: Tensor, up: int, dtype: torch.dtype) -> Tensor:
    """What stands before the tail [N, H, W, O], all in a dtype."""
    styled = (x.to(dtype) * style.to(dtype)[:, None, None]).permute(0, 3, 1, 2)
    w = weight.permute(0, 3, 1, 2).to(dtype)
    if up == 1:
        return conv2d(styled, w, padding=1).permute(0, 2, 3, 1)
    filter = torch.outer(BLUR, BLUR).to(dtype)
    z = conv_transpose2d(styled, w.transpose(0, 1), stride=2)
    blur = REGISTRY["upfirdn2d"].reference
    return blur(z, filter, 1, 1, [1, 1, 1, 1], 4.0).permute(0, 2, 3, 1)


def judge(
    simt: ModuleType, x: Tensor, weight: Tensor, style: Tensor, up: int, parts: dict[str, Any]
) -> None:
    ours = run(simt, x, weight, up, parts | {"style": style})
    found = [
        tail(convolved(x, weight, style, up, dtype), parts, dtype=dtype)
        for dtype in (x.dtype, torch.float64)
    ]
    for key, value in ours.items():
        as_good_as_torch(value, found[0][key], found[1][key], rounded=x.dtype)


def layer(
    n: int, h: int, w: int, i: int, o: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """x, packed weight and style of magnitude 1."""
    x, weight = torch.randn(n, h, w, i).to(dtype), torch.randn(o, i, 3, 3) / (9 * i) ** 0.5
    return x, packed(weight).to(dtype), torch.rand(n, i) * 2 - 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape, up, rgb",
    [
        ((2, 9, 17, 24, 40), 1, True),
        ((1, 18, 34, 8, 32), 1, True),
        ((1, 5, 3, 40, 16), 1, False),
        ((1, 3, 4, 64, 64), 1, True),
        ((2, 15, 3, 24, 40), 2, False),
        ((1, 2, 16, 40, 8), 2, False),
    ],
)
def test_the_kernel_is_as_good_as_torch(
    ordered: ModuleType, shape: tuple[int, ...], up: int, rgb: bool, dtype: torch.dtype
) -> None:
    n, h, w, i, o = shape
    judge(ordered, *layer(n, h, w, i, o, dtype), up, every_part(n, h * up, w * up, o, rgb=rgb))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_shape_and_any_parts(simt: ModuleType, data: st.DataObject) -> None:
    n, h, w = (data.draw(st.integers(1, top)) for top in (3, 19, 19))
    i, up = 8 * data.draw(st.integers(1, 5)), data.draw(st.sampled_from([1, 2]))
    o = 8 * data.draw(st.integers(1, 8))
    parts = every_part(n, h * up, w * up, o, rgb=up == 1)
    for key in ("demodulation", "bias", "noise", "next_style", "rgb_bias", "skip", "clamp"):
        if data.draw(st.booleans()):
            parts.pop(key, None)
    parts["blocks"] = data.draw(st.sampled_from([0, 1, 3]))
    order = data.draw(st.sampled_from(["forward", "reverse", "random"]))
    simt.set_order(getattr(simt.Order, order), seed=data.draw(st.integers(0, 999)))
    judge(simt, *layer(n, h, w, i, o, torch.float16), up, parts)


@pytest.mark.parametrize("up", [1, 2])
@pytest.mark.parametrize("size", [0.0, 1e-6, 1.0, 1e6])
@pytest.mark.parametrize("dtype", DTYPES)
def test_scaled_styles_and_weights_give_the_layer_of_the_operator(
    simt: ModuleType, size: float, up: int, dtype: torch.dtype
) -> None:
    n, i, o, h, w = 2, 24, 16, 6, 4
    x, style = torch.randn(n, i, h, w).to(dtype), torch.randn(n, i) * size
    style[1] = 0
    weight, bias = (torch.randn(o, i, 3, 3) * 300).to(dtype).float(), torch.randn(o)
    noise, strength = torch.randn(up * h, up * w), torch.tensor(0.3)
    way, unit = scaled(style), kernel(weight, "plain", dtype)
    parts = {
        "style": way.unit,
        "demodulation": demodulation(way, unit),
        "bias": bias,
        "noise": noise,
        "noise_strength": strength.view(1),
        "clamp": 256.0,
    }
    ours = run(simt, x.permute(0, 2, 3, 1).contiguous(), packed(unit.weight), up, parts)["y"]
    filter = torch.outer(BLUR, BLUR).double()
    truth = REGISTRY["style_layer"].reference(
        x.double(), style.double(), weight.double(), bias.double(), noise.double(),
        strength.double(), None, 0, filter, up, True, 0.2, 2**0.5, 256.0,
    )  # fmt: skip
    error = (ours.permute(0, 3, 1, 2).double() - truth).norm() / truth.norm()
    assert error < 4 * torch.finfo(dtype).eps


def test_saturated_inputs_do_not_overflow_a_half(ordered: ModuleType) -> None:
    n, h, w, i, o = 1, 4, 4, 64, 8
    x, weight = torch.full((n, h, w, i), 256.0).half(), torch.ones(o, 3, 3, i).half()
    parts = {"demodulation": torch.full((n, o), 1 / (9 * i) ** 0.5), "clamp": 65504.0}
    for up in (1, 2):  # 147456 before the demodulation
        y = run(ordered, x, weight, up, parts)["y"]
        assert y.isfinite().all() and y.max() > 3000


@pytest.mark.parametrize("up", [1, 2])
def test_the_style_on_the_input_is_the_styled_copy_of_the_layer_before(
    simt: ModuleType, up: int
) -> None:
    x, weight, style = layer(2, 5, 6, 24, 16, torch.bfloat16)
    parts = every_part(2, 5 * up, 6 * up, 16, rgb=False)
    styled = (x.float() * style[:, None, None]).to(x.dtype)
    ours = run(simt, x, weight, up, parts | {"style": style})
    for key, value in run(simt, styled, weight, up, parts).items():
        assert torch.equal(value, ours[key])


def test_noise_of_each_sample_and_noise_by_counter(ordered: ModuleType) -> None:
    for up in (1, 2):
        (x, weight, style), (h, w) = layer(3, 4, 6, 8, 8, torch.float16), (4 * up, 6 * up)
        parts = every_part(3, h, w, 8, rgb=False)
        judge(ordered, x, weight, style, up, parts | {"noise": torch.randn(3, h, w)})
        drawn = {k: v for k, v in parts.items() if k != "noise"}
        drawn |= {"sample_ids": torch.tensor([5, 2**40 + 1, 0]), "noise_key": 2**62 + 11}
        judge(ordered, x, weight, style, up, drawn)


@pytest.mark.parametrize("up", [1, 2])
def test_a_sample_does_not_depend_on_its_batch_nor_on_the_grid(simt: ModuleType, up: int) -> None:
    x, weight, style = layer(4, 9, 6, 24, 16, torch.float16)
    parts = every_part(4, 9 * up, 6 * up, 16, rgb=up == 1) | {"style": style}
    whole = run(simt, x, weight, up, parts)
    for key, value in run(simt, x, weight, up, parts | {"blocks": 3}).items():
        assert torch.equal(value, whole[key])
    of_sample = ("demodulation", "next_style", "rgb_weight", "skip", "style")
    for n in range(4):
        one = {k: v[n : n + 1] if k in of_sample else v for k, v in parts.items()}
        for key, value in run(simt, x[n : n + 1], weight, up, one).items():
            assert torch.equal(value[0], whole[key][n])


def test_nan_stays_where_the_convolution_brings_it(simt: ModuleType) -> None:
    x, weight, style = layer(1, 20, 20, 8, 8, torch.float16)
    x[0, 4, 5, 3] = float("nan")
    y = run(simt, x, weight, 1, {"style": style, "clamp": 2.0})["y"]
    assert y.isnan().any(3).nonzero()[:, 1:].tolist() == [
        [r, c] for r in (3, 4, 5) for c in (4, 5, 6)
    ]


@pytest.mark.parametrize(
    "type, i, o, up, fits",
    [
        ("float16", 8, 8, 1, True),
        ("bfloat16", 512, 64, 1, True),
        ("float16", 64, 72, 1, False),
        ("float16", 64, 512, 2, True),
        ("float16", 12, 8, 1, False),
        ("float16", 8, 12, 2, False),
        ("float16", 0, 8, 1, False),
        ("float32", 8, 8, 1, False),
        ("float16", 8, 8, 3, False),
    ],
)
def test_which_channels_fit(
    simt: ModuleType, type: str, i: int, o: int, up: int, fits: bool
) -> None:
    assert simt.style_layer_fits(type, i, o, up) == fits


def test_what_does_not_fit_is_refused(simt: ModuleType) -> None:
    x, weight, _ = layer(1, 2, 2, 8, 8, torch.float16)
    with pytest.raises(RuntimeError):
        run(simt, x, weight, 2, every_part(1, 4, 4, 8, rgb=True))
    with pytest.raises(RuntimeError):
        run(simt, *layer(1, 2, 2, 12, 8, torch.float16)[:2], 1, {})


def test_nothing_to_do(simt: ModuleType) -> None:
    for shape in ((0, 4, 4, 8, 8), (1, 0, 4, 8, 8), (1, 4, 0, 8, 8), (1, 4, 4, 8, 0)):
        for up in (1, 2):
            run(simt, *layer(*shape, torch.float16)[:2], up, {})
