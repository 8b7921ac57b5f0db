"""_direct: a layer in bfloat16 for processors with matrix units, convolution and tail. Private to a renderer.

Nine products a pixel, sums in float32. An upsampling layer is a transposed convolution of stride 2, made as
its four phases, so that nothing is multiplied by zero, and blurred before it leaves the cache. Without matrix
units the same kernel multiplies by floats, slowly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from . import _epilogue
from ._library import define_private, has_kernel

SCHEMA = "_direct(Tensor x, Tensor weight, Tensor(d!) room, float[]? blur, " + _epilogue.TAIL
BLOCK = 32  # channels that lie side by side; I and O are multiples of it
_PAIRS = BLOCK // 2
# Of a thread's room: a piece's pixels and sums stay in a core's cache. Pieces have 64 columns and a row at least.
_BYTES, _OF_INPUT, _OF_SUMS = 5 << 18, 600, 1 << 18
# Row tap and column tap of every product of a result, in the order of the kernel: plain, and phase by phase. Even
# rows of a transposed convolution take tap 0 of x[a] and tap 2 of x[a - 1], odd ones tap 1 of x[a].
_OF_ROWS = ((0, 2), (1,))
TAPS = {
    False: [[(k, m) for k in range(3) for m in range(3)]],
    True: [[(k, m) for k in row for m in column] for row in _OF_ROWS for column in _OF_ROWS],
}


def takes(outputs: int, inputs: int) -> bool:
    """Whether a native kernel is there that can do a layer of so many channels."""
    return outputs % BLOCK == 0 and inputs % BLOCK == 0 and has_kernel("_direct", "CPU")


def fast() -> bool:
    """Whether the kernel, if it is there, multiplies by matrix units and not by floats."""
    return has_kernel("_direct", "CPU") and bool(torch.ops.steerx._matrix_units.default())


def room(inputs: int, threads: int) -> int:
    """How many floats of memory serve any picture."""
    return threads * (max(_BYTES, _OF_INPUT * inputs + _OF_SUMS) + 128) // 4


def packed(weight: Tensor, *, up: bool) -> Tensor:
    """A weight [O, I, 3, 3] in the order it is multiplied in: bfloat16 [O / 32, 9 I / 32, 2, 16, 16, 2].

    Of 32 outputs: phase by phase, block of inputs by block, tap by tap; two halves of the outputs, pairs of
    inputs, outputs, the inputs of a pair.
    """
    o, i = weight.shape[:2]
    blocks = weight.to(torch.bfloat16).reshape(o // BLOCK, 2, _PAIRS, i // BLOCK, _PAIRS, 2, 3, 3)
    phases = []
    for phase in TAPS[up]:
        taps = torch.stack(
            [blocks[..., k, m] for k, m in phase], 4
        )  # [O/32, 2, 16, I/32, T, 16, 2]
        steps = taps.permute(0, 3, 4, 1, 5, 2, 6)
        phases.append(steps.reshape(o // BLOCK, -1, 2, _PAIRS, _PAIRS, 2))
    return torch.cat(phases, 1).contiguous()


def unpacked(weight: Tensor, *, up: bool) -> Tensor:
    """What was packed: [O, I, 3, 3], float32."""
    groups, steps = weight.shape[:2]
    blocks = steps // 9
    found = weight.new_empty(groups, 2, _PAIRS, blocks, _PAIRS, 2, 3, 3, dtype=torch.float32)
    sizes = [blocks * len(phase) for phase in TAPS[up]]
    for phase, part in zip(TAPS[up], weight.float().split(sizes, 1), strict=True):
        taps = part.reshape(groups, blocks, len(phase), 2, _PAIRS, _PAIRS, 2)
        for t, (k, m) in enumerate(phase):
            found[..., k, m] = taps[:, :, t].permute(0, 2, 4, 1, 3, 5)
    return found.reshape(groups * BLOCK, blocks * BLOCK, 3, 3)


def reference(
    x: Tensor, weight: Tensor, room: Tensor, blur: list[float] | None, *tail: Any
) -> None:
    rows, taps = x.float().permute(0, 3, 1, 2), unpacked(weight, up=blur is not None)
    up = blur is not None
    z = (
        conv_transpose2d(rows, taps.transpose(0, 1), stride=2)
        if up
        else conv2d(rows, taps, padding=1)
    )
    _epilogue.reference(z.permute(0, 2, 3, 1).contiguous(), blur, False, *tail)


_call = define_private(SCHEMA, reference=reference)


def direct(
    x: Tensor, weight: Tensor, room: Tensor, *, blur: list[float] | None = None, **tail: Any
) -> None:
    """The convolution of x [N, H, W, I] by a packed weight, and its tail: see `_epilogue.epilogue`.

    With `blur` it is the transposed one of stride 2, blurred, and the tail's sizes are 2 H, 2 W. room is float32
    memory for the kernel, its size by `room`; what is in it afterwards says nothing.
    """
    _call(x, weight, room, blur, *_epilogue.tail_values("_direct", tail))
