"""_epilogue: all that follows a layer's convolution, in one pass. Private to the fused renderer.

Not an operator for users: it writes into tensors that it is given, has no gradient, and its parts come
and go with the plan. `style_layer` and `to_rgb` say what it computes; `csrc/cuda/tail.cuh` does it in
one pass over the convolution's output.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._pictures import to_uint8
from . import _bias_act, _upfirdn2d
from ._library import define_private, has_kernel
from ._style_layer import noise_map
from ._to_rgb import skip_padding

SCHEMA = (
    "_epilogue(Tensor x, float[]? blur, bool shuffled, Tensor? demodulation, Tensor? bias, "
    "Tensor? noise, Tensor? sample_ids, int noise_key, Tensor? noise_strength, float slope, "
    "float gain, float? clamp, Tensor? next_style, Tensor? rgb_weight, Tensor? rgb_bias, "
    "float? rgb_clamp, Tensor? skip, float[]? skip_taps, Tensor(a!)? y, Tensor(b!)? styled, "
    "Tensor(c!)? rgb) -> ()"
)
PICTURE_CHANNELS = 3
TAIL = SCHEMA.partition("bool shuffled, ")[
    2
]  # the arguments of every operator with a tail ... -> ()
_NAMES = [argument.split()[-1] for argument in TAIL.removesuffix(") -> ()").split(", ")]
_DEFAULTS = {"noise_key": 0, "slope": 0.2, "gain": _bias_act.SQRT2}


def makes_rgb(dtype: torch.dtype, channels: int) -> bool:
    """Whether one pass can make the picture too: a pixel's 16-byte packs are a power of two, at most 32."""
    packs, rest = divmod(channels * dtype.itemsize, 16)
    return not rest and 0 < packs <= 32 and packs & (packs - 1) == 0


def built() -> bool:
    """Whether the CPU's pass is native code."""
    return has_kernel("_epilogue", "CPU")


def unshuffled(x: Tensor) -> Tensor:
    """What a transposed convolution gives [N, 2h + 1, 2w + 1, O] of the dense form [N, h + 1, w + 1, 4, O]."""
    n, h, w, _, o = x.shape
    phases = x.view(n, h, w, 2, 2, o).permute(0, 1, 3, 2, 4, 5).reshape(n, 2 * h, 2 * w, o)
    return phases[:, :-1, :-1]


def reference(
    x: Tensor,
    blur: list[float] | None,
    shuffled: bool,
    demodulation: Tensor | None,
    bias: Tensor | None,
    noise: Tensor | None,
    sample_ids: Tensor | None,
    noise_key: int,
    noise_strength: Tensor | None,
    slope: float,
    gain: float,
    clamp: float | None,
    next_style: Tensor | None,
    rgb_weight: Tensor | None,
    rgb_bias: Tensor | None,
    rgb_clamp: float | None,
    skip: Tensor | None,
    skip_taps: list[float] | None,
    y: Tensor | None,
    styled: Tensor | None,
    rgb: Tensor | None,
) -> None:
    wide = torch.promote_types(x.dtype, torch.float32)
    z = (unshuffled(x) if shuffled else x).to(wide).permute(0, 3, 1, 2)
    if blur is not None:
        z = _upfirdn2d.reference(z, _separable(blur, z), 1, 1, [1, 1, 1, 1], 1.0)
    if demodulation is not None:
        z = z * demodulation.to(wide)[:, :, None, None]
    maps = noise[:, None] if noise is not None and noise.dim() == 3 else noise
    picture = noise_map(maps, sample_ids, noise_key, z.shape[2], z.shape[3], wide)
    if picture is not None:
        strength = 1.0 if noise_strength is None else noise_strength
        z = z + (picture * strength).to(wide)
    z = _bias_act.reference(z, None if bias is None else bias.to(wide), slope, gain, clamp)
    z = z.to(x.dtype)
    if y is not None:
        y.copy_(z.permute(0, 2, 3, 1))
    if styled is not None and next_style is not None:
        product = z.to(wide) * next_style.to(wide)[:, :, None, None]
        styled.copy_(product.permute(0, 2, 3, 1))
    if rgb is not None and rgb_weight is not None:
        shares = torch.einsum("nohw,nco->nchw", z.to(wide), rgb_weight.to(wide))
        shares = _bias_act.reference(
            shares, None if rgb_bias is None else rgb_bias.to(wide), 1.0, 1.0, rgb_clamp
        )
        if skip is not None and skip_taps is not None:
            filter = _separable(skip_taps, shares)
            before = skip.to(wide).permute(0, 3, 1, 2)
            shares = shares + _upfirdn2d.reference(before, filter, 2, 1, skip_padding(filter), 1.0)
        pixels = rgb.dtype == torch.uint8
        rgb.copy_(to_uint8(shares) if pixels else shares.permute(0, 2, 3, 1))


def _separable(taps: list[float], like: Tensor) -> Tensor:
    """The filter [4, 4] of its taps in one direction, gain included."""
    row = torch.tensor(taps, dtype=torch.float64)
    return torch.outer(row, row).to(like)


_call = define_private(SCHEMA, reference=reference)


def tail_values(operator: str, tail: dict[str, Any]) -> list[Any]:
    """A tail's arguments by name, as `epilogue` takes them, in the order of the schema."""
    if unknown := tail.keys() - set(_NAMES):
        raise TypeError(f"{operator}: no argument {', '.join(sorted(unknown))}")
    return [tail.get(name, _DEFAULTS.get(name)) for name in _NAMES]


def epilogue(
    x: Tensor,
    *,
    blur: list[float] | None = None,
    shuffled: bool = False,
    demodulation: Tensor | None = None,
    bias: Tensor | None = None,
    noise: Tensor | None = None,
    sample_ids: Tensor | None = None,
    noise_key: int = 0,
    noise_strength: Tensor | None = None,
    slope: float = 0.2,
    gain: float = _bias_act.SQRT2,
    clamp: float | None = None,
    next_style: Tensor | None = None,
    rgb_weight: Tensor | None = None,
    rgb_bias: Tensor | None = None,
    rgb_clamp: float | None = None,
    skip: Tensor | None = None,
    skip_taps: list[float] | None = None,
    y: Tensor | None = None,
    styled: Tensor | None = None,
    rgb: Tensor | None = None,
) -> None:
    """Write y, y * next_style and the picture of a convolution's output, whichever tensors are given.

    Sizes [N, H, W, O] are those of y, channels last. x is [N, H, W, O]; with `blur` (four symmetric taps,
    gain included) it is what a transposed convolution of stride 2 gave, [N, H + 1, W + 1, O], or, where
    `shuffled`, its dense form [N, H / 2 + 1, W / 2 + 1, 4, O]. demodulation, next_style [N, O], bias [O],
    noise [H, W] or [N, H, W], rgb_weight [N, 3, O], rgb_bias [3] and skip [N, H / 2, W / 2, 3] are
    float32; y and styled are like x, rgb [N, H, W, 3] is float32, or on the CPU uint8, pixels as `to_uint8`
    makes them. All contiguous.
    """
    _call(
        x, blur, shuffled, demodulation, bias, noise, sample_ids, noise_key, noise_strength, slope,
        gain, clamp, next_style, rgb_weight, rgb_bias, rgb_clamp, skip, skip_taps, y, styled, rgb,
    )  # fmt: skip
