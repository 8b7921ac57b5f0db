"""Small random generators that tests steer."""

from __future__ import annotations

import torch

from steerx.checkpoints import StyleGAN2Config
from steerx.generators import Generator, StyleGAN2
from steerx.rendering import PlainRenderer


def tiny_generator(
    seed: int = 0,
    *,
    c_dim: int = 0,
    conv_clamp: float | None = None,
    dtype: torch.dtype | None = None,
) -> StyleGAN2:
    """A 16 px StyleGAN2 with every term alive: noise, biases, w_avg, labels and clamp."""
    torch.manual_seed(seed)
    config = StyleGAN2Config(
        z_dim=8,
        c_dim=c_dim,
        w_dim=12,
        resolution=16,
        img_channels=3,
        channels={4: 10, 8: 9, 16: 6},
        mapping_layers=2,
        embed_dim=5 if c_dim else 0,
        conv_clamp=conv_clamp,
    )
    G = StyleGAN2(config, dtype=dtype)
    with torch.no_grad():
        G.mapping.w_avg.normal_()
        for name, parameter in G.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(0.3 * torch.randn_like(parameter))
    G.model_id = f"tiny-{seed}"
    return G.requires_grad_(False).eval()


class PlainConvGenerator(Generator):
    """A generator with z alone: codes enter the renderer as they are."""

    family = "conv"

    def __init__(self) -> None:
        super().__init__()
        self.z_dim, self.resolution, self.spaces = 6, 8, ("z",)
        self.net = torch.nn.Sequential(
            torch.nn.ConvTranspose2d(6, 5, 4), torch.nn.Tanh(), torch.nn.ConvTranspose2d(5, 3, 5)
        )
        self.model_id = "conv"
        self.renderer = PlainRenderer(self)

    def run(self, styles, *, state, stop, noise, dtype, packed):  # type: ignore[no-untyped-def]
        assert state is None and stop is None
        return self.net(styles[:, :, None, None])
