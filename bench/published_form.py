"""The layers as the papers write them: a weight of its own for every sample. Plain torch, from the formulas.

Karras et al. 2020 (StyleGAN2), section 2.2: w'_nijk = s_ni w_ijk; w'' = w' / sqrt(sum w'^2 + 1e-8). One grouped
convolution renders the batch, with as many groups as samples.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu


def blurred(x: Tensor, filter: Tensor, *, padding: int) -> Tensor:
    channels = x.shape[1]
    kernel = filter.to(x).expand(channels, 1, *filter.shape)
    return conv2d(x, kernel, padding=padding, groups=channels)


def modulated(
    x: Tensor,
    style: Tensor,
    weight: Tensor,
    *,
    filter: Tensor | None = None,
    demodulate: bool = True,
) -> Tensor:
    """[N, I, H, W] -> [N, O, H, W], or twice the side where there is a filter."""
    samples, inputs, height, width = x.shape
    own = weight * style[:, None, :, None, None]  # [N, O, I, k, k]
    if demodulate:
        own = own * (own.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    together = x.reshape(1, samples * inputs, height, width)
    if filter is None:
        y = conv2d(together, own.flatten(0, 1), padding=weight.shape[-1] // 2, groups=samples)
        return y.view(samples, -1, height, width)
    turned = own.transpose(1, 2).flatten(0, 1)
    y = conv_transpose2d(together, turned, stride=2, groups=samples)
    return blurred(y.view(samples, -1, *y.shape[2:]), 4 * filter, padding=1)


def style_layer(
    x: Tensor, style: Tensor, weight: Tensor, bias: Tensor, noise: Tensor, filter: Tensor | None
) -> Tensor:
    y = modulated(x, style, weight, filter=filter) + noise
    return leaky_relu(y + bias.view(1, -1, 1, 1), 0.2) * math.sqrt(2)


def to_rgb(x: Tensor, style: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return modulated(x, style, weight, demodulate=False) + bias.view(1, -1, 1, 1)


def upsampled(rgb: Tensor, filter: Tensor) -> Tensor:
    channels = rgb.shape[1]
    kernel = 4 * filter.to(rgb).expand(channels, 1, *filter.shape)
    return conv_transpose2d(rgb, kernel, stride=2, padding=1, groups=channels)


def synthesis(network: Any, styles: list[Tensor]) -> Tensor:
    """Pictures [N, 3, H, W] of a StyleGAN2 network (`G.synthesis`), layer by layer; no clamp."""
    x = network.const.expand(len(styles[0]), -1, -1, -1)
    rgb, rows = None, iter(styles)
    for i, layer in enumerate(network.layers):
        noise = layer.noise * layer.noise_strength
        filter = network.filter if i % 2 else None
        x = style_layer(x, next(rows), layer.weight, layer.bias, noise, filter)
        if i % 2 == 0:
            last = network.to_rgbs[i // 2]
            picture = to_rgb(x, next(rows), last.weight, last.bias)
            rgb = picture if rgb is None else picture + upsampled(rgb, network.filter)
    assert isinstance(rgb, torch.Tensor)
    return rgb
