"""_gathered: 3x3 convolutions of small pictures in float32, as one product. Private to a renderer.

The pixels that a result is the sum of are gathered into a row (im2col). A transposed convolution of stride 2 is
made as its four phases, each of which takes only the taps that fall on pixels. A result depends on its own row
alone: in the same bits for any batch and number of threads.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from ._direct import TAPS
from ._library import define_private, has_kernel

SCHEMA = "_gathered(Tensor x, Tensor weight, Tensor(a!) room, bool transposed, Tensor(b!) z) -> ()"
PANEL = 16  # outputs that lie side by side; I and O are multiples of it
_ROWS = 384  # that are gathered at a time; their products stay in the caches


def takes(outputs: int, inputs: int) -> bool:
    """Whether a native kernel is there that can do a layer of so many channels."""
    return outputs % PANEL == 0 and inputs % PANEL == 0 and has_kernel("_gathered", "CPU")


def room(inputs: int) -> int:
    """How many floats of memory serve any picture."""
    return _ROWS * 9 * inputs


def packed(weight: Tensor, *, transposed: bool) -> Tensor:
    """A weight [O, I, 3, 3], flat, phase by phase [O / 16, taps I, 16], float32."""
    o, i = weight.shape[:2]
    panels = weight.float().reshape(o // PANEL, PANEL, i, 3, 3)
    phases = []
    for phase in TAPS[transposed]:
        taps = torch.stack([panels[..., k, m] for k, m in phase], 1)  # [O / 16, T, 16, I]
        phases.append(taps.transpose(2, 3).reshape(-1))
    return torch.cat(phases)


def unpacked(weight: Tensor, inputs: int, *, transposed: bool) -> Tensor:
    """What was packed: [O, I, 3, 3]."""
    o = weight.numel() // (9 * inputs)
    found = weight.new_empty(o // PANEL, PANEL, inputs, 3, 3)
    sizes = [o * inputs * len(phase) for phase in TAPS[transposed]]
    for phase, part in zip(TAPS[transposed], weight.split(sizes), strict=True):
        taps = part.view(o // PANEL, len(phase), inputs, PANEL).transpose(2, 3)
        for t, (k, m) in enumerate(phase):
            found[..., k, m] = taps[:, t]
    return found.view(o, inputs, 3, 3)


def reference(x: Tensor, weight: Tensor, room: Tensor, transposed: bool, z: Tensor) -> None:
    rows = x.permute(0, 3, 1, 2)
    taps = unpacked(weight, x.shape[3], transposed=transposed)
    if not transposed:
        z.copy_(conv2d(rows, taps, padding=1).permute(0, 2, 3, 1))
        return
    n, h, w, _ = x.shape
    whole = x.new_zeros(n, 2 * h + 2, 2 * w + 2, taps.shape[0])  # the last row and column stay zero
    doubled = conv_transpose2d(rows, taps.transpose(0, 1), stride=2)
    whole[:, :-1, :-1] = doubled.permute(0, 2, 3, 1)
    z.copy_(whole.view(n, h + 1, 2, w + 1, 2, -1).transpose(2, 3).flatten(3, 4))


_call = define_private(SCHEMA, reference=reference)


def gathered(x: Tensor, weight: Tensor, room: Tensor, z: Tensor, *, transposed: bool) -> None:
    """The convolution of x [N, H, W, I] by a packed weight, float32, contiguous.

    z is [N, H, W, O], or of a transposed one [N, H + 1, W + 1, 4, O]: the phases of its even and odd rows and
    columns, as `_epilogue.epilogue` takes them with `shuffled`. room is float32 memory for the kernel, its size
    by `room`; what is in it afterwards says nothing.
    """
    _call(x, weight, room, transposed, z)
