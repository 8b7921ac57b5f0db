"""The questions that decide the layer plan: which form of a layer is faster, and what bandwidth its pass reaches."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from bench.gpu_arguments import TAPS, tail, whole
from bench.gpu_device import Device, relative
from bench.gpu_sides import OURS, compared, gathered
from steerx import ops
from steerx.checkpoints import StyleGAN2Config
from steerx.generators import StyleGAN2
from steerx.ops._epilogue import epilogue, makes_rgb
from steerx.ops._moments import moments
from steerx.ops._whole_layer import whole_layer
from steerx.rendering import Policy
from steerx.rendering.convolution import Form, convolve, kernel

Answer = dict[str, Any]


def channels(resolution: int) -> dict[int, int]:
    """Of config-f, by the size of a layer's output."""
    sizes = [2**k for k in range(2, int(math.log2(resolution)) + 1)]
    return {size: min(512, 32768 // size) for size in sizes}


@cache
def network(device: str, resolution: int) -> StyleGAN2:
    """A random config-f: its numbers are noise, its shapes those that people run."""
    torch.manual_seed(0)
    width = 512 if resolution > 64 else 16
    widths = {size: min(c, width) for size, c in channels(resolution).items()}
    config = StyleGAN2Config(
        z_dim=width, c_dim=0, w_dim=width, resolution=resolution, img_channels=3, channels=widths,
        mapping_layers=8, embed_dim=0, conv_clamp=256.0,
    )  # fmt: skip
    net = StyleGAN2(config).requires_grad_(False).eval()
    for layer in net.synthesis.layers:  # fresh networks have neither
        layer.noise_strength.fill_(0.1)
        layer.bias.normal_(0, 0.1)
    return net.to(device)


@torch.no_grad()
def upsampling(device: Device, resolution: int, batches: tuple[int, ...]) -> Answer:
    """Transposed convolution against dense 2x2 -> 4 O, each with its epilogue, layer by layer, float16."""
    rows = []
    dtype = torch.float16 if device.real else torch.float32
    layers = [layer for layer in network(device.name, resolution).synthesis.layers if layer.up == 2]
    for batch in batches:
        for layer in layers:
            o, i = layer.weight.shape[:2]
            side = layer.noise.shape[-1] // 2
            x = torch.randn(batch, i, side, side, device=device.name).to(
                dtype, memory_format=torch.channels_last
            )
            y = x.new_empty(batch, 2 * side, 2 * side, o)
            d = torch.ones(batch, o, device=device.name)
            row: Answer = {"layer": f"{2 * side} px, {i} -> {o}, batch {batch}"}
            made = {}
            for form in ("transposed", "dense"):
                packed = kernel(layer.weight, form, dtype)  # type: ignore[arg-type]

                def both(form: str = form, packed: Any = packed) -> None:
                    z = convolve(x, packed, Policy())  # noqa: B023
                    shuffled = form == "dense"
                    epilogue(z, blur=TAPS, shuffled=shuffled, demodulation=d, y=y)  # noqa: B023

                y.fill_(torch.nan)
                both()
                made[form] = y.clone()
                alone = lambda packed=packed: convolve(x, packed, Policy())  # noqa: B023, E731
                row[form] = {
                    "convolution_ms": round(device.milliseconds(alone, cold=True), 4),
                    "layer_ms": round(device.milliseconds(both, cold=True), 4),
                }
            error = relative(made["dense"], made["transposed"])
            assert error < 1e-2, f"the forms differ by {error:.2g} at {row}"
            row["faster"] = min(("transposed", "dense"), key=lambda form: row[form]["layer_ms"])
            row["ratio"] = round(row["transposed"]["layer_ms"] / row["dense"]["layer_ms"], 3)
            rows.append(row)
    return {"rows": rows}


@torch.no_grad()
def whole_layers(device: Device, resolution: int, batches: tuple[int, ...]) -> Answer:
    """style_layer against the library's convolution and our pass behind it, for the layers of few channels.

    Those of the two largest resolutions: at 1024 px the layers of 64 and 32 channels. What is written is
    what a picture needs: the next layer's input, the share of the picture, no plain output.
    """
    layers = network(device.name, resolution).synthesis.layers
    large = [layer for layer in layers if layer.noise.shape[-1] >= resolution // 2]
    rows = [
        _whole(device, layer, batch, layer is layers[-1]) for batch in batches for layer in large
    ]
    return gathered(rows, "layer")


def _whole(device: Device, layer: Any, batch: int, last: bool) -> Answer:
    (o, i), up = layer.weight.shape[:2], layer.up
    side = layer.noise.shape[-1] // up
    parts = whole(device.name, torch.float16, (batch, side, side, i, o), up, False)
    x, blur = parts.pop("x"), parts.pop("blur")
    unit = kernel(parts.pop("weight").permute(0, 3, 1, 2), "plain", x.dtype).weight
    parts["demodulation"] /= (9 * i) ** 0.5
    for unread in ("style", "y", *(("styled", "next_style") if last else ())):
        del parts[unread]
    result = parts["rgb"] if "rgb" in parts else parts["styled"]

    def ours() -> Tensor:
        whole_layer(x, unit.permute(0, 2, 3, 1), blur=blur, **parts)
        return result

    def library(form: Form) -> Callable[[], Tensor]:
        packed, rows = (
            kernel(unit, form, x.dtype),
            x.permute(0, 3, 1, 2),
        )  # of scale 1: `unit` itself

        def made() -> Tensor:
            z = convolve(rows, packed, Policy())
            epilogue(z, blur=blur, shuffled=form == "dense", **parts)
            return result

        return made

    forms: tuple[Form, ...] = ("plain",) if up == 1 else ("transposed", "dense")
    others = {form: library(form) for form in forms}
    truth = others[forms[0]]().clone()
    sides = {OURS: ours, **others}
    row = compared(device, sides, truth, within=5e-3, cold=True, shared=result)
    return {"layer": f"{side * up} px, {i} -> {o}, up {up}, batch {batch}", **row}


@torch.no_grad()
def bandwidth(device: Device, resolution: int, batch: int) -> Answer:
    """Bytes a second of `_epilogue` at every layer's size, beside those of a copy of the same tensor."""
    rows = []
    dtype = torch.float16 if device.real else torch.float32
    for size, o in channels(resolution).items():
        x = torch.randn(batch, size, size, o, device=device.name, dtype=dtype)
        y, styled = torch.empty_like(x), torch.empty_like(x)
        vectors = {
            "demodulation": torch.rand(batch, o, device=device.name) + 0.5,
            "bias": torch.randn(o, device=device.name),
            "noise": torch.randn(size, size, device=device.name),
            "noise_strength": torch.ones((), device=device.name),
            "next_style": torch.rand(batch, o, device=device.name),
        }
        z = torch.randn(batch, size + 1, size + 1, o, device=device.name, dtype=dtype)
        picture: Answer = {}
        if makes_rgb(dtype, o):
            rgb = torch.empty(batch, size, size, 3, device=device.name)
            picture = {
                "rgb": rgb,
                "rgb_weight": torch.randn(batch, 3, o, device=device.name),
            }
        bytes_of = x.numel() * x.element_size()
        ways = {
            "copy": (2, lambda: y.copy_(x)),  # noqa: B023
            "style_epilogue": (2, lambda: epilogue(x, styled=styled, clamp=256.0, **vectors)),  # noqa: B023
            "style_epilogue, both outputs": (
                3,
                lambda: epilogue(x, y=y, styled=styled, clamp=256.0, **vectors),  # noqa: B023
            ),
            "style_epilogue with a picture": (
                2,
                lambda: epilogue(x, styled=styled, **vectors, **picture),  # noqa: B023
            ),
            "upsample_epilogue": (2, lambda: epilogue(z, blur=TAPS, styled=styled, **vectors)),  # noqa: B023
        }
        row: Answer = {"size": size, "channels": o}
        for name, (times, work) in ways.items():
            if name.endswith("picture") and not picture:
                continue
            extra = size * size * batch * 12 if name.endswith("picture") else 0
            ms = device.milliseconds(work, cold=True)
            row[name] = {
                "ms": round(ms, 4),
                "GB/s": round((times * bytes_of + extra) / ms / 1e6, 1),
            }
        rows.append(row)
    return {"batch": batch, "sizes": rows}


@torch.no_grad()
def once(device: Device, resolution: int = 1024, batch: int = 8) -> None:
    """Every kernel once at a size of its own, for a profiler."""
    o = channels(resolution)[resolution]
    for blur in (False, True):
        epilogue(**tail(device.name, torch.float16, (batch, resolution, resolution, o), blur))
    for up in (1, 2):
        sizes = (batch, resolution // up, resolution // up, o * up, o)
        whole_layer(**whole(device.name, torch.float16, sizes, up, False))
    a = torch.randn(18, 64, 64, device=device.name)
    ops.eigh(a)
    x = torch.randn(batch * 10_000, 512, device=device.name)
    sums = torch.zeros(513, 512, dtype=torch.float64, device=device.name)
    moments(x, x[0], sums[0], sums[1:])
    device.synchronize()
