"""Reading numbers off the shapes of tensors: the part of inference that all layouts share."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from steerx.checkpoints.bounds import MAX_MAPPING_LAYERS
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.loading import load_tensor
from steerx.checkpoints.records import TensorRecord

_MAX_FILTERS = 100  # three per block, with room


def size(tensors: Mapping[str, TensorRecord], name: str, axis: int) -> int:
    """Size of one axis of the tensor `name`.

    Raises:
        CheckpointError: `bad-structure` where there is no such tensor or axis.
    """
    record = tensors.get(name)
    if record is None:
        raise CheckpointError(Kind.BAD_STRUCTURE, f"the tensor {shown(name)} is missing")
    if axis >= len(record.shape):
        raise CheckpointError(
            Kind.BAD_STRUCTURE, f"{shown(name)} has the shape {list(record.shape)}"
        )
    return record.shape[axis]


def count(tensors: Mapping[str, TensorRecord], pattern: str, *, first: int = 0) -> int:
    """How many of the numbered tensors `pattern.format(first)`, `...(first + 1)`, ... there are."""
    found = 0
    while pattern.format(first + found) in tensors and found <= MAX_MAPPING_LAYERS:
        found += 1
    return found


def check_hidden_width(
    tensors: Mapping[str, TensorRecord], pattern: str, layers: range, w_dim: int
) -> None:
    """Refuse a mapping network whose hidden layers are not as wide as w.

    Raises:
        CheckpointError: `unsupported`, with both widths.
    """
    for i in layers:
        width = size(tensors, pattern.format(i), 0)
        if width != w_dim:
            name = shown(pattern.format(i))
            what = f"a mapping network of width {width} ({name}) for w of width {w_dim}"
            raise CheckpointError(Kind.UNSUPPORTED, f"{what}; steerx reads those of one width")


def mean_rows(record: TensorRecord, name: str, w_dim: int, num_ws: int) -> int:
    """1 for one mean of w, `num_ws` for one mean per w slot, stored as one long vector.

    Raises:
        CheckpointError: `bad-structure` for any other length.
    """
    length = math.prod(record.shape)
    if length not in (w_dim, num_ws * w_dim):
        raise CheckpointError(
            Kind.BAD_STRUCTURE, f"{shown(name)} holds {length} numbers for w of width {w_dim}"
        )
    return length // w_dim


def numbers(tensors: Mapping[str, TensorRecord], pattern: str) -> list[int]:
    """Sorted numbers that stand in the one group of `pattern` in the tensors' names."""
    expression = re.compile(pattern)
    found = {int(match[1]) for name in tensors if (match := expression.fullmatch(name))}
    return sorted(found)


def common_filter(
    tensors: Mapping[str, TensorRecord], names: list[str], *, gain: float
) -> Tensor | None:
    """The one filter [k, k] all buffers in `names` hold, times `gain`; None without buffers.

    Raises:
        CheckpointError: `unsupported` where the buffers differ, `bad-structure` for other shapes.
    """
    first: Tensor | None = None
    if len(names) > _MAX_FILTERS:
        raise CheckpointError(Kind.BAD_STRUCTURE, f"{len(names)} upsampling filters")
    for name in names:
        shape = tensors[name].shape
        core = shape[-2:] if all(side == 1 for side in shape[:-2]) else ()
        if not core or not all(1 <= side <= 32 for side in core):
            raise CheckpointError(
                Kind.BAD_STRUCTURE, f"the filter {shown(name)} has the shape {list(shape)}"
            )
        taps = load_tensor(tensors[name], name=name).reshape(core)
        if taps.ndim == 1:
            taps = torch.outer(taps, taps)
        if first is not None and not torch.equal(first, taps):
            raise CheckpointError(Kind.UNSUPPORTED, "layers with different upsampling filters")
        first = taps
    return None if first is None else first * gain
