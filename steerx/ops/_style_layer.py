"""style_layer: one modulated layer with its whole tail, y = clamp(gain * lrelu(conv(x * s, W) * d + noise + b))."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from .._seeds import normal
from .._shapes import floating, one_device, shape
from . import _bias_act, _modulated_conv2d
from ._library import register

SCHEMA = (
    "style_layer(Tensor x, Tensor style, Tensor weight, Tensor? bias, Tensor? noise, "
    "Tensor? noise_strength, Tensor? sample_ids, int noise_key, Tensor? filter, int up, "
    "bool demodulate, float slope, float gain, float? clamp) -> Tensor"
)


def noise_map(
    noise: Tensor | None,
    sample_ids: Tensor | None,
    noise_key: int,
    height: int,
    width: int,
    dtype: torch.dtype,
) -> Tensor | None:
    """The noise picture before its strength: [H, W], [N, 1, H, W] (given or drawn), or None."""
    if sample_ids is None:
        return noise
    drawn = normal(noise_key, sample_ids, height * width).view(-1, 1, height, width)
    return drawn.to(torch.promote_types(drawn.dtype, dtype))  # a scalar strength does not promote


def reference(
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    noise: Tensor | None,
    noise_strength: Tensor | None,
    sample_ids: Tensor | None,
    noise_key: int,
    filter: Tensor | None,
    up: int,
    demodulate: bool,
    slope: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    y = _modulated_conv2d.reference(x, style, weight, filter, up, 1, demodulate)
    picture = noise_map(noise, sample_ids, noise_key, y.shape[2], y.shape[3], y.dtype)
    if picture is not None:
        strength = 1.0 if noise_strength is None else noise_strength
        y = y + (picture * strength).to(y.dtype)
    return _bias_act.reference(y, bias, slope, gain, clamp)


def fake(
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    noise: Tensor | None,
    noise_strength: Tensor | None,
    sample_ids: Tensor | None,
    noise_key: int,
    filter: Tensor | None,
    up: int,
    demodulate: bool,
    slope: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    return _modulated_conv2d.fake(x, style, weight, filter, up, 1, demodulate)


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.noise_key, filter, ctx.up, ctx.demodulate, ctx.slope, ctx.gain, ctx.clamp = inputs
    ctx.save_for_backward(*tensors, filter, output)


def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, style, weight, bias, noise, noise_strength, sample_ids, filter, y = ctx.saved_tensors
    needs = ctx.needs_input_grad
    grad = _bias_act.pre_activation_gradient(grad, y, ctx.slope, ctx.gain, ctx.clamp)
    picture = noise_map(noise, sample_ids, ctx.noise_key, y.shape[2], y.shape[3], y.dtype)
    strength = 1.0 if noise_strength is None else noise_strength

    unscaled = None
    if ctx.demodulate and (needs[1] or needs[2]):
        if y.dtype.itemsize < 4:
            # In half precision y has lost what bias and noise outweigh, so the convolution is made again.
            z = _modulated_conv2d.reference(x, style, weight, filter, ctx.up, 1, True)
        else:
            # conv * d is what stood before the activation, less noise and bias; where y was clamped the
            # gradient is zero, so the inverse need not hold there. A leaky ReLU's inverse is one with
            # the inverse slope.
            z = leaky_relu(y, 1 / ctx.slope) / ctx.gain
            z = z if bias is None else z - bias.to(z.dtype).view(1, -1, 1, 1)
            z = z if picture is None else z - (picture * strength).to(z.dtype)
        unscaled = (grad * z).sum((2, 3))
    elif ctx.demodulate:
        unscaled = grad.new_zeros(style.shape[0], weight.shape[0])
    dx, ds, dw = _modulated_conv2d.modulation_backward(
        grad, unscaled, x, style, weight, filter, ctx.up, 1, needs[:3]
    )

    dbias = grad.sum((0, 2, 3)).to(bias.dtype) if needs[3] else None
    dnoise = dstrength = None
    if picture is not None and (needs[4] or needs[5]):
        over_channels = grad.sum(1, keepdim=True).to(picture.dtype)
        if needs[4]:
            dnoise = (over_channels * strength).sum_to_size(noise.shape)
        if needs[5]:
            dstrength = (over_channels * picture).sum().to(noise_strength.dtype)
    return dx, ds, dw, dbias, dnoise, dstrength, *[None] * 8


def example(random: torch.Generator) -> tuple[Any, ...]:
    x, style, weight, filter, *_ = _modulated_conv2d.example(random)
    bias, noise, strength = (torch.randn(s, generator=random) for s in ((17,), (18, 14), ()))
    tail = (filter, 2, True, 0.2, _bias_act.SQRT2, 256.0)
    return x, style, weight, bias, noise, strength, None, 0, *tail


_call = register(
    SCHEMA,
    reference=reference,
    fake=fake,
    setup_context=setup_context,
    backward=backward,
    example=example,
)


def style_layer(
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    noise: Tensor | None = None,
    noise_strength: Tensor | None = None,
    sample_ids: Tensor | None = None,
    noise_key: int = 0,
    filter: Tensor | None = None,
    up: int = 1,
    demodulate: bool = True,
    slope: float = 0.2,
    gain: float = _bias_act.SQRT2,
    clamp: float | None = None,
) -> Tensor:
    """One modulated layer with its tail: y = clamp(gain * lrelu(conv(x * s, W) * d + noise + b)).

    Args:
        x: [N, I, H, W].
        style: s [N, I].
        weight: W [O, I, k, k], k odd, shared by all samples.
        bias: b [O] or None.
        noise: [H', W'] for all samples, [N, 1, H', W'] for each, or None.
        noise_strength: scalar tensor, factor on the noise; None = 1.
        sample_ids: [N] int64; draws the noise of sample n from (noise_key, sample_ids[n]) by counter
            (`steerx._seeds.normal`), the same for any batch. Instead of `noise`.
        noise_key: 64-bit key of that draw; one per layer.
        filter: [f, f], sum 1; needed with up = 2.
        up: 1 or 2; H' = H * up.
        demodulate: multiply by d = rsqrt((s*s) @ (sum_k W^2)^T + 1e-8).
        slope: leaky ReLU's, > 0.
        gain: > 0.
        clamp: largest |y|, or None.

    Returns:
        y [N, O, H', W'] in x's dtype and memory format. Gradients: x, style, weight, bias, noise,
        noise_strength, each computed only where asked.

    Raises:
        ValueError, TypeError: a shape, dtype, device or number that does not fit.

    Source: Karras et al. 2020 (StyleGAN2), section 2.2 and figure 2.
    """
    _modulated_conv2d.check("style_layer", x, style, weight, filter, up)
    n, o, height, width = x.shape[0], weight.shape[0], x.shape[2] * up, x.shape[3] * up
    for name, given in (("bias", bias), ("noise", noise), ("noise_strength", noise_strength)):
        if given is not None:
            floating(f"style_layer: {name}", given)
    if bias is not None:
        shape("style_layer: bias", bias, "O", O=o)
    if noise is not None and sample_ids is not None:
        raise ValueError("style_layer: give noise or sample_ids, not both")
    if noise is not None and noise.shape not in ((height, width), (n, 1, height, width)):
        raise ValueError(
            f"style_layer: noise must be [H, W] or [N, 1, H, W] with N = {n}, H = {height}, "
            f"W = {width}, got {list(noise.shape)}"
        )
    if noise_strength is not None and noise_strength.dim() != 0:
        raise ValueError(
            f"style_layer: noise_strength must be a scalar tensor, got {list(noise_strength.shape)}"
        )
    if sample_ids is not None:
        shape("style_layer: sample_ids", sample_ids, "N", N=n)
        if sample_ids.dtype != torch.int64:
            raise TypeError(f"style_layer: sample_ids must be int64, got {sample_ids.dtype}")
    one_device("style_layer", x, bias, noise, noise_strength, sample_ids)
    _bias_act.positive("style_layer", slope=slope, gain=gain, clamp=clamp)
    return _call(  # type: ignore[no-any-return]
        x, style, weight, bias, noise, noise_strength, sample_ids, noise_key, filter, up,
        demodulate, slope, gain, clamp,
    )  # fmt: skip
