"""Shape errors that name the operation, the argument, what was expected, what came and what to do."""

from __future__ import annotations

import torch
from torch import Tensor


def shape(name: str, tensor: object, symbols: str, **known: int) -> dict[str, int]:
    """Check a tensor against symbolic dimensions and return their sizes.

    Args:
        name: operation and argument, for the message: ``"edit: directions"``.
        tensor: what came.
        symbols: space-separated letters, one per dimension: ``"K D"``; digits stand for themselves.
        known: sizes that are already fixed: ``D=512``.

    Returns:
        The size of every letter.

    Raises:
        TypeError: not a tensor.
        ValueError: another rank or size than expected.
    """
    letters = symbols.split()
    expected = "[" + ", ".join(letters) + "]"
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} must be a tensor {expected}, got {type(tensor).__name__}")
    sizes = dict(known)
    good = tensor.dim() == len(letters)
    for letter, size in zip(letters, tensor.shape, strict=False):
        good = good and size == (
            int(letter) if letter.isdigit() else sizes.setdefault(letter, size)
        )
    if not good:
        where = ", ".join(f"{k} = {v}" for k, v in known.items() if k in letters)
        raise ValueError(
            f"{name} must be {expected}{' with ' + where if where else ''}, got {list(tensor.shape)}"
        )
    return sizes


_FLOATING = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def floating(name: str, tensor: object) -> None:
    """Refuse all but dense tensors of 16, 32 or 64-bit floating-point numbers by name; None is no tensor."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(tensor).__name__}")
    if tensor.dtype not in _FLOATING:
        raise TypeError(
            f"{name} must be of a floating-point dtype, got {tensor.dtype}; use .float()"
        )
    if tensor.layout != torch.strided:
        raise TypeError(f"{name} must be dense, got {tensor.layout}; use .to_dense()")


def filled(name: str, sizes: dict[str, int], symbols: str) -> None:
    """Refuse sizes of zero where nothing could come of them, by their letters."""
    for letter in symbols.split():
        if sizes[letter] == 0:
            raise ValueError(f"{name} must have {letter} of 1 or more, got 0")


def one_device(name: str, *tensors: Tensor | None) -> None:
    """Refuse a mix of devices by name."""
    devices = {str(t.device) for t in tensors if t is not None}
    if len(devices) > 1:
        raise ValueError(
            f"{name}: all tensors must be on one device, got {', '.join(sorted(devices))}; "
            "move them with .to(device)"
        )


def memory_format(x: Tensor) -> torch.memory_format:
    """channels_last for a 4-D tensor that is so and no other way; contiguous for all else."""
    if (
        x.dim() == 4
        and not x.is_contiguous()
        and x.is_contiguous(memory_format=torch.channels_last)
    ):
        return torch.channels_last
    return torch.contiguous_format
