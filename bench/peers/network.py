"""The network that every side renders: random weights of the published sizes, as each of them reads it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from steerx import checkpoints
from steerx.checkpoints import Checkpoint, StyleGAN2Config, model_id, nvlabs
from steerx.checkpoints.exporting import unfolded
from steerx.checkpoints.nvlabs_settings import Settings
from steerx.generators import StyleGAN2

OURS, CONFIG, CODES = "network.safetensors", "config.json", "codes.npy"
NVLABS, ROSINALITY, GENFORCE = "nvlabs.pt", "rosinality.pt", "genforce.pth"


def random_generator(resolution: int, most: int, *, mapping_layers: int = 2) -> StyleGAN2:
    """The published sizes (32768 / side channels, at most so many) with every term of a layer alive."""
    torch.manual_seed(0)
    sides = [2**i for i in range(2, resolution.bit_length())]
    config = StyleGAN2Config(
        z_dim=most,
        c_dim=0,
        w_dim=most,
        resolution=resolution,
        img_channels=3,
        channels={side: min(most, 32768 // side) for side in sides},
        mapping_layers=mapping_layers,
        embed_dim=0,
        conv_clamp=None,
    )
    G = StyleGAN2(config).requires_grad_(False).eval()
    for name, parameter in G.named_parameters():
        if name.endswith(("bias", "noise_strength")):
            parameter.add_(0.1 * torch.randn_like(parameter))
    return G


def write(folder: Path, resolution: int, most: int, batch: int) -> None:
    """The network in every layout, and codes w_plus [batch, L, D], a w of its own in every slot."""
    G = random_generator(resolution, most)
    for (
        block
    ) in G.synthesis.to_rgbs:  # pictures mostly within [-1, 1], as those of trained networks
        block.weight.mul_(0.1)
    tensors = {name: tensor.detach() for name, tensor in G.state_dict().items()}
    checkpoint = Checkpoint("stylegan2", G.config, tensors, model_id(tensors))
    checkpoints.write(folder / OURS, checkpoint)
    (folder / CONFIG).write_text(json.dumps(G.config.to_json()))
    torch.save(nvlabs_state(checkpoint), folder / NVLABS)
    for name in (ROSINALITY, GENFORCE):
        layout = "rosinality" if name == ROSINALITY else "genforce"
        if not checkpoints.unsaid(checkpoint, layout):
            checkpoints.export(folder / name, checkpoint, layout)
    codes = G.codes(seeds=range(batch * G.num_ws), space="w")
    np.save(folder / CODES, codes.reshape(batch, G.num_ws, G.w_dim).numpy())


def nvlabs_state(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """The state dict of a StyleGAN2 of stylegan2-ada-pytorch and stylegan3, but for the filters."""
    config = checkpoint.config
    assert isinstance(config, StyleGAN2Config)
    stock = Settings({}, {}, None, 0.01, use_noise=True, defaulted=(), unused=())
    rules = nvlabs.rules(config, stock, stored_mean=True)
    return {rule.source: unfolded(checkpoint.tensors[rule.target], rule) for rule in rules}
