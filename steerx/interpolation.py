"""Interpolation between codes: straight for w, along the sphere for z."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def lerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """Linear interpolation a + t (b - a); for w and w_plus.

    Args:
        a, b: codes of one shape.
        t: 0 = a, 1 = b; a number, or [T] for a leading axis of T codes.

    Raises:
        ValueError: codes of different shapes, or a t that is not finite.
    """
    return a + _weight("lerp", t, a, b) * (b - a)


def slerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """Spherical interpolation along the great circle of the last axis; for z.

    sin((1 - t) o) / sin(o) a + sin(t o) / sin(o) b, o the angle between a and b; lengths are
    interpolated linearly. Nearly parallel codes fall back to `lerp`.

    Args:
        a, b: codes [..., Z] of one shape.
        t: 0 = a, 1 = b; a number, or [T] for a leading axis of T codes.

    Raises:
        ValueError: codes of different shapes or of no length, a t that is not finite, or opposite
            codes, between which no great circle is the shortest.

    Source: Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985.
    """
    weight = _weight("slerp", t, a, b)
    la, lb = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    if not ((la > 0) & (lb > 0)).all():
        raise ValueError("slerp: a code of length 0 (or NaN) points nowhere; use lerp")
    u, v = a / la, b / lb
    # atan2 keeps its digits where a cosine near 1 or -1 has lost them.
    angle = 2 * torch.atan2((u - v).norm(dim=-1, keepdim=True), (u + v).norm(dim=-1, keepdim=True))
    if (angle > math.pi - 1e-3).any():
        raise ValueError("slerp: a and b point in opposite directions; go through a third code")
    near = angle < 1e-4
    sine = torch.where(near, torch.ones_like(angle), angle.sin())
    left = torch.where(near, 1 - weight, ((1 - weight) * angle).sin() / sine)
    right = torch.where(near, weight, (weight * angle).sin() / sine)
    between: Tensor = (left * u + right * v) * (la + weight * (lb - la))
    return between


def _weight(what: str, t: float | Tensor, a: Tensor, b: Tensor) -> Tensor:
    """t as a number beside codes, or [T] with as many trailing axes as codes have."""
    if a.shape != b.shape:
        raise ValueError(
            f"{what}: a and b must have one shape, got {list(a.shape)} and {list(b.shape)}"
        )
    weight = torch.as_tensor(t, dtype=a.dtype, device=a.device)
    if weight.dim() > 1 or not weight.isfinite().all():
        raise ValueError(
            f"{what}: t must be a finite number or [T] of them, got {list(weight.shape)} with "
            f"{int((~weight.isfinite()).sum())} not finite"
        )
    trailing = a.dim() if weight.dim() else 0
    shaped: Tensor = weight[(..., *[None] * trailing)]
    return shaped
