"""Tensors in the words and messages of workers, bit for bit, as safetensors: nothing in them can run."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from safetensors.torch import load, save
from torch import Tensor


def packed(tensors: Sequence[Tensor]) -> bytes:
    """Tensors as bytes: the data of a message."""
    named = {f"{n}": t.detach().cpu().clone().contiguous() for n, t in enumerate(tensors)}
    return save(named)


def unpacked(data: bytes) -> list[Tensor]:
    """The tensors of some bytes, on the CPU."""
    named = load(data)
    return [named[f"{n}"] for n in range(len(named))]


def said(tensors: Sequence[Tensor]) -> str:
    """Tensors as text: a part of a word."""
    return base64.b64encode(packed(tensors)).decode()


def heard(text: str) -> list[Tensor]:
    """The tensors of a text, on the CPU."""
    return unpacked(base64.b64decode(text))
