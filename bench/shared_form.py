"""The layers in plain torch with a weight that all samples share: what a compiler may fuse as it likes.

y = conv(x * s, W) * d with d = rsqrt((s*s) @ (sum_k W^2)^T + 1e-8), the same numbers as `published_form`, whose weight
per sample leaves a compiler little to do. No operator of steerx is in it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu

from bench.published_form import blurred, upsampled


class SharedForm(nn.Module):
    """A StyleGAN2 synthesis network (`G.synthesis`), its activations and weights in a dtype.

    Weights are channels last, the picture float32. Styles [N, C_l] -> pictures [N, 3, H, W].
    """

    def __init__(self, network: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.network, self.dtype = network, dtype
        for i, layer in enumerate(network.layers):
            self._keep(f"weight{i}", layer.weight)
            self.register_buffer(f"power{i}", layer.weight.detach().square().sum((2, 3)))
        for b, layer in enumerate(network.to_rgbs):
            self._keep(f"rgb{b}", layer.weight)

    def _keep(self, name: str, weight: Tensor) -> None:
        kept = weight.detach().to(self.dtype, memory_format=torch.channels_last)
        self.register_buffer(name, kept)

    def _styled(self, x: Tensor, style: Tensor) -> Tensor:
        return x * style.to(self.dtype)[:, :, None, None]

    def forward(self, *styles: Tensor) -> Tensor:
        net, rows = self.network, iter(styles)
        x = net.const.to(self.dtype).expand(len(styles[0]), -1, -1, -1)
        x, rgb = x.contiguous(memory_format=torch.channels_last), None
        for i, layer in enumerate(net.layers):
            style, weight = next(rows), getattr(self, f"weight{i}")
            d = (style.square() @ getattr(self, f"power{i}").t() + 1e-8).rsqrt()
            if layer.up == 2:
                turned = weight.transpose(0, 1)
                x = conv_transpose2d(self._styled(x, style), turned, stride=2)
                x = blurred(x, 4 * net.filter, padding=1)
            else:
                x = conv2d(self._styled(x, style), weight, padding=1)
            x = x * d.to(self.dtype)[:, :, None, None]
            x = x + (layer.noise * layer.noise_strength).to(self.dtype)
            x = leaky_relu(x + layer.bias.to(self.dtype).view(1, -1, 1, 1), 0.2) * math.sqrt(2)
            x = x if layer.clamp is None else x.clamp(-layer.clamp, layer.clamp)
            if i % 2 == 0:
                last = net.to_rgbs[i // 2]
                y = conv2d(self._styled(x, next(rows)), getattr(self, f"rgb{i // 2}"))
                y = y + last.bias.to(self.dtype).view(1, -1, 1, 1)
                y = y if last.clamp is None else y.clamp(-last.clamp, last.clamp)
                rgb = y.float() if rgb is None else y.float() + upsampled(rgb, net.filter)
        assert rgb is not None
        return rgb
