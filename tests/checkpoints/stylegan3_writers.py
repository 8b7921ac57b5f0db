"""Writes StyleGAN3 networks as NVlabs pickles nest them, for tests only; no source of theirs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from steerx.checkpoints import FilteredLayer, StyleGAN3Config
from tests.checkpoints import writers

RATE = 0.01
MARGIN = 3


def layer(
    side: int, size: int, outputs: int, *, kernel: int, up: int, down: int, radial: bool
) -> FilteredLayer:
    """A layer that makes `size` pixels of `side`, more of the padding behind than in front."""
    taps = 4 * up, 4 * down
    room = (size - 1) * down + 1 + sum(taps) - 2 - (side + kernel - 1) * up
    before, after = room // 2, room - room // 2
    shape = (taps[1], taps[1]) if radial else (taps[1],)
    padding = (before, after, before, after)
    return FilteredLayer(size, outputs, kernel, up, down, padding, (taps[0],), shape)


def tiny(*, radial: bool = False, **changes: Any) -> StyleGAN3Config:
    """8 px, T or (radial) R: three filtered layers and to_rgb."""
    kernel = 1 if radial else 3
    layers = (
        layer(10, 10, 7, kernel=kernel, up=2, down=2, radial=radial),
        layer(10, 12, 5, kernel=kernel, up=4, down=2, radial=radial),
        layer(12, 8, 4, kernel=kernel, up=2, down=2, radial=False),
        FilteredLayer(8, 3, 1, 1, 1, (0, 0, 0, 0), (), ()),
    )
    facts: dict[str, Any] = {"z_dim": 6, "c_dim": 0, "w_dim": 8, "resolution": 8}
    facts |= {"img_channels": 3, "mapping_layers": 2, "embed_dim": 0, "layers": layers}
    facts |= {"input_size": 10, "input_channels": 9, "sampling_rate": 4.0, "bandwidth": 1.5}
    facts |= {"output_scale": 0.25, "conv_clamp": 256.0}
    return StyleGAN3Config(**{**facts, **changes})


def random_tensors(config: StyleGAN3Config, seed: int = 0) -> dict[str, Tensor]:
    """Canonical tensors with every term alive; magnitudes are positive."""
    random = torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.randn(shape, generator=random) for name, shape in config.shapes().items()
    }
    for name, tensor in tensors.items():
        if name.endswith("magnitude"):
            tensors[name] = tensor.square() + 0.5
        if name.endswith("_filter"):  # of brightness 1
            tensors[name] = tensor.abs() / (tensor.abs().sum())
    tensors["synthesis.layers.0.transform"] = torch.eye(3) + 0.1 * torch.randn(
        3, 3, generator=random
    )
    tensors["synthesis.layers.0.affine.bias"] = torch.tensor([1.5, 0.4, 0.1, -0.2])
    return tensors


def names(config: StyleGAN3Config) -> list[str]:
    """Names of the layers."""
    return [f"L{i}_{one.size}_{one.outputs}" for i, one in enumerate(config.layers)]


def state_of(config: StyleGAN3Config, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a network by NVlabs' names."""
    root = math.sqrt(config.w_dim)
    state = {"mapping.w_avg": tensors["mapping.w_avg"]}
    if config.c_dim:
        state["mapping.embed.weight"] = tensors["mapping.embed.weight"] * math.sqrt(config.c_dim)
        state["mapping.embed.bias"] = tensors["mapping.embed.bias"]
    for i in range(config.mapping_layers):
        weight = tensors[f"mapping.layers.{i}.weight"]
        state[f"mapping.fc{i}.weight"] = weight * math.sqrt(weight.shape[1]) / RATE
        state[f"mapping.fc{i}.bias"] = tensors[f"mapping.layers.{i}.bias"] / RATE
    for i, native in enumerate(["input", *names(config)]):
        source, target = f"synthesis.layers.{i}", f"synthesis.{native}"
        state[f"{target}.affine.weight"] = tensors[f"{source}.affine.weight"] * root
        state[f"{target}.affine.bias"] = tensors[f"{source}.affine.bias"]
        weight = tensors[f"{source}.weight"]
        gained = i in (0, len(config.layers))  # the features and to_rgb
        state[f"{target}.weight"] = weight * math.sqrt(weight[0].numel()) if gained else weight
        for ours, theirs in (
            *((name, name) for name in ("freqs", "phases", "transform", "bias")),
            *((name, name) for name in ("up_filter", "down_filter")),
            ("magnitude", "magnitude_ema"),
        ):
            if f"{source}.{ours}" in tensors:
                state[f"{target}.{theirs}"] = tensors[f"{source}.{ours}"]
    return state


def attributes(config: StyleGAN3Config) -> dict[str, dict[str, Any]]:
    """Attributes of the modules, as far as they say more than the tensors."""
    said: dict[str, dict[str, Any]] = {
        "synthesis": {"margin_size": MARGIN, "output_scale": config.output_scale},
        "input": {
            "sampling_rate": np.float64(config.sampling_rate),
            "bandwidth": np.float64(config.bandwidth),
            "size": np.array([config.input_size] * 2),
        },
    }
    for name, one in zip(names(config), config.layers, strict=True):
        said[name] = {"up_factor": one.up, "down_factor": one.down, "padding": list(one.padding)}
        said[name]["conv_clamp"] = config.conv_clamp
    return said


def write(
    path: Path,
    config: StyleGAN3Config,
    *,
    state: dict[str, Tensor] | None = None,
    changes: dict[str, dict[str, Any]] | None = None,
    kwargs: dict[str, Any] | None = None,
    arguments: object = None,
    protocol: int = 4,
) -> Path:
    """A snapshot; `changes` to attributes of modules, None leaves one out; `arguments` instead of the right ones."""
    layers = attributes(config)
    for module, facts in (changes or {}).items():
        merged = layers.get(module, {}) | facts
        layers[module] = {name: value for name, value in merged.items() if value is not None}
    said = {"z_dim": config.z_dim, "c_dim": config.c_dim, "w_dim": config.w_dim}
    said |= {"img_resolution": config.resolution, "img_channels": config.img_channels}
    state = state_of(config, random_tensors(config)) if state is None else state
    own = {} if arguments is None else {"_init_kwargs": arguments}
    made = said | (kwargs or {})
    network = writers.nvlabs_network(state, kwargs=made, layers=layers, attributes=own)
    tree = {"G": network, "D": None, "G_ema": network, "augment_pipe": None, "more": 1}
    path.write_bytes(writers.dumps(tree, protocol))
    return path
