"""A small network for the renderers of it."""

from __future__ import annotations

import torch

from steerx.checkpoints import StyleGAN2Config
from steerx.generators import StyleGAN2


def generator(
    seed: int = 0, *, clamp: float | None = None, channels: dict[int, int] | None = None
) -> StyleGAN2:
    """16 px, with channels of which the pass makes the picture (16) and of which it does not (10)."""
    torch.manual_seed(seed)
    config = StyleGAN2Config(
        z_dim=8,
        c_dim=0,
        w_dim=12,
        resolution=16,
        img_channels=3,
        channels=channels or {4: 10, 8: 16, 16: 8},
        mapping_layers=2,
        embed_dim=0,
        conv_clamp=clamp,
    )
    G = StyleGAN2(config)
    with torch.no_grad():
        for name, parameter in G.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return G.requires_grad_(False).eval()


WHOLE_CHANNELS = {4: 16, 8: 16, 16: 8}  # of which style_layer can make every layer
