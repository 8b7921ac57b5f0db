"""Tensor records -> float32 tensors: bytes go by `pread` straight into memory torch owns."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.records import ITEM_BYTES, TensorRecord

_FLOATS = {
    "f2": torch.float16,
    "bf16": torch.bfloat16,
    "f4": torch.float32,
    "f8": torch.float64,
}


def load_tensor(
    record: TensorRecord,
    *,
    name: str,
    allow_nonfinite: bool = False,
    dtype: torch.dtype | None = torch.float32,
) -> Tensor:
    """The record's numbers as a contiguous tensor of its own.

    Args:
        record: what to load; its bounds were checked when it was read.
        name: its name in the file, for messages.
        allow_nonfinite: accept NaN and infinity.
        dtype: of the result; None = as stored.

    Raises:
        CheckpointError: `bad-tensor` for numbers that are not floating point, `non-finite`.
    """
    stored = _FLOATS.get(record.storage.dtype)
    if stored is None or record.storage.source is None:
        raise CheckpointError(
            Kind.BAD_TENSOR, f"{shown(name)} holds {record.storage.dtype}, not floating point"
        )
    numel = math.prod(record.shape)
    if numel == 0:
        return torch.empty(record.shape, dtype=dtype or stored)
    span = 1 + sum(
        (size - 1) * step for size, step in zip(record.shape, record.stride, strict=True)
    )
    buffer = torch.empty(span, dtype=stored)
    start = record.storage.start + record.offset * ITEM_BYTES[record.storage.dtype]
    record.storage.source.read_into(start, buffer.view(torch.uint8).numpy().data)
    tensor = torch.as_strided(buffer, record.shape, record.stride).to(dtype or stored)
    tensor = tensor.contiguous()
    if not allow_nonfinite and not is_finite(tensor):
        raise CheckpointError(
            Kind.NON_FINITE,
            f"{shown(name)} holds NaN or infinity; allow_nonfinite=True reads it all the same",
        )
    return tensor


def is_finite(tensor: Tensor) -> bool:
    """Whether every number is finite; least and greatest carry NaN and infinity, without a mask."""
    least, greatest = torch.aminmax(tensor)
    return bool(torch.isfinite(least) & torch.isfinite(greatest))
