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
from .fused import FusedRenderer, Layered
from .workspace import Workspace

# Side of the input and number of outputs from which on minimal filtering is faster than the library, measured.
_LEAST: dict[WinogradForm, tuple[int, int]] = {"plain": (16, 16), "transposed": (64, 128)}


class NativeRenderer(FusedRenderer):
    """Renders on the CPU by kernels of ours and the library's convolutions; no gradients.

    Layers in float32 whose channels are multiples of 16 are made by minimal filtering, from 16 px on (those
    that upsample from 64 px and 128 outputs on). They depend neither on the batch nor on the number of
    threads: *sample-exact*. The library's convolutions are *repeatable*. On another device it does as
    `FusedRenderer` does.

    Args:
        network: parameters.
        dtype: of activations: float32 or bfloat16 (float16 is slow on a CPU and rendered as float32); None
            = the parameters' own. Styles, demodulation and the picture are float32.
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
        dense = dtype == torch.bfloat16 and torch.cpu._is_amx_tile_supported()
        super().__init__(network, dtype=dtype, up="dense" if dense else "transposed")
        self.workspace = Workspace()

    def __repr__(self) -> str:
        return f"NativeRenderer(dtype={self.dtype})"

    def _take(self, name: str, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Memory that the last picture had."""
        if x.device.type != "cpu":
            return super()._take(name, x, shape)
        return self.workspace.take(name, shape, x.dtype)

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
        filtering = self._filtering(i, form, x)
        if filtering is None:
            packed, z = self._by_the_library(i, form, x)
        else:
            packed = self._points(i, filtering)
            o, size, threads = packed.scale.numel(), x.shape[2:], torch.get_num_threads()
            floats = _winograd.room(filtering, o, x.shape[1], threads)
            room = self.workspace.take("room", (floats,), torch.float32)
            rows = x.permute(0, 2, 3, 1)
            if filtering == "plain":
                factor = demodulation(style, packed)
                winograd(rows, packed.weight, room, demodulation=factor, **parts)
                return
            shape = (x.shape[0], *(2 * side + 1 for side in size), o)
            z = self.workspace.take("z", shape, torch.float32)
            winograd_transposed(rows, packed.weight, room, z)
        factor = demodulation(style, packed)
        blur = taps if self.network.layers[i].up == 2 else None
        epilogue(z, blur=blur, shuffled=form == "dense", demodulation=factor, **parts)

    def _by_the_library(self, i: int, form: Form, x: Tensor) -> tuple[Kernel, Tensor]:
        """Layer i's weight as the library keeps it, and its convolution."""
        half = x.dtype == torch.bfloat16 and form != "transposed" and x.numel() > 0
        if not half or not prepacked.serves():
            packed = self._kernel(i, form, x.dtype)
            return packed, convolve(x, packed, self.policy)

        def build(weight: Tensor) -> Kernel:
            plain = kernel(weight, form, torch.bfloat16)
            return replace(plain, weight=prepacked.prepacked(plain.weight, x.shape))

        weight = self.network.layers[i].weight
        packed = self.packed.get(f"layers.{i}.{form}.prepacked", weight, torch.bfloat16, build)
        z = prepacked.convolved(x, packed.weight)
        return packed, z.unflatten(3, (4, -1)) if form == "dense" else z

    def _filtering(self, i: int, form: Form, x: Tensor) -> WinogradForm | None:
        """How layer i is filtered; None where the library convolves."""
        layer = self.network.layers[i]
        if form == "dense" or x.dtype != torch.float32 or (form == "plain") != (layer.up == 1):
            return None
        outputs, inputs = layer.weight.shape[:2]
        side, channels = _LEAST[form]
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
