"""The mapping network as NVlabs stylegan2-ada-pytorch and stylegan3 store it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from steerx.checkpoints.mapping_numbers import MappingNumbers
from steerx.checkpoints.plan import Rule


def mapping_rules(config: MappingNumbers, rate: float, *, stored_mean: bool) -> Iterator[Rule]:
    """One rule per tensor; `rate` is the learning rate multiplier of the layers."""
    width = config.w_dim
    if config.c_dim:
        shape = (config.embed_dim, config.c_dim)
        gain = 1 / math.sqrt(config.c_dim)
        yield Rule("mapping.embed.weight", "mapping.embed.weight", shape, gain)
        yield Rule("mapping.embed.bias", "mapping.embed.bias", shape[:1])
    for i in range(config.mapping_layers):
        inputs = config.z_dim + config.embed_dim if i == 0 else width
        name, source = f"mapping.layers.{i}", f"mapping.fc{i}"
        yield Rule(f"{name}.weight", f"{source}.weight", (width, inputs), rate / math.sqrt(inputs))
        yield Rule(f"{name}.bias", f"{source}.bias", (width,), rate)
    if stored_mean:
        yield Rule("mapping.w_avg", "mapping.w_avg", (width,))
