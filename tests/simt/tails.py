"""What follows a convolution, as the operators define it, for the kernels that do it in one pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from steerx.ops import REGISTRY
from steerx.ops._style_layer import noise_map

BLUR = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8


def tail(
    x: Tensor,
    parts: dict[str, Any],
    *,
    dtype: torch.dtype,
) -> dict[str, Tensor]:
    """y, styled and rgb [N, H, W, C] of a convolution's output x [N, H, W, O], all in a dtype.

    Parts as the kernels name them; a missing part is left out.
    """
    h, w = x.shape[1:3]
    x = x.to(dtype).permute(0, 3, 1, 2)

    def of(name: str, like: torch.dtype = dtype) -> Tensor | None:
        return parts[name].to(like) if name in parts else None

    d = of("demodulation")
    y = x if d is None else x * d[:, :, None, None]
    noise = parts.get("noise")
    noise = noise[:, None] if noise is not None and noise.dim() == 3 else noise
    picture = noise_map(noise, parts.get("sample_ids"), parts.get("noise_key", 0), h, w, dtype)
    if picture is not None:
        strength = parts.get("noise_strength", torch.ones(1)).to(picture.dtype)
        y = y + (picture * strength).to(dtype)
    bias_act = REGISTRY["bias_act"].reference
    y = bias_act(y, of("bias"), parts["slope"], parts["gain"], parts.get("clamp"))
    found = {"y": y.permute(0, 2, 3, 1)}
    if "next_style" in parts:
        found["styled"] = found["y"] * of("next_style")[:, None, None]
    if "rgb_weight" in parts:
        wide = torch.promote_types(dtype, torch.float32)
        rgb = torch.einsum("nhwo,nco->nhwc", found["y"].to(wide), of("rgb_weight", wide))
        bias = of("rgb_bias", wide)
        rgb = rgb if bias is None else rgb + bias
        clamp = parts.get("rgb_clamp")
        rgb = rgb if clamp is None else rgb.clamp(-clamp, clamp)
        if "skip" in parts:
            skip = of("skip", wide).permute(0, 3, 1, 2)
            up = REGISTRY["upfirdn2d"].reference
            filter = torch.outer(BLUR, BLUR).to(wide)
            rgb = rgb + up(skip, filter, 2, 1, [2, 1, 2, 1], 4.0).permute(0, 2, 3, 1)
        found["rgb"] = rgb
    return found


def every_part(n: int, h: int, w: int, o: int, *, rgb: bool, styled: bool = True) -> dict[str, Any]:
    """A tail in which every term is live and the clamp bites."""
    parts: dict[str, Any] = {
        "demodulation": torch.rand(n, o) + 0.5,
        "bias": torch.randn(o),
        "noise": torch.randn(h, w),
        "noise_strength": torch.tensor([0.7]),
        "slope": 0.2,
        "gain": 2**0.5,
        "clamp": 2.5,
    }
    if styled:
        parts["next_style"] = torch.randn(n, o)
    if rgb:
        parts |= {
            "rgb_weight": torch.randn(n, 3, o) / o**0.5,
            "rgb_bias": torch.randn(3),
            "rgb_clamp": 1.5,
        }
        if h % 2 == 0 and w % 2 == 0:
            parts |= {"skip": torch.randn(n, h // 2, w // 2, 3), "skip_taps": BLUR * 2}
    return parts
