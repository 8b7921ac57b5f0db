"""Arguments of the private operators in which every part is alive, and what torch makes of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from steerx.ops import _epilogue, _whole_layer

TAPS = [0.25, 0.75, 0.75, 0.25]
Parts = dict[str, Any]
_OUTPUTS = ("y", "styled", "rgb")


def normal(random: torch.Generator, *shape: int) -> Tensor:
    return torch.empty(shape, device=random.device).normal_(generator=random)


def unwritten(device: str, dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.full(shape, torch.nan, dtype=dtype, device=device)


def tail(device: str, dtype: torch.dtype, sizes: tuple[int, ...], blur: bool) -> Parts:
    """Arguments of `_epilogue` for y [N, H, W, O], its outputs NaN."""
    n, h, w, o = sizes
    random = torch.Generator(device).manual_seed(5)
    x = normal(random, n, h + 1, w + 1, o) if blur else normal(random, n, h, w, o)
    parts: Parts = {
        "x": x.to(dtype), "demodulation": normal(random, n, o).abs(), "bias": normal(random, o),
        "noise": normal(random, h, w), "noise_strength": normal(random), "clamp": 2.0,
        "next_style": normal(random, n, o), "blur": TAPS if blur else None,
    }  # fmt: skip
    parts |= {key: unwritten(device, dtype, n, h, w, o) for key in ("y", "styled")}
    if not blur and _epilogue.makes_rgb(dtype, o) and h % 2 == w % 2 == 0:
        parts |= {
            "rgb_weight": normal(random, n, 3, o) / o**0.5, "rgb_bias": normal(random, 3),
            "rgb_clamp": 1.5, "skip": normal(random, n, h // 2, w // 2, 3), "skip_taps": TAPS,
            "rgb": unwritten(device, torch.float32, n, h, w, 3),
        }  # fmt: skip
    return parts


def whole(device: str, dtype: torch.dtype, sizes: tuple[int, ...], up: int, styled: bool) -> Parts:
    """Arguments of `_whole_layer` for x [N, h, w, I] and O outputs; without `styled` x is styled already."""
    n, h, w, i, o = sizes
    random = torch.Generator(device).manual_seed(6)
    parts = tail(device, dtype, (n, h * up, w * up, o), up == 2)
    parts["x"] = normal(random, n, h, w, i).to(dtype)
    parts["weight"] = (normal(random, o, 3, 3, i) / (9 * i) ** 0.5).to(dtype)
    parts["style"] = normal(random, n, i).clamp(-1, 1) if styled else None
    return parts


def integers(device: str, dtype: torch.dtype, up: int) -> Parts:
    """A whole layer of small whole numbers: every product and sum is exact, so one wrong place shows."""
    random = torch.Generator().manual_seed(7)

    def whole_numbers(*shape: int) -> Tensor:
        return torch.randint(-1, 2, shape, generator=random).to(dtype)

    n, h, w, i, o = 2, 9, 18, 16, 32
    y = torch.full((n, h * up, w * up, o), torch.nan, dtype=dtype)
    parts: Parts = {"x": whole_numbers(n, h, w, i), "weight": whole_numbers(o, 3, 3, i), "y": y}
    blur = [0.0, 1.0, 1.0, 0.0] if up == 2 else None
    return moved(parts | {"blur": blur, "slope": 1.0, "gain": 1.0}, device)


def moved(parts: Parts, device: str, dtype: torch.dtype | None = None) -> Parts:
    """The same arguments elsewhere; in another dtype where one is given."""
    return {
        key: value.to(device, dtype) if isinstance(value, Tensor) else value
        for key, value in parts.items()
    }


def outputs(parts: Parts) -> list[Tensor]:
    return [parts[key] for key in _OUTPUTS if key in parts]


def truth(parts: Parts) -> list[Tensor]:
    """What the reference makes of them in float64, on the CPU."""
    own = moved(parts, "cpu", torch.float64)
    rest = {key: value for key, value in own.items() if key not in _FIRST}
    if "weight" in parts:
        first = (own["x"], own.get("style"), own["weight"], own["blur"])
        _whole_layer.reference(*first, *_epilogue.tail_values("_whole_layer", rest))
    else:
        _finish(own["x"], own["blur"], rest)
    return outputs(own)


def plain(parts: Parts) -> list[Tensor]:
    """What torch makes of them on the CPU in their own dtype: a convolution, and the tail behind it."""
    own = {k: v.clone() if k in _OUTPUTS else v for k, v in moved(parts, "cpu").items()}
    rest = {key: value for key, value in own.items() if key not in _FIRST}
    x = own["x"]
    if "weight" in parts:
        if own.get("style") is not None:
            x = x * own["style"].to(x.dtype)[:, None, None]
        rows, taps = x.permute(0, 3, 1, 2), own["weight"].permute(0, 3, 1, 2)
        if own["blur"] is None:
            z = conv2d(rows, taps, padding=1)
        else:
            z = conv_transpose2d(rows, taps.transpose(0, 1), stride=2)
        x = z.permute(0, 2, 3, 1).contiguous()
    _finish(x, own["blur"], rest)
    return outputs(own)


_FIRST = ("x", "style", "weight", "blur")


def _finish(x: Tensor, blur: list[float] | None, rest: Parts) -> None:
    _epilogue.reference(x, blur, False, *_epilogue.tail_values("_epilogue", rest))
