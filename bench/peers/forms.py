"""The network as graphs that exporters and compilers see through: w_plus [N, L, D] -> pictures [N, 3, H, W].

`Shared` is the strongest form that a runtime can be given: y = lrelu(conv(x s, W) d + noise + b), one weight
for all samples, its norm in a product of matrices (d = rsqrt(s^2 P^T + eps), P = sum of W^2 over the taps),
the activation's gain folded into d, noise and b. `Published` has a weight per sample, as the papers write it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear

from bench import published_form

GAIN = math.sqrt(2)  # of the leaky ReLU; it is positive, so lrelu(g y) = g lrelu(y)


class SharedLayer(nn.Module):
    """One style_layer."""

    def __init__(self, layer: Any, filter: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        weight, self.up = layer.weight, layer.up == 2
        self.register_buffer("affine", layer.affine.weight)
        self.register_buffer("shift", layer.affine.bias)
        self.register_buffer("power", weight.square().sum(dim=(2, 3)))
        shared = weight.transpose(0, 1).contiguous() if self.up else weight
        self.register_buffer("weight", shared.to(dtype))
        kernel = 4 * filter.expand(weight.shape[0], 1, *filter.shape)
        self.register_buffer("blur", kernel.contiguous().to(dtype))
        self.register_buffer("noise", (GAIN * layer.noise_strength * layer.noise).to(dtype))
        self.register_buffer("bias", (GAIN * layer.bias).view(1, -1, 1, 1).to(dtype))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = linear(w, self.affine, self.shift)
        factor = GAIN * (linear(style.square(), self.power) + 1e-8).rsqrt()
        x = x * style[:, :, None, None].to(x.dtype)
        if self.up:
            y = conv_transpose2d(x, self.weight, stride=2)
            y = conv2d(y, self.blur, padding=1, groups=len(self.blur))
        else:
            y = conv2d(x, self.weight, padding=1)
        return leaky_relu(y * factor[:, :, None, None].to(x.dtype) + self.noise + self.bias, 0.2)


class SharedToRGB(nn.Module):
    """One to_rgb; the picture is float32."""

    def __init__(self, last: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("affine", last.affine.weight)
        self.register_buffer("shift", last.affine.bias)
        self.register_buffer("weight", last.weight.to(dtype))
        self.register_buffer("bias", last.bias.view(1, -1, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = linear(w, self.affine, self.shift)
        return conv2d(x * style[:, :, None, None].to(x.dtype), self.weight).float() + self.bias


class Shared(nn.Module):
    """The network with one weight for all samples."""

    def __init__(self, network: Any, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.register_buffer("const", network.const.to(dtype)[None])
        self.register_buffer("filter", network.filter)
        self.layers = nn.ModuleList(SharedLayer(y, network.filter, dtype) for y in network.layers)
        self.to_rgbs = nn.ModuleList(SharedToRGB(last, dtype) for last in network.to_rgbs)

    def forward(self, w: Tensor) -> Tensor:
        x = self.const.expand(w.shape[0], -1, -1, -1)
        rgb = torch.zeros(())
        for i, layer in enumerate(self.layers):
            x = layer(x, w[:, i])
            if i % 2 == 0:
                share = self.to_rgbs[i // 2](x, w[:, i + 1])
                rgb = share + published_form.upsampled(rgb, self.filter) if i else share
        return rgb


class Published(nn.Module):
    """The network with a weight of its own for every sample."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, w: Tensor) -> Tensor:
        styles = []
        for row, affine in zip(self.network.rows, self.network.affines(), strict=True):
            styles.append(linear(w[:, row.slot], affine.weight, affine.bias))
        return published_form.synthesis(self.network, styles)
