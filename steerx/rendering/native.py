"""The native renderer: the CPU's. Minimal filtering where it is faster, else the library, one pass behind each.

Its arithmetic is `FusedRenderer`'s, its memory its own: activations live in a workspace that the next picture
takes again, since asking the system for their pages costs as much as a cheap layer.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..ops import _winograd
from ..ops._epilogue import PICTURE_CHANNELS, epilogue
from ..ops._winograd import WinogradForm, winograd, winograd_transposed
from . import prepacked
from .choosing import LayerForm
from .convolution import Form, Kernel, Style, convolve, demodulation, kernel
from .fused import FusedRenderer
from .layered import Layered
from .renderer import LayerState, Out
from .workspace import Workspace

# Side of the input and number of outputs from which on minimal filtering is faster than the library, measured.
_LEAST: dict[WinogradForm, tuple[int, int]] = {"plain": (16, 16), "transposed": (64, 32)}
# The same in bfloat16, where no matrix units make the library's products fast.
_LEAST_HALF = (32, 128)
# Of what a convolution gives at a time: larger blocks the system maps and clears anew for every call.
_MOST_BYTES = 32 << 20
_OF_SAMPLES = frozenset(
    ["demodulation", "sample_ids", "next_style", "rgb_weight", "skip", "y", "styled", "rgb"]
)


class NativeRenderer(FusedRenderer):
    """Renders on the CPU by kernels of ours and the library's convolutions; no gradients.

    Layers in float32 whose channels are multiples of 16 are made by minimal filtering, from 16 px on (those
    that upsample from 64 px and 32 outputs on). They depend neither on the batch nor on the number of
    threads: *sample-exact*. The library's convolutions are *repeatable*. On another device it does as
    `FusedRenderer` does.

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
        general = self.network.layers[i].up == 2 and taps is None
        if x.device.type != "cpu" or form == "whole" or general:
            super()._make(i, form, x, style, taps, parts)
            return
        blur = taps if self.network.layers[i].up == 2 else None
        filtering = self._filtering(i, form, x)
        if filtering is None:
            packed = self._of_the_library(i, form, x)
            factor = demodulation(style, packed)
            for some in _pieces(x, packed.scale.numel()):
                rest = _rows(parts | {"demodulation": factor, "blur": blur}, some)
                # Not kept under a name: its memory is the next piece's.
                epilogue(self._convolved(x[some], packed), shuffled=form == "dense", **rest)
            return
        packed = self._points(i, filtering)
        factor = demodulation(style, packed)
        o, size, threads = packed.scale.numel(), x.shape[2:], torch.get_num_threads()
        floats = _winograd.room(filtering, o, x.shape[1], threads)
        room = self.workspace.take("room", (floats,), torch.float32)
        rows = x.permute(0, 2, 3, 1)
        if filtering == "plain" and x.dtype == torch.float32:
            winograd(rows, packed.weight, room, demodulation=factor, **parts)
            return
        if filtering == "plain":
            written = {name: parts[name] for name in ("y", "styled") if name in parts}
            wide = {name: self._take_wide(name, given) for name, given in written.items()}
            every = parts | wide | {"demodulation": factor}
            winograd(self._take_wide("x", rows).copy_(rows), packed.weight, room, **every)
            for name, given in written.items():
                given.copy_(wide[name])
            return
        for some in _pieces(x, o):
            shape = (rows[some].shape[0], *(2 * side + 1 for side in size), o)
            z = self.workspace.take("z", shape, torch.float32)
            winograd_transposed(rows[some], packed.weight, room, z)
            epilogue(z, blur=blur, **_rows(parts | {"demodulation": factor}, some))

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
        return form if large and _winograd.takes(form, outputs, inputs) else None

    def _points(self, i: int, filtering: WinogradForm) -> Kernel:
        """Layer i's weight, transformed."""

        def build(weight: Tensor) -> Kernel:
            unit = kernel(weight, "plain", torch.float32)
            points = _winograd.transformed(unit.weight, filtering)
            return Kernel(points, unit.power, unit.scale, filtering)

        weight = self.network.layers[i].weight
        return self.packed.get(f"layers.{i}.points", weight, torch.float32, build)

    def _pictures(self, i: int, dtype: torch.dtype, taps: list[float] | None) -> bool:
        """On the CPU one pass makes the picture whatever the channels."""
        if self.network.const.device.type != "cpu":
            return super()._pictures(i, dtype, taps)
        return self.network.to_rgbs[i // 2].weight.shape[0] == PICTURE_CHANNELS and taps is not None


def _has_matrix_units() -> bool:
    """Whether bfloat16 products are so fast that no filtering in float32 can pay."""
    return torch.cpu._is_amx_tile_supported()


def _pieces(x: Tensor, outputs: int) -> list[slice]:
    """Samples that are convolved together; their outputs have at most four times their inputs' pixels."""
    bytes = 4 * x.shape[2] * x.shape[3] * outputs * x.element_size()
    each = max(1, _MOST_BYTES // max(1, bytes))
    return [slice(first, first + each) for first in range(0, x.shape[0], each)]


def _rows(parts: dict[str, Any], some: slice) -> dict[str, Any]:
    """Parts of a tail for some of the samples."""

    def taken(name: str, part: Any) -> Any:
        each = name in _OF_SAMPLES or (name == "noise" and part is not None and part.dim() == 3)
        return part[some] if each and part is not None else part

    return {name: taken(name, part) for name, part in parts.items()}
