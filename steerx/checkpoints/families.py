"""The families of generators that files are read as."""

from __future__ import annotations

from steerx.checkpoints.config import StyleGAN2Config
from steerx.checkpoints.progressive_config import PGGANConfig, StyleGANConfig
from steerx.checkpoints.stylegan3_config import StyleGAN3Config

Config = StyleGAN2Config | StyleGANConfig | StyleGAN3Config | PGGANConfig
FAMILIES: dict[
    str,
    type[StyleGAN2Config] | type[StyleGANConfig] | type[StyleGAN3Config] | type[PGGANConfig],
] = {one.family: one for one in (StyleGAN2Config, StyleGANConfig, StyleGAN3Config, PGGANConfig)}
