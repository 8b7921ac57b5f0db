from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.ops.tolerance import as_good_as_torch
from tests.simt.arrays import array, name, unwritten
from tests.simt.tails import every_part, tail

pytestmark = pytest.mark.simt
DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def run(simt: ModuleType, x: Tensor, parts: dict[str, Any]) -> dict[str, Tensor]:
    n, h, w, _ = x.shape
    out = {"y": unwritten(tuple(x.shape), x.dtype)}
    if "next_style" in parts:
        out["styled"] = unwritten(tuple(x.shape), x.dtype)
    if "rgb_weight" in parts:
        out["rgb"] = unwritten((n, h, w, 3), torch.float32)
    given = {k: array(v) if isinstance(v, Tensor) else v for k, v in (parts | out).items()}
    if "skip_taps" in given:
        given["skip_taps"] = given["skip_taps"].tolist()
    simt.style_epilogue(name(x.dtype), array(x), given)
    return out


def judge(simt: ModuleType, x: Tensor, parts: dict[str, Any]) -> None:
    ours = run(simt, x, parts)
    plain, truth = tail(x, parts, dtype=x.dtype), tail(x, parts, dtype=torch.float64)
    for key, value in ours.items():
        as_good_as_torch(value, plain[key], truth[key], rounded=x.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape, rgb",
    [
        ((2, 6, 10, 32), True),
        ((1, 17, 3, 24), False),
        ((2, 9, 5, 7), False),
        ((1, 2, 40, 8), True),
        ((3, 1, 1, 1), False),
    ],
)
def test_the_kernel_is_as_good_as_torch(
    ordered: ModuleType, shape: tuple[int, ...], rgb: bool, dtype: torch.dtype
) -> None:
    n, h, w, o = shape
    judge(ordered, torch.randn(shape).to(dtype), every_part(n, h, w, o, rgb=rgb))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_shape_and_any_parts(simt: ModuleType, data: st.DataObject) -> None:
    n, h, w = (data.draw(st.integers(1, top)) for top in (3, 20, 20))
    o = data.draw(st.sampled_from([1, 3, 4, 8, 12, 16, 31, 64]))
    parts = every_part(n, h, w, o, rgb=o in (4, 8, 16, 64))
    for key in ("demodulation", "bias", "noise", "next_style", "rgb_bias", "skip", "clamp"):
        if data.draw(st.booleans()):
            parts.pop(key, None)
    order = data.draw(st.sampled_from(["forward", "reverse", "random"]))
    simt.set_order(getattr(simt.Order, order), seed=data.draw(st.integers(0, 999)))
    judge(simt, torch.randn(n, h, w, o), parts)


def test_noise_of_each_sample_and_noise_by_counter(ordered: ModuleType) -> None:
    x, parts = torch.randn(3, 9, 7, 8), every_part(3, 9, 7, 8, rgb=False)
    judge(ordered, x, parts | {"noise": torch.randn(3, 9, 7)})
    drawn = {k: v for k, v in parts.items() if k != "noise"}
    drawn |= {"sample_ids": torch.tensor([5, 2**40 + 1, 0]), "noise_key": 2**63 + 11}
    ours = run(ordered, x, drawn)
    key = drawn["noise_key"] - 2**64  # the reference takes it signed
    expected = tail(x, drawn | {"noise_key": key}, dtype=torch.float64)
    torch.testing.assert_close(ours["y"].double(), expected["y"], rtol=1e-5, atol=1e-5)


def test_a_sample_does_not_depend_on_its_batch(simt: ModuleType) -> None:
    x, parts = torch.randn(5, 10, 6, 16), every_part(5, 10, 6, 16, rgb=True)
    whole = run(simt, x, parts)
    of_sample = ("demodulation", "next_style", "rgb_weight", "skip")
    for n in range(5):
        one = {k: v[n : n + 1] if k in of_sample else v for k, v in parts.items()}
        for key, value in run(simt, x[n : n + 1], one).items():
            assert torch.equal(value[0], whole[key][n])


def test_nan_and_infinity_pass_the_clamp(simt: ModuleType) -> None:
    x = torch.tensor([float("nan"), float("inf"), -float("inf"), 1.0]).view(1, 1, 1, 4)
    y = run(simt, x, {"slope": 0.2, "gain": 1.0, "clamp": 3.0})["y"].flatten()
    assert y[0].isnan() and y[1:].tolist() == [3.0, -3.0, 1.0]


@pytest.mark.parametrize("channels, fits", [(8, True), (256, True), (512, False), (24, False)])
def test_the_picture_is_made_where_channels_fit_a_warp(
    simt: ModuleType, channels: int, fits: bool
) -> None:
    assert simt.epilogue_makes_rgb("float16", channels) == fits
    x = torch.randn(1, 2, 2, channels).half()
    parts = every_part(1, 2, 2, channels, rgb=True)
    if fits:
        judge(simt, x, parts)
    else:
        with pytest.raises(RuntimeError):
            run(simt, x, parts)


def test_nothing_to_do(simt: ModuleType) -> None:
    for shape in ((0, 4, 4, 8), (1, 0, 4, 8), (1, 4, 4, 0)):
        run(simt, torch.randn(shape), {"slope": 0.2, "gain": 1.0})
