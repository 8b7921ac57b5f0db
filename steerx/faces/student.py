"""The network while it learns: StyleGAN2 with equalised learning rates and bfloat16 layers.

The same arithmetic as the package's generator (canonical names, see docs/architecture.md), written
for training speed: stored parameters have unit scale and a gain at run time (Karras et al. 2018,
section 4.1), the synthesis layers run in bfloat16 in channels-last order, and `canonical` folds the gains
so that what is saved says what it does.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from steerx.checkpoints.config import StyleGAN2Config, expected_shapes

_SQRT2 = math.sqrt(2)


class Student(nn.Module):
    """StyleGAN2 with skip connections, as it is trained.

    Args:
        config: sizes of the network; unconditional, no clamp.
        mapping_rate: learning-rate multiplier of the mapping network.
        seed: of the initial values.
    """

    filter: Tensor

    def __init__(self, config: StyleGAN2Config, *, mapping_rate: float, seed: int) -> None:
        super().__init__()
        self.config = config
        self.values = nn.ParameterDict()
        self.gains: dict[str, float] = {}
        random = torch.Generator().manual_seed(seed)
        for name, shape in expected_shapes(config).items():
            if name.endswith(("w_avg", "filter", "noise", "noise_strength")):
                continue
            bias = name.endswith("bias")
            fan_in = math.prod(shape[1:])
            gain = 1.0 if bias or name.endswith("const") else 1 / math.sqrt(fan_in)
            value = torch.zeros(shape) if bias else torch.randn(shape, generator=random)
            if name.endswith("affine.bias"):
                value += 1
            elif name.startswith("mapping") and not bias:
                # Orthogonal layers: no direction of z starts out faint.
                value = nn.init.orthogonal_(value, gain=math.sqrt(fan_in), generator=random)
            if name.startswith("mapping"):
                gain, value = gain * mapping_rate, value / mapping_rate
            self.gains[name] = gain
            self.values[name.replace(".", "/")] = nn.Parameter(value)
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("filter", torch.outer(taps, taps) / taps.sum() ** 2)

    def forward(self, z: Tensor, dtype: torch.dtype = torch.bfloat16) -> Tensor:
        """Images [N, 3, R, R] float32 of z [N, Z], layers computed in `dtype`."""
        return self.synthesis(self.mapping(z), dtype)

    def mapping(self, z: Tensor) -> Tensor:
        """w [N, D] of z [N, Z]."""
        w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for i in range(self.config.mapping_layers):
            name = f"mapping.layers.{i}"
            w = F.linear(w, self._value(f"{name}.weight"), self._value(f"{name}.bias"))
            w = F.leaky_relu(w, 0.2) * _SQRT2
        return w

    def synthesis(self, w: Tensor, dtype: torch.dtype) -> Tensor:
        """Images [N, 3, R, R] float32 of w [N, D]."""
        last = torch.channels_last
        x = self._value("synthesis.const").to(dtype).expand(len(w), -1, -1, -1)
        x = x.contiguous(memory_format=last)
        rgb: Tensor | None = None
        for i in range(self.config.num_layers):
            x = self._layer(f"synthesis.layers.{i}", x, w, up=i % 2 == 1)
            if i % 2 == 0:
                part = self._to_rgb(f"synthesis.to_rgbs.{i // 2}", x, w)
                rgb = part if rgb is None else part + self._upsample(rgb)
        assert rgb is not None
        return rgb

    def canonical(self) -> dict[str, Tensor]:
        """Tensors under their canonical names with the gains folded; `mapping.w_avg` is zero."""
        tensors = {}
        for name, shape in expected_shapes(self.config).items():
            if name == "synthesis.filter":
                tensors[name] = self.filter.clone()
            elif name in self.gains:
                tensors[name] = self._value(name).detach().clone()
            else:
                tensors[name] = torch.zeros(shape)
        return tensors

    def _value(self, name: str) -> Tensor:
        value: Tensor = self.values[name.replace(".", "/")]
        return value * self.gains[name]

    def _style(self, name: str, w: Tensor) -> Tensor:
        return F.linear(w, self._value(f"{name}.affine.weight"), self._value(f"{name}.affine.bias"))

    def _layer(self, name: str, x: Tensor, w: Tensor, *, up: bool) -> Tensor:
        style, weight = self._style(name, w), self._value(f"{name}.weight")
        power = weight.square().sum((2, 3))
        scale = torch.rsqrt(style.square() @ power.T + 1e-8) * _SQRT2
        bias = (self._value(f"{name}.bias") * _SQRT2).to(x.dtype)[:, None, None]
        x = x * style.to(x.dtype)[:, :, None, None]
        weight = weight.to(x.dtype).contiguous(memory_format=torch.channels_last)
        if up:
            x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            blur = (self.filter * 4).to(x.dtype).expand(x.shape[1], 1, -1, -1)
            x = F.conv2d(x, blur, padding=1, groups=x.shape[1])
        else:
            x = F.conv2d(x, weight, padding=1)
        return F.leaky_relu(torch.addcmul(bias, x, scale.to(x.dtype)[:, :, None, None]), 0.2)

    def _to_rgb(self, name: str, x: Tensor, w: Tensor) -> Tensor:
        style, weight = self._style(name, w), self._value(f"{name}.weight")
        matrix = (weight[None, :, :, 0, 0] * style[:, None, :]).to(x.dtype)
        rgb = matrix @ x.flatten(2)
        return (
            rgb.view(len(x), -1, *x.shape[2:]).float() + self._value(f"{name}.bias")[:, None, None]
        )

    def _upsample(self, rgb: Tensor) -> Tensor:
        kernel = (self.filter * 4).expand(rgb.shape[1], 1, -1, -1)
        return F.conv_transpose2d(rgb, kernel, stride=2, padding=1, groups=rgb.shape[1])
