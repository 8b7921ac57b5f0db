"""The mapping network of the style families: z and a label -> w."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .. import ops
from ..checkpoints.mapping_numbers import MappingNumbers
from .labels import Label, one_hot

_EPS = 1e-8


class Mapping(nn.Module):
    """The mapping network: (normalised z, embedded label) -> w [N, D]."""

    w_avg: Tensor

    def __init__(self, config: MappingNumbers) -> None:
        super().__init__()
        self.c_dim = config.c_dim
        if config.c_dim:
            self.embed = linear(config.c_dim, config.embed_dim)
        width = config.z_dim + config.embed_dim
        depth = config.mapping_layers
        self.layers = nn.ModuleList(
            linear(width if i == 0 else config.w_dim, config.w_dim) for i in range(depth)
        )
        rows = () if config.w_avg_rows == 1 else (config.w_avg_rows,)
        self.register_buffer("w_avg", torch.zeros(*rows, config.w_dim))

    def forward(self, z: Tensor, label: Label = None) -> Tensor:
        """w [N, D] of z [N, Z]; a label is a class, [N] classes or one-hot rows [N, c_dim]."""
        x = normalise(z.to(self.w_avg.dtype))
        rows = one_hot(label, len(z), self.c_dim, like=x)
        if rows is not None:
            x = torch.cat((x, normalise(self.embed(rows))), dim=1)
        for layer in self.layers:
            # The bias is the operator's, so only the product is the linear layer's.
            x = ops.bias_act(x @ layer.weight.t(), layer.bias)  # type: ignore[operator, arg-type]
        return x


def normalise(x: Tensor) -> Tensor:
    """x / sqrt(mean x^2 + 1e-8) along the last axis."""
    return x * (x.square().mean(dim=-1, keepdim=True) + _EPS).rsqrt()


def linear(inputs: int, outputs: int, bias: float = 0.0) -> nn.Linear:
    """A linear layer at the scale at which these networks start training."""
    layer = nn.Linear(inputs, outputs)
    layer.weight = nn.Parameter(torch.randn(outputs, inputs).mul_(inputs**-0.5))
    nn.init.constant_(layer.bias, bias)
    return layer
