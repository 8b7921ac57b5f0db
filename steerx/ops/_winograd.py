"""_winograd: 3x3 convolutions by minimal filtering, with weights transformed once. Private to a renderer.

A correlation of r taps is a product of polynomials, and m of its results need m + r - 1 products instead of
m r: evaluate at m + r - 1 points (`into`), multiply by the weight at those points, interpolate (`out_of`).
"plain" is F(4x4, 3x3) with the tail of a style_layer in its output transform; "transposed", of an upsampling
layer, is the transposed convolution of stride 2, whose even rows and columns are F(4, 2) and whose odd ones are
the input times the middle tap, blurred in bands of rows before it leaves the cache. Lavin and Gray, "Fast
algorithms for convolutional neural networks", 2016.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from . import _epilogue
from ._library import define_private, has_kernel

WinogradForm = Literal["plain", "transposed"]
PANEL = 16  # channels that lie side by side; I and O are multiples of it
TILE = 4  # input pixels that a tile stands for, in each direction
# Tiles of a piece and points whose values are in the room at a time: more would leave a core's cache, with fewer the
# weights are read too often, once a piece. Measured.
_TILES = {"plain": 48, "transposed": 96}
_AT_A_TIME = {"plain": 36, "transposed": 25}
# Symmetric points of unequal magnitude have half the rounding error of 0, 1, -1, 2, -2.
_POINTS = {"plain": (0.0, 0.75, -0.75, 1.5, -1.5), "transposed": (0.0, 1.0, -1.0, 2.0)}

SCHEMA = (
    "_winograd(Tensor x, Tensor weight, Tensor(d!) room, Tensor(e!)? z, float[]? blur, "
    + _epilogue.TAIL
)


@cache
def _filtering(points: tuple[float, ...], taps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices of m results: of the input [n, n], of the taps [n, taps], of the products [m, n]; float64.

    Every point but infinity, the last, gives the product of the other (x - point): monic, as the kernels
    have them; what remains of Lagrange's denominators is in the matrix of the taps.
    """
    n, m = len(points) + 1, len(points) + 2 - taps
    into, of_taps, out_of = np.zeros((n, n)), np.zeros((n, taps)), np.zeros((m, n))
    for i, point in enumerate(points):
        others = [other for j, other in enumerate(points) if j != i]
        into[i, : n - 1] = np.poly(others)[::-1]
        of_taps[i] = point ** np.arange(taps) / np.prod(point - np.array(others))
        out_of[:, i] = point ** np.arange(m)
    into[n - 1] = np.poly(points)[::-1]
    of_taps[n - 1, taps - 1] = out_of[m - 1, n - 1] = 1
    return torch.from_numpy(into), torch.from_numpy(of_taps), torch.from_numpy(out_of)


@cache
def matrices(form: WinogradForm) -> tuple[Tensor, Tensor, Tensor]:
    """Of a tile's input, of the taps and of the products, in one direction, float64.

    "plain": [6, 6], [6, 3], [4, 6]. "transposed": [9, 5], [9, 3], [8, 9].
    """
    if form == "plain":
        return _filtering(_POINTS[form], 3)
    into, of_taps, out_of = _filtering(_POINTS[form], 2)
    identity, nothing = torch.eye(TILE, dtype=torch.float64), torch.zeros(TILE, 1)
    inputs = torch.cat((into, torch.cat((nothing, identity), 1)))
    taps = torch.zeros(9, 3, dtype=torch.float64)
    taps[:5, 2], taps[:5, 0], taps[5:, 1] = of_taps[:, 0], of_taps[:, 1], 1
    outputs = torch.zeros(8, 9, dtype=torch.float64)
    outputs[0::2, :5], outputs[1::2, 5:] = out_of, identity
    return inputs, taps, outputs


def points(form: WinogradForm) -> int:
    """At how many points a weight is wanted."""
    return len(matrices(form)[0]) ** 2


