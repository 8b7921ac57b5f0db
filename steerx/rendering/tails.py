"""Parts of the pass behind a convolution, by name as `steerx.ops._epilogue.epilogue` takes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .noise import Noise, layer_noise

_OF_SAMPLES = frozenset(
    ["demodulation", "sample_ids", "next_style", "rgb_weight", "skip", "y", "styled", "rgb"]
)


def noise_parts(layer: Any, noise: Noise, n: int) -> dict[str, Any]:
    """The noise of a style_layer, for n pictures."""
    drawn = layer_noise(noise, layer.noise, layer=layer.index, batch=n, dtype=torch.float32)
    if "noise" in drawn:
        maps = drawn["noise"].float()
        drawn["noise"] = maps[:, 0] if maps.dim() == 4 else maps
    if "sample_ids" in drawn:
        drawn["sample_ids"] = drawn["sample_ids"].contiguous()
    if drawn:
        drawn["noise_strength"] = layer.noise_strength.float()
    return drawn


def rgb_parts(
    to_rgb: Any, style: Tensor, rgb: Tensor | None, taps: list[float] | None
) -> dict[str, Any]:
    """The picture: a to_rgb, its style [N, O], and the picture before it [N, 3, h, w]."""
    weight = to_rgb.weight.float().flatten(1)  # [3, O]
    parts: dict[str, Any] = {
        "rgb_weight": (style.float()[:, None] * weight).contiguous(),
        "rgb_bias": to_rgb.bias.float(),
        "rgb_clamp": to_rgb.clamp,
    }
    if rgb is not None:
        parts |= {"skip": rgb.float().permute(0, 2, 3, 1).contiguous(), "skip_taps": taps}
    return parts


def of_samples(parts: dict[str, Any], some: slice) -> dict[str, Any]:
    """The parts of some of the samples."""

    def taken(name: str, part: Any) -> Any:
        each = name in _OF_SAMPLES or (name == "noise" and part is not None and part.dim() == 3)
        return part[some] if each and part is not None else part

    return {name: taken(name, part) for name, part in parts.items()}


def separable_taps(filter: Tensor) -> list[float] | None:
    """Taps t with filter * 4 = outer(t, t), where it has four symmetric ones; None for any other filter."""
    if filter.shape != (4, 4):
        return None
    wide = torch.tensor(filter.tolist(), dtype=torch.float64)  # asked once per filter
    total = wide.sum()
    row = wide.sum(0) / total.abs().sqrt()
    symmetric = torch.equal(row, row.flip(0))
    if not total > 0 or not symmetric or not torch.allclose(torch.outer(row, row), wide, rtol=1e-6):
        return None
    return [float(tap) * 2 for tap in row]
