"""The questions that decide the layer plan, and what a picture costs: numbers for bench/results."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor

import steerx
from bench import published_form
from bench.gpu_device import Device, relative
from steerx.checkpoints import StyleGAN2Config
from steerx.generators import StyleGAN2
from steerx.ops._epilogue import epilogue, makes_rgb
from steerx.rendering import FusedRenderer, PlainRenderer, Policy
from steerx.rendering.convolution import convolve, kernel

Answer = dict[str, Any]
TAPS = [0.25, 0.75, 0.75, 0.25]
FLOOR_MS = 0.21  # config-f at 1024 px on an H200: the larger of bytes and flops, layer by layer


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
    return StyleGAN2(config).requires_grad_(False).eval().to(device)


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
            row: Answer = {"batch": batch, "in": i, "out": o, "size": 2 * side}
            made = {}
            for form in ("transposed", "dense"):
                packed = kernel(layer.weight, form, dtype)  # type: ignore[arg-type]

                def both(form: str = form, packed: Any = packed) -> None:
                    z = convolve(x, packed, Policy())  # noqa: B023
                    shuffled = form == "dense"
                    epilogue(z, blur=TAPS, shuffled=shuffled, demodulation=d, y=y)  # noqa: B023

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
            rows.append(row)
    return {"layers": rows}


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
def precision(device: Device, pictures: int) -> Answer:
    """float16 and bfloat16 against float64 on the trained faces, plain and fused."""
    G = steerx.load("faces", dtype=torch.float64).to(device.name)
    styles = G.codes(seeds=range(pictures), space="styles")
    truth = PlainRenderer(G.synthesis, dtype=torch.float64).render(styles)
    G = steerx.load("faces").to(device.name)
    styles = [style.float() for style in styles]
    rows = {}
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for renderer in (
            PlainRenderer(G.synthesis, dtype=dtype),
            FusedRenderer(G.synthesis, dtype=dtype),
        ):
            found = renderer.render(styles).double()
            mean = float((found - truth).square().mean())
            rows[f"{renderer.name}, {str(dtype).removeprefix('torch.')}"] = {
                "relative_L2": float(f"{relative(found, truth):.3g}"),
                "psnr_dB": round(10 * math.log10(4 / max(mean, 1e-30)), 1),
                "largest_level": int(((found - truth).abs() * 127.5).max().ceil()),
            }
    assert rows["fused, float32"]["relative_L2"] < 1e-4, rows
    for kind in ("float16", "bfloat16"):
        ours, plain = (rows[f"{name}, {kind}"]["relative_L2"] for name in ("fused", "plain"))
        assert ours < 1.5 * plain, f"{kind}: fused {ours}, plain {plain}"
    return {"pictures": pictures, "against_float64": rows}


@torch.no_grad()
def pictures(device: Device, resolution: int, batches: tuple[int, ...]) -> Answer:
    """Milliseconds a picture of config-f, plain and fused, with and without CUDA graphs."""
    net = network(device.name, resolution)
    half = torch.float16 if device.real else torch.bfloat16
    ways: dict[str, Any] = {
        "plain, float32": PlainRenderer(net.synthesis).render,
        "plain, 16 bits": PlainRenderer(net.synthesis, dtype=half).render,
        "fused, 16 bits, transposed": FusedRenderer(net.synthesis, dtype=half).render,
        "fused, 16 bits, measured": FusedRenderer(net.synthesis, dtype=half, up="measured").render,
        "fused, 16 bits, measured, graphs": FusedRenderer(
            net.synthesis, dtype=half, up="measured", graphs=True
        ).render,
        "a weight per sample, float32": lambda styles: published_form.synthesis(
            net.synthesis, styles
        ),
    }
    rows = []
    for batch in batches:
        styles: list[Tensor] = net.codes(seeds=range(batch), space="styles")
        row: Answer = {"batch": batch}
        for name, render in ways.items():
            ms = device.milliseconds(lambda render=render, styles=styles: render(styles)) / batch  # type: ignore[misc]
            row[name] = round(ms, 4)
        best = min(v for k, v in row.items() if k.startswith("fused"))
        row["faster_than_plain_16_bits"] = round(row["plain, 16 bits"] / best, 2)
        if resolution == 1024:
            row["share_of_floor"] = round(FLOOR_MS / best, 3)
        rows.append(row)
    peak = torch.cuda.max_memory_allocated() if device.real else None
    return {"resolution": resolution, "ms_per_picture": rows, "peak_bytes": peak}
