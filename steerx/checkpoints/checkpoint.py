"""What a read file becomes: config, canonical tensors, an identity, and facts for people."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from steerx.checkpoints.families import Config

LICENCE_NOTE = "weights keep their own licence"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Weights in the canonical form.

    Attributes:
        family: "stylegan2", "stylegan" or "pggan".
        config: the numbers behind every shape.
        tensors: canonical name -> float32 tensor on the CPU (`expected_shapes` lists them).
        model_id: sha256 over names, shapes and float32 bytes; equal weights have equal ids,
            whatever file they came from.
        facts: plain JSON-able data for people: container, sha256 of the file, what was inferred,
            defaulted, skipped.
    """

    family: str
    config: Config
    tensors: dict[str, Tensor] = field(repr=False)
    model_id: str
    facts: dict[str, Any] = field(default_factory=dict, repr=False)


def model_id(tensors: Mapping[str, Tensor]) -> str:
    """Sha256 over the sorted names, the shapes and the float32 bytes of canonical tensors."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().to(device="cpu", dtype=torch.float32).contiguous()
        shape = ",".join(str(size) for size in tensor.shape)
        digest.update(f"{name}\0{shape}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
