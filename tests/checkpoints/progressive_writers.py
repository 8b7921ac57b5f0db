"""Writes genforce state dicts of PGGAN and StyleGAN, for tests only: canonical tensors, the other way round."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from steerx.checkpoints import Checkpoint, Config, PGGANConfig, StyleGANConfig, model_id

RATE = 0.01
CHANNELS = {4: 7, 8: 5, 16: 4}


def tiny_stylegan(**changes: Any) -> StyleGANConfig:
    """16 px, with different channels everywhere."""
    facts: dict[str, Any] = {"z_dim": 6, "w_dim": 8, "resolution": 16, "img_channels": 3}
    facts |= {"channels": CHANNELS, "mapping_layers": 2}
    return StyleGANConfig(**{**facts, **changes})


def tiny_pggan(**changes: Any) -> PGGANConfig:
    """16 px, with different channels everywhere."""
    facts: dict[str, Any] = {"z_dim": 6, "resolution": 16, "img_channels": 3, "channels": CHANNELS}
    return PGGANConfig(**{**facts, **changes})


def random_tensors(config: Config, seed: int = 0) -> dict[str, Tensor]:
    """Canonical tensors; the blur is the stock one."""
    random = torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.randn(shape, generator=random) for name, shape in config.shapes().items()
    }
    if "synthesis.filter" in tensors:
        taps = torch.tensor([1.0, 2.0, 1.0])
        tensors["synthesis.filter"] = torch.outer(taps, taps) / 16
    return tensors


def checkpoint(config: Config) -> Checkpoint:
    """A checkpoint of random tensors."""
    tensors = random_tensors(config)
    return Checkpoint(config.family, config, tensors, model_id(tensors), {})


def stylegan_state(config: StyleGANConfig, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a genforce StyleGAN."""
    state = {
        "synthesis.lod": torch.zeros(()),
        "synthesis.layer0.const": tensors["synthesis.const"][None],
    }
    state["truncation.w_avg"] = tensors["mapping.w_avg"].reshape(-1)
    for i in range(config.mapping_layers):
        weight, bias = (tensors[f"mapping.layers.{i}.{part}"] for part in ("weight", "bias"))
        # lrelu(W x + b) sqrt(2), said without the last factor
        state[f"mapping.dense{i}.weight"] = (
            weight * math.sqrt(2) * math.sqrt(weight.shape[1] / 2) / RATE
        )
        state[f"mapping.dense{i}.bias"] = bias * math.sqrt(2) / RATE
    for i in range(config.num_layers):
        source, target = f"synthesis.layers.{i}", f"synthesis.layer{i}"
        side = config.layer_resolution(i)
        affine = tensors[f"{source}.affine.weight"]
        state[f"{target}.style.weight"] = affine * math.sqrt(config.w_dim)
        state[f"{target}.style.bias"] = tensors[f"{source}.affine.bias"]
        state[f"{target}.bias"] = tensors[f"{source}.bias"]
        state[f"{target}.apply_noise.weight"] = tensors[f"{source}.noise_strength"]
        state[f"{target}.apply_noise.noise"] = tensors[f"{source}.noise"][None, None]
        if i:
            weight = convolution(tensors[f"{source}.weight"])
            turned = i % 2 == 0 and side >= 128
            state[f"{target}.weight"] = weight.flip((2, 3)) if turned else weight
        if i and i % 2 == 0:
            blur = tensors["synthesis.filter"].expand(affine.shape[0] // 2, 1, 3, 3)
            state[f"{target}.blur.kernel"] = blur.clone()
    return state | to_rgbs(config, tensors, "synthesis.")


def pggan_state(config: PGGANConfig, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a genforce PGGAN."""
    state = {"lod": torch.zeros(())}
    for i in range(config.num_layers):
        weight = convolution(tensors[f"synthesis.layers.{i}.weight"])
        state[f"layer{i}.weight"] = weight if i else weight.flip((2, 3))
        state[f"layer{i}.bias"] = tensors[f"synthesis.layers.{i}.bias"]
    return state | to_rgbs(config, tensors, "")


def convolution(weight: Tensor) -> Tensor:
    """A weight as it is stored, without the gain that the layer applies."""
    return weight * math.sqrt(weight[0].numel() / 2)


def to_rgbs(config: Config, tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """All to_rgbs of a network that has grown: random ones below the last."""
    state = {}
    for b, resolution in enumerate(config.resolutions):
        inputs = config.channels[resolution]
        state[f"{prefix}output{b}.weight"] = torch.randn(config.img_channels, inputs, 1, 1)
        state[f"{prefix}output{b}.bias"] = torch.randn(config.img_channels)
    weight = tensors["synthesis.to_rgb.weight"] * math.sqrt(inputs)
    return state | {
        f"{prefix}output{b}.weight": weight,
        f"{prefix}output{b}.bias": tensors["synthesis.to_rgb.bias"],
    }
