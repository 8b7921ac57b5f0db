"""Bytes on disk -> (config, tensors), hostile data assumed: one parser, no unpickler."""

from steerx.checkpoints.checkpoint import LICENCE_NOTE, Checkpoint, model_id
from steerx.checkpoints.config import StyleGAN2Config, expected_shapes
from steerx.checkpoints.errors import CheckpointError, Kind
from steerx.checkpoints.exporting import LAYOUTS, Layout, export, unsaid
from steerx.checkpoints.reading import describe, read
from steerx.checkpoints.writing import write

__all__ = [
    "LAYOUTS",
    "LICENCE_NOTE",
    "Checkpoint",
    "CheckpointError",
    "Kind",
    "Layout",
    "StyleGAN2Config",
    "describe",
    "expected_shapes",
    "export",
    "model_id",
    "read",
    "unsaid",
    "write",
]
