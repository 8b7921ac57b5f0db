"""What `make gpu-check` asks of a GPU, asked of the kernels' own text: it refuses no kernel that is right."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from torch import Tensor

from bench import gpu_agreement
from bench.gpu_device import Device
from steerx import ops
from tests.simt import test_eigh, test_moments, test_weight_covariance
from tests.simt.test_fused_renderer import epilogue_of, whole_layer_of

pytestmark = pytest.mark.simt


def test_the_kernels_pass_the_check(simt: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    tail, layer = epilogue_of(simt, calls), whole_layer_of(simt, calls)
    least = {"blur": None, "noise_key": 0}  # what the doors want named

    def moments(x: Tensor, shift: Tensor | None, sum: Tensor, products: Tensor) -> None:
        for own, found in zip((sum, products), test_moments.run(simt, x, shift), strict=True):
            own += found

    def eigh(a: Tensor) -> tuple[Tensor, Tensor]:
        return test_eigh.run(simt, a)

    def weight_covariance(weights: list[Tensor], *, normalize: bool) -> Tensor:
        return test_weight_covariance.run(simt, weights, normalize)

    def epilogue(x: Tensor, **parts: Any) -> None:
        tail(x, shuffled=False, **(least | parts))

    def whole_layer(x: Tensor, weight: Tensor, **parts: Any) -> None:
        layer(x, weight, **(least | parts))

    served = SimpleNamespace(REGISTRY=ops.REGISTRY, eigh=eigh)
    for name, work in (
        ("epilogue", epilogue), ("whole_layer", whole_layer), ("moments", moments),
        ("weight_covariance", weight_covariance), ("ops", served),
    ):  # fmt: skip
        monkeypatch.setattr(gpu_agreement, name, work)
    answer = gpu_agreement.agreement(Device("cpu", 1), small=True)
    assert answer["comparisons"] > 50
    assert {"style_layer", "style_layer with a picture", "upsample_epilogue"} <= set(calls)
