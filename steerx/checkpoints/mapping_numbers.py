"""The numbers of a mapping network, and the tensors that they promise in every family that has one."""

from __future__ import annotations

from typing import Protocol


class MappingNumbers(Protocol):
    """What a config says of its mapping network."""

    @property
    def z_dim(self) -> int: ...
    @property
    def c_dim(self) -> int: ...
    @property
    def w_dim(self) -> int: ...
    @property
    def embed_dim(self) -> int: ...
    @property
    def mapping_layers(self) -> int: ...
    @property
    def w_avg_rows(self) -> int: ...


def mapping_shapes(config: MappingNumbers) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the mapping network's tensors, in order of execution."""
    shapes: dict[str, tuple[int, ...]] = {}
    width = config.w_dim
    if config.c_dim:
        shapes["mapping.embed.weight"] = (config.embed_dim, config.c_dim)
        shapes["mapping.embed.bias"] = (config.embed_dim,)
    for i in range(config.mapping_layers):
        inputs = config.z_dim + config.embed_dim if i == 0 else width
        shapes[f"mapping.layers.{i}.weight"] = (width, inputs)
        shapes[f"mapping.layers.{i}.bias"] = (width,)
    rows = config.w_avg_rows
    shapes["mapping.w_avg"] = (width,) if rows == 1 else (rows, width)
    return shapes
