"""Checkpoint -> our own file: whole or absent, data only, read back without any library."""

from __future__ import annotations

import os

import torch

from steerx._files import whole_file
from steerx.checkpoints.canonical import METADATA_KEY, describe_in_json
from steerx.checkpoints.checkpoint import Checkpoint
from steerx.checkpoints.config import expected_shapes
from steerx.checkpoints.tensor_file import write_tensor_file

_DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def write(
    path: str | os.PathLike[str],
    checkpoint: Checkpoint,
    *,
    dtype: torch.dtype | None = None,
    overwrite: bool = False,
) -> None:
    """Write a checkpoint as safetensors with canonical names.

    Args:
        path: the new file.
        checkpoint: what to write; its tensors must be those its config promises.
        dtype: float32 (None), or float16 or bfloat16 to store rounded weights in half the bytes;
            they are float32 again when read, and their `model_id` is another one.
        overwrite: replace an existing file.

    Raises:
        ValueError: another dtype, or tensors that are not those of the config.
        OSError: the file cannot be written; `FileExistsError` where it exists.
    """
    stored = torch.float32 if dtype is None else dtype
    if stored not in _DTYPES:
        raise ValueError(
            f"write: dtype must be torch.float32, float16 or bfloat16, got {dtype}; use None"
        )
    found = {name: tuple(tensor.shape) for name, tensor in checkpoint.tensors.items()}
    expected = expected_shapes(checkpoint.config)
    if found != expected:
        names = sorted(n for n in {*found, *expected} if found.get(n) != expected.get(n))
        listed = ", ".join(f"{n} {found.get(n)} (expected {expected.get(n)})" for n in names[:5])
        raise ValueError(f"write: tensors differ from what the config promises: {listed}")
    metadata = {METADATA_KEY: describe_in_json(checkpoint)}
    with whole_file(path, overwrite=overwrite) as handle:
        write_tensor_file(handle, checkpoint.tensors, metadata=metadata, dtype=stored)
