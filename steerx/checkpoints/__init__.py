"""Bytes on disk -> (config, tensors), hostile data assumed: one parser, no unpickler."""

from steerx.checkpoints.checkpoint import LICENCE_NOTE, Checkpoint, model_id
from steerx.checkpoints.config import StyleGAN2Config, expected_shapes
from steerx.checkpoints.errors import CheckpointError, Kind
from steerx.checkpoints.reading import describe, read
from steerx.checkpoints.writing import write

__all__ = [
    "LICENCE_NOTE",
    "Checkpoint",
    "CheckpointError",
    "Kind",
    "StyleGAN2Config",
    "describe",
    "expected_shapes",
    "model_id",
    "read",
    "write",
]
