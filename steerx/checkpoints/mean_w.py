"""The mean of w for files that do not store it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from steerx.checkpoints.config import StyleGAN2Config
from steerx.checkpoints.progressive_config import StyleGANConfig
from steerx.checkpoints.stylegan3_config import StyleGAN3Config

SAMPLES = 10_000
SEED = 0
_BATCH = 1_000


@torch.no_grad()
def mean_w(
    config: StyleGAN2Config | StyleGANConfig | StyleGAN3Config, tensors: Mapping[str, Tensor]
) -> Tensor:
    """Mean of w over a fixed draw of z, [D]; conditional models see their classes in turn.

    Args:
        config: of the generator.
        tensors: canonical tensors of the mapping network.

    Source:
        Karras et al. 2019, A Style-Based Generator Architecture, appendix B (truncation in W).
    """
    random = np.random.RandomState(SEED)  # legacy generator: the same numbers for ever
    total = torch.zeros(config.w_dim, dtype=torch.float64)
    for start in range(0, SAMPLES, _BATCH):
        x = _normalised(torch.from_numpy(random.randn(_BATCH, config.z_dim)).float())
        if config.c_dim:
            weight, bias = tensors["mapping.embed.weight"], tensors["mapping.embed.bias"]
            classes = torch.arange(start, start + _BATCH) % config.c_dim
            x = torch.cat([x, _normalised(weight.t()[classes] + bias)], dim=1)
        for i in range(config.mapping_layers):
            weight, bias = (
                tensors[f"mapping.layers.{i}.weight"],
                tensors[f"mapping.layers.{i}.bias"],
            )
            x = torch.nn.functional.leaky_relu(x @ weight.t() + bias, 0.2) * 2**0.5
        total += x.double().sum(dim=0)
    return (total / SAMPLES).float()


def _normalised(x: Tensor) -> Tensor:  # [N, Z] -> [N, Z]
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
