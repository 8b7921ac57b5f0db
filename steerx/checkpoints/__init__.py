"""Bytes on disk -> (config, tensors), hostile data assumed: one parser, no unpickler."""

from steerx.checkpoints.checkpoint import LICENCE_NOTE, Checkpoint, model_id
from steerx.checkpoints.config import StyleGAN2Config, expected_shapes
from steerx.checkpoints.errors import CheckpointError, Kind
from steerx.checkpoints.exporting import LAYOUTS, Layout, export, unsaid
from steerx.checkpoints.families import Config
from steerx.checkpoints.progressive_config import PGGANConfig, StyleGANConfig
from steerx.checkpoints.reading import describe, read
from steerx.checkpoints.stylegan3_config import FilteredLayer, StyleGAN3Config
from steerx.checkpoints.writing import write

__all__ = [
    "LAYOUTS",
    "LICENCE_NOTE",
    "Checkpoint",
    "CheckpointError",
    "Config",
    "FilteredLayer",
    "Kind",
    "Layout",
    "PGGANConfig",
    "StyleGAN2Config",
    "StyleGAN3Config",
    "StyleGANConfig",
    "describe",
    "expected_shapes",
    "export",
    "model_id",
    "read",
    "unsaid",
    "write",
]
