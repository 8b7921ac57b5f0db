"""The native renderer: the CPU's. Minimal filtering, matrix units, else the library and one pass behind it.

Its arithmetic is `FusedRenderer`'s, its memory its own: activations live in a workspace that the next picture
takes again, since asking the system for their pages costs as much as a cheap layer.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..ops import _direct, _gathered, _winograd
from ..ops._direct import direct
from ..ops._epilogue import PICTURE_CHANNELS, epilogue
from ..ops._gathered import gathered
from ..ops._winograd import WinogradForm, winograd
from . import panels, prepacked
from .choosing import LayerForm
from .convolution import Form, Kernel, Style, convolve, demodulation, kernel
from .fused import FusedRenderer
from .layered import Layered
from .renderer import LayerState, Out
from .tails import of_samples
from .workspace import Workspace

# Side of the input and number of outputs from which on minimal filtering is faster than the library, measured.
_LEAST: dict[WinogradForm, tuple[int, int]] = {"plain": (16, 16), "transposed": (32, 32)}
# Side of the input up to which a layer that is not filtered is one product of ours.
_MOST_GATHERED = 32
# The same as _LEAST in bfloat16, where no matrix units make the library's products fast.
_LEAST_HALF = (32, 128)
# Of what a convolution gives at a time: larger blocks the system maps and clears anew for every call.
_MOST_BYTES = 32 << 20


class NativeRenderer(FusedRenderer):
    """Renders on the CPU by kernels of ours and the library's convolutions; no gradients.

    Layers in float32 whose channels are multiples of 16 are made by minimal filtering, from 16 px on (those
    that upsample from 32 px and 32 outputs on), or as one product of gathered pixels; layers in bfloat16 whose
    channels are multiples of 32 by the matrix units of processors that have them. All of these depend neither
    on the batch nor on the number of threads, and pictures of no other layers, in three channels, are
    *sample-exact*. The library's products, which make the rest, are *repeatable*. On another device it
    does as `FusedRenderer` does.

    Args:
        network: parameters.
        dtype: of activations: float32 or bfloat16 (float16 is slow on a CPU and rendered as float32); None
            = the parameters' own. Styles, demodulation and the picture are float32. In bfloat16, on processors
            without matrix units, layers of 128 channels and more are filtered in float32 too: that is faster
            there, and more exact.
    """

    name = "native"

    def __init__(self, network: Layered, *, dtype: torch.dtype | None = None) -> None:
        if dtype == torch.float16:
            warnings.warn(
                "float16 is slow on a CPU: rendering in float32; bfloat16 is the fast one",
                stacklevel=2,
            )
            dtype = torch.float32
        # Matrix units do a dense convolution with more products faster than a transposed one with fewer.
        dense = dtype == torch.bfloat16 and _has_matrix_units()
        super().__init__(network, dtype=dtype, up="dense" if dense else "transposed")
        self.workspace = Workspace()

    def __repr__(self) -> str:
        return f"NativeRenderer(dtype={self.dtype})"

    def _canvas(self, out: Out, x: Tensor) -> torch.dtype:
        """Pixels come straight out of the last pass."""
        return torch.uint8 if out == "uint8" and x.device.type == "cpu" else torch.float32

    def _take(self, name: str, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Memory that the last picture had."""
        if x.device.type != "cpu":
            return super()._take(name, x, shape)
        return self.workspace.take(name, shape, x.dtype)

    def _run(self, *given: Any) -> Tensor | LayerState:
        """As `FusedRenderer` does; a batch that did not fit leaves no memory taken for the smaller one."""
        try:
            return super()._run(*given)
        except (RuntimeError, MemoryError):
            self.workspace.clear()
            raise

    def _make(
        self,
        i: int,
        form: LayerForm,
        x: Tensor,
        style: Style,
        taps: list[float] | None,
        parts: dict[str, Any],
    ) -> None:
        """The convolution of layer i, and all that follows it."""
        layer = self.network.layers[i]
        general = layer.up == 2 and taps is None
        if x.device.type != "cpu" or form == "whole" or general:
            super()._make(i, form, x, style, taps, parts)
            return
        blur = taps if layer.up == 2 else None
        filtering = self._filtering(i, form, x)
        if self._multiplies(i, x):
            packed = self._columns(i)
            room = self._room(_direct.room(x.shape[1], torch.get_num_threads()))
            factor = demodulation(style, packed)
            direct(_rows(x), packed.weight, room, blur=blur, demodulation=factor, **parts)
        elif self._gathers(i, filtering, x):
            packed = self._rows_of_taps(i)
            self._gathered(x, packed.weight, demodulation(style, packed), blur, parts)
        elif filtering is None:
            packed = self._of_the_library(i, form, x)
            parts = parts | {"demodulation": demodulation(style, packed), "blur": blur}
            for some in _pieces(x, packed.scale.numel()):
                # Not kept under a name: its memory is the next piece's.
                z = self._convolved(x[some], packed)
                epilogue(z, shuffled=form == "dense", **of_samples(parts, some))
        else:
            packed = self._points(i, filtering)
            parts = parts | {"demodulation": demodulation(style, packed)}
            outputs, threads = packed.scale.numel(), torch.get_num_threads()
            room = self._room(_winograd.room(filtering, outputs, x.shape[1], threads))
            if filtering == "plain":
                self._filtered(_rows(x), packed.weight, room, parts)
            else:
                rows = _rows(x)
                floats = _winograd.band(tuple(rows.shape), outputs, threads)
                z = self.workspace.take("z", (floats,), torch.float32)
                winograd(rows, packed.weight, room, z, blur=blur, **parts)

    def _gathered(
        self,
        x: Tensor,
        weight: Tensor,
        factor: Tensor,
        blur: list[float] | None,
        parts: dict[str, Any],
    ) -> None:
        """A small layer in float32, as one product."""
        rows, outputs, up = _rows(x), factor.shape[1], blur is not None
        n, h, w, inputs = rows.shape
        z = self._take("z", x, (n, h + 1, w + 1, 4, outputs) if up else (n, h, w, outputs))
        gathered(rows, weight, self._room(_gathered.room(inputs)), z, transposed=up)
        epilogue(z, shuffled=up, blur=blur, demodulation=factor, **parts)

    def _filtered(self, x: Tensor, weight: Tensor, room: Tensor, parts: dict[str, Any]) -> None:
        """A filtered layer of x [N, H, W, I], in float32 even between layers in half precision."""
        if x.dtype == torch.float32:
            winograd(x, weight, room, **parts)
            return
        written = {name: parts[name] for name in ("y", "styled") if name in parts}
        wide: dict[str, Any] = {
            name: self._take_wide(name, given) for name, given in written.items()
        }
        winograd(self._take_wide("x", x).copy_(x), weight, room, **parts | wide)
        for name, given in written.items():
            given.copy_(wide[name])

    def _room(self, floats: int) -> Tensor:
        """Memory for the kernels themselves."""
        return self.workspace.take("room", (floats,), torch.float32)

    def _take_wide(self, name: str, like: Tensor) -> Tensor:
        """Memory for what is filtered in float32 between layers in half precision."""
        return self.workspace.take(f"wide {name}", like.shape, torch.float32)

    def _of_the_library(self, i: int, form: Form, x: Tensor) -> Kernel:
        """Layer i's weight as the library takes it, or in bfloat16 as it keeps it."""
        half = x.dtype == torch.bfloat16 and form != "transposed" and x.numel() > 0
        if not half or not prepacked.serves():
            return self._kernel(i, form, x.dtype)

        def build(weight: Tensor) -> Kernel:
            plain = kernel(weight, form, torch.bfloat16)
            return replace(plain, weight=prepacked.prepacked(plain.weight, x.shape))

        weight = self.network.layers[i].weight
        return self.packed.get(f"layers.{i}.{form}.prepacked", weight, torch.bfloat16, build)

    def _convolved(self, x: Tensor, packed: Kernel) -> Tensor:
        """The library's convolution, as `epilogue` takes it."""
        if not packed.weight.is_mkldnn:
            return convolve(x, packed, self.policy)
        z = prepacked.convolved(x, packed.weight)
        return z.unflatten(3, (4, -1)) if packed.form == "dense" else z

    def _multiplies(self, i: int, x: Tensor) -> bool:
        """Whether matrix units make layer i, by a kernel of ours."""
        outputs, inputs = self.network.layers[i].weight.shape[:2]
        if x.dtype != torch.bfloat16 or not _direct.takes(outputs, inputs):
            return False
        return _has_matrix_units()

    def _gathers(self, i: int, filtering: WinogradForm | None, x: Tensor) -> bool:
        """Whether layer i is too small to be filtered, and is one product."""
        outputs, inputs = self.network.layers[i].weight.shape[:2]
        small = max(x.shape[2:]) <= _MOST_GATHERED and x.dtype == torch.float32
        return filtering is None and small and _gathered.takes(outputs, inputs)

    def _rows_of_taps(self, i: int) -> Kernel:
        """Layer i's weight, tap by tap of a result."""
        weight, up = self.network.layers[i].weight, self.network.layers[i].up == 2
        build = partial(panels.gathered, transposed=up)
        return self.packed.get(f"layers.{i}.rows", weight, torch.float32, build)

    def _columns(self, i: int) -> Kernel:
        """Layer i's weight in the order that it is multiplied in."""
        weight, up = self.network.layers[i].weight, self.network.layers[i].up == 2
        build = partial(panels.multiplied, up=up)
        return self.packed.get(f"layers.{i}.columns", weight, torch.bfloat16, build)

    def _filtering(self, i: int, form: Form, x: Tensor) -> WinogradForm | None:
        """How layer i is filtered; None where the library convolves."""
        layer = self.network.layers[i]
        if form == "dense" or (form == "plain") != (layer.up == 1):
            return None
        outputs, inputs = layer.weight.shape[:2]
        side, channels = _LEAST[form]
        if x.dtype != torch.float32:
            if form == "transposed" or _has_matrix_units():
                return None
            side, channels = _LEAST_HALF
        large = min(x.shape[2:]) >= side and outputs >= channels
        return form if large and _winograd.takes(outputs, inputs) else None

    def _points(self, i: int, filtering: WinogradForm) -> Kernel:
        """Layer i's weight, transformed."""
        weight = self.network.layers[i].weight
        build = partial(panels.filtered, form=filtering)
        return self.packed.get(f"layers.{i}.points", weight, torch.float32, build)

    def _pictures(self, i: int, dtype: torch.dtype, taps: list[float] | None) -> bool:
        """On the CPU one pass makes the picture whatever the channels."""
        if self.network.const.device.type != "cpu":
            return super()._pictures(i, dtype, taps)
        return self.network.to_rgbs[i // 2].weight.shape[0] == PICTURE_CHANNELS and taps is not None


def _has_matrix_units() -> bool:
    """Whether bfloat16 products are so fast that no filtering in float32 can pay."""
    return _direct.fast()


def _pieces(x: Tensor, outputs: int) -> list[slice]:
    """Samples that are convolved together; their outputs have at most four times their inputs' pixels."""
    bytes = 4 * x.shape[2] * x.shape[3] * outputs * x.element_size()
    each = max(1, _MOST_BYTES // max(1, bytes))
    return [slice(first, first + each) for first in range(0, x.shape[0], each)]


def _rows(x: Tensor) -> Tensor:
    """x [N, C, H, W], channels last, as the kernels take it."""
    return x.permute(0, 2, 3, 1)
