"""save: a generator as it is now to a file that `load` reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch

from .. import checkpoints
from .generator import Generator


def checkpoint_of(G: Generator, facts: Mapping[str, Any] | None = None) -> checkpoints.Checkpoint:
    """Weights of a generator of a family that `load` reads, copied, under their canonical names.

    Args:
        G: the generator.
        facts: plain JSON data for people: where the weights come from.

    Raises:
        ValueError: a network of the user's own, whose form no file of ours says.
    """
    config = getattr(G, "config", None)
    if not isinstance(config, checkpoints.Config):
        raise ValueError(
            f"save: a generator of family {G.family!r} has no file of ours; save its module's state dict"
        )
    tensors = {
        name: tensor.detach().to("cpu", torch.float32, copy=True)
        for name, tensor in G.state_dict().items()
    }
    identity = checkpoints.model_id(tensors)
    return checkpoints.Checkpoint(G.family, config, tensors, identity, dict(facts or {}))


def save(
    G: Generator,
    path: str | os.PathLike[str],
    *,
    facts: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a generator as safetensors with canonical names, whole or not at all.

    Args:
        G: of a family that `load` reads.
        path: the new file.
        facts: plain JSON data for people: where the weights come from.
        overwrite: replace an existing file.

    Raises:
        ValueError: as `checkpoint_of`.
        OSError: the file cannot be written; `FileExistsError` where it exists.
    """
    checkpoints.write(path, checkpoint_of(G, facts), overwrite=overwrite)
