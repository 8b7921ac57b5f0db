"""Weights in the layouts of the CPU's kernels, made a few outputs at a time.

A whole layer's numbers in between, float64 among them, would be several times its weight, and what the allocator
keeps of them as much as a picture of 512 px.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from ..ops import _direct, _gathered, _winograd
from .convolution import Kernel, kernel
from .pages import large


def filtered(weight: Tensor, form: _winograd.WinogradForm) -> Kernel:
    """A weight [O, I, 3, 3] at the points of a minimal filtering."""
    o, i = weight.shape[:2]
    panel = _winograd.PANEL
    points = large((_winograd.points(form), o // panel, i, panel), torch.float32)

    def pack(unit: Tensor, first: int) -> None:
        at = first // panel
        _winograd.transformed(unit, form, points[:, at : at + 1])

    return _in_panels(weight, panel, points, form, pack)


def multiplied(weight: Tensor, *, up: bool) -> Kernel:
    """A weight [O, I, 3, 3] as matrix units take it."""
    o, i = weight.shape[:2]
    block, side = _direct.BLOCK, _direct.BLOCK // 2
    columns = large((o // block, 9 * i // block, 2, side, side, 2), torch.bfloat16)

    def pack(unit: Tensor, first: int) -> None:
        columns[first // block] = _direct.packed(unit, up=up)[0]

    return _in_panels(weight, block, columns, "plain", pack)


def gathered(weight: Tensor, *, transposed: bool) -> Kernel:
    """A weight [O, I, 3, 3] as gathered rows are multiplied by it."""
    o, i = weight.shape[:2]
    panel = _gathered.PANEL
    rows = large((9 * i * o,), torch.float32)
    taps = [len(phase) for phase in _direct.TAPS[transposed]]
    phases = [p.view(o // panel, -1) for p in rows.split([t * i * o for t in taps])]

    def pack(unit: Tensor, first: int) -> None:
        one = _gathered.packed(unit, transposed=transposed).split([t * i * panel for t in taps])
        for phase, part in zip(phases, one, strict=True):
            phase[first // panel] = part

    return _in_panels(weight, panel, rows, "plain", pack)


def _in_panels(
    weight: Tensor,
    outputs: int,
    packed: Tensor,
    form: Literal["plain", "transposed"],
    pack: Callable[[Tensor, int], None],
) -> Kernel:
    """`pack` is given W' of some outputs and the first of them, and writes into `packed`."""
    powers, scales = [], []
    for first in range(0, weight.shape[0], outputs):
        unit = kernel(weight[first : first + outputs], "plain", torch.float32)
        pack(unit.weight, first)
        powers.append(unit.power)
        scales.append(unit.scale)
    return Kernel(packed, torch.cat(powers, 1), torch.cat(scales), form)
