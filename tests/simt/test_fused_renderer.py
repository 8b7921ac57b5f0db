"""Whole pictures through the kernels' own text: the fused renderer with its pass run on the CPU, thread by thread."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from steerx.rendering import FusedRenderer, PlainRenderer, SampleNoise, fused
from tests.rendering.networks import generator
from tests.simt.arrays import array, name

pytestmark = pytest.mark.simt


def served(parts: dict[str, Any]) -> dict[str, Any]:
    """A tail's parts as the kernels' doors take them, outputs unwritten."""
    given = {k: v for k, v in parts.items() if v is not None}
    if "noise_strength" in given:
        given["noise_strength"] = given["noise_strength"].view(1)
    for key in ("y", "styled", "rgb"):
        if key in given:
            given[key].fill_(float("nan"))
    given = {k: array(v) if isinstance(v, Tensor) else v for k, v in given.items()}
    given["noise_key"] %= 2**64  # signed in the operator's schema
    return given


def epilogue_of(simt: ModuleType, calls: list[str]) -> Any:
    """`steerx.ops._epilogue.epilogue`, served by the kernels."""

    def epilogue(x: Tensor, *, blur: list[float] | None, shuffled: bool, **parts: Any) -> None:
        assert shuffled == (x.dim() == 5)
        given = served(parts)
        kernel = "style_epilogue" if blur is None else "upsample_epilogue"
        given |= {} if blur is None else {"taps": blur}
        getattr(simt, kernel)(name(x.dtype), array(x), given)
        calls.append(kernel + (" with a picture" if "rgb" in given else ""))

    return epilogue


def whole_layer_of(simt: ModuleType, calls: list[str]) -> Any:
    """`steerx.ops._whole_layer.whole_layer`, served by the kernels."""

    def whole_layer(x: Tensor, weight: Tensor, *, blur: list[float] | None, **parts: Any) -> None:
        given = served(parts) | ({} if blur is None else {"taps": blur})
        simt.style_layer(name(x.dtype), array(x), array(weight), 1 if blur is None else 2, given)
        calls.append("style_layer" + (" with a picture" if "rgb" in given else ""))

    return whole_layer


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("up", ["transposed", "dense"])
def test_pictures_of_a_network(
    simt: ModuleType, monkeypatch: pytest.MonkeyPatch, up: Any, dtype: torch.dtype
) -> None:
    G = generator(1, clamp=2.0)
    styles = G.codes(seeds="0-1", space="styles")
    noise = SampleNoise(9, torch.tensor([7, 2**40]))
    renderer = FusedRenderer(G.synthesis, dtype=dtype, up=up)
    reference = renderer.render(styles, noise=noise)
    calls: list[str] = []
    monkeypatch.setattr(fused, "epilogue", epilogue_of(simt, calls))
    found = renderer.render(styles, noise=noise)
    # 8 channels of float16 and 16 of either make the picture in the pass; 10 do not.
    assert calls == [
        "style_epilogue",
        "upsample_epilogue",
        "style_epilogue with a picture",
        "upsample_epilogue",
        "style_epilogue with a picture",
    ]
    truth = PlainRenderer(G.synthesis).render(styles, noise=noise)
    assert (found - truth).norm() <= 1.1 * (reference - truth).norm() + 1e-5 * truth.norm()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_pictures_of_whole_layers(
    simt: ModuleType, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    G = generator(1, clamp=2.0, channels={4: 16, 8: 16, 16: 8})
    styles = G.codes(seeds="0-1", space="styles")
    noise = SampleNoise(9, torch.tensor([7, 2**40]))
    apart = FusedRenderer(G.synthesis, dtype=dtype).render(styles, noise=noise)
    calls: list[str] = []
    monkeypatch.setattr(fused, "serves", lambda device: True)
    monkeypatch.setattr(fused, "whole_layer", whole_layer_of(simt, calls))
    found = FusedRenderer(G.synthesis, dtype=dtype, whole=True).render(styles, noise=noise)
    picture, plain = "style_layer with a picture", "style_layer"
    assert calls == [picture, plain, picture, plain, picture]
    truth = PlainRenderer(G.synthesis).render(styles, noise=noise)
    assert (found - truth).norm() <= 1.1 * (apart - truth).norm()
