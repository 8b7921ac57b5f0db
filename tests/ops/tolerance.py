"""The rule every operator is judged by: at most twice plain torch's worst error, hardly more on average."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def as_good_as_torch(
    ours: Tensor, plain: Tensor, truth: Tensor, *, rounded: torch.dtype | None = None
) -> None:
    """Judge a result by what plain torch reaches in the same dtype; no table of constants.

    Args:
        ours: what the operator gave.
        plain: the reference in the same dtype on the same device.
        truth: the reference in float64 on the CPU.
        rounded: a narrower dtype that both rounded to on the way, where a few numbers are luck.
    """
    assert ours.shape == plain.shape == truth.shape
    assert ours.dtype == plain.dtype
    ours, plain, dtype = ours.cpu().double(), plain.cpu().double(), plain.dtype
    assert torch.equal(ours.isnan(), truth.isnan())
    if not truth.numel():
        return
    slack = torch.finfo(rounded or dtype).eps * truth.abs().max()
    for name, reduce, factor in (("max", torch.amax, 2.0), ("mean", torch.mean, 1.25)):
        error, allowed = reduce((ours - truth).abs()), reduce((plain - truth).abs())
        assert error <= factor * allowed + slack, (
            f"{name}|ours - truth| = {error:.3g}, {name}|plain - truth| = {allowed:.3g}, "
            f"slack {slack:.3g}, {dtype}"
        )


def in_dtype(args: tuple[Any, ...], dtype: torch.dtype) -> tuple[Any, ...]:
    """The same arguments with every floating-point tensor in another dtype."""
    return tuple(
        a.to(dtype) if isinstance(a, Tensor) and a.is_floating_point() else a for a in args
    )