def transformed(weight: Tensor, form: WinogradForm, out: Tensor | None = None) -> Tensor:
    """A weight [O, I, 3, 3] at all points: [points, O / 16, I, 16], float32, in `out` where it is given."""
    o, i = weight.shape[:2]
    of_taps = matrices(form)[1]
    if out is None:
        out = weight.new_empty(points(form), o // PANEL, i, PANEL, dtype=torch.float32)
    for panel, some in enumerate(weight.split(PANEL)):  # in float64: few at a time need little room
        found = torch.einsum("ak,oikl,bl->abio", of_taps, some.double(), of_taps)
        out[:, panel] = found.flatten(0, 1)
    return out


def takes(outputs: int, inputs: int) -> bool:
    """Whether a native kernel is there that can do a layer of so many channels."""
    return outputs % PANEL == 0 and inputs % PANEL == 0 and has_kernel("_winograd", "CPU")


def room(form: WinogradForm, outputs: int, inputs: int, threads: int) -> int:
    """How many floats the kernels ask for; any number that holds 12 tiles for every thread serves."""
    gap, line = 2 * 5 * PANEL, 16
    piece = _TILES[form] * (outputs + inputs) + gap
    return threads * (_AT_A_TIME[form] * piece + line) + line


def band(shape: tuple[int, ...], outputs: int, threads: int) -> int:
    """How many floats z wants for x [N, H, W, I]: those of a piece for every thread. A row of tiles serves too."""
    n, h, w, _ = shape
    row, high, wide = (2 * w + 1) * outputs, -(-h // TILE), -(-w // TILE)
    rows = -(-threads * _TILES["transposed"] // wide)  # of tiles
    if rows < high:
        rows = -(-high // -(-high // rows))  # bands alike
        return (2 * TILE * rows + 4) * row
    return min(n, rows // high) * (2 * h + 1) * row


def _convolved(x: Tensor, weight: Tensor, form: WinogradForm) -> Tensor:
    """By the same transforms, in plain torch: [N, H, W, O], or [N, 2 H + 1, 2 W + 1, O]."""
    into, _, out_of = (m.to(x) for m in matrices(form))
    n, h, w, i = x.shape
    side, outputs = into.shape[1], out_of.shape[0]
    extra = 0 if form == "plain" else 1  # the last row and column of a transposed convolution
    high, wide = -(-(h + extra) // TILE), -(-(w + extra) // TILE)
    after = side - 1 - TILE
    edges = (0, 0, 1, wide * TILE - w + after, 1, high * TILE - h + after)
    tiles = (
        pad(x, edges).unfold(1, side, TILE).unfold(2, side, TILE)
    )  # [N, high, wide, I, side, side]
    values = torch.einsum("ak,nhwikl,bl->abnhwi", into, tiles, into).flatten(0, 1)
    flat = weight.transpose(1, 2).reshape(len(weight), i, -1)  # [points, I, O]
    products = torch.bmm(values.flatten(1, 3), flat).view(len(into), len(into), n, high, wide, -1)
    made = torch.einsum("ra,sb,abnhwo->nhrwso", out_of, out_of, products)
    made = made.reshape(n, high * outputs, wide * outputs, -1)
    return made[:, :h, :w] if form == "plain" else made[:, : 2 * h + 1, : 2 * w + 1]


def reference(
    x: Tensor,
    weight: Tensor,
    room: Tensor,
    z: Tensor | None,
    blur: list[float] | None,
    *tail: Any,
) -> None:
    found = _convolved(x, weight, "plain" if blur is None else "transposed")
    _epilogue.reference(found.contiguous(), blur, False, *tail)


_call = define_private(SCHEMA, reference=reference)


def winograd(
    x: Tensor,
    weight: Tensor,
    room: Tensor,
    z: Tensor | None = None,
    *,
    blur: list[float] | None = None,
    **tail: Any,
) -> None:
    """The convolution of x [N, H, W, I] by a transformed weight, and its tail: see `_epilogue.epilogue`.

    With `blur` it is the transposed one of stride 2, blurred, and the tail's sizes are 2 H, 2 W. room and, with
    a blur, z are float32 memory for the kernel, their sizes by `room` and `band`; what is in them afterwards
    says nothing.
    """
    _call(x, weight, room, z, blur, *_epilogue.tail_values("_winograd", tail))
