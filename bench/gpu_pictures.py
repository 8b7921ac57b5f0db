"""What a whole picture is worth: how near to the truth it is, and what it costs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import steerx
from bench import published_form
from bench.gpu_device import Device, relative
from bench.gpu_plan import network
from bench.gpu_sides import compared, gathered
from steerx.generators import StyleGAN2
from steerx.rendering import Choices, FusedRenderer, PlainRenderer, Policy

Answer = dict[str, Any]
FLOOR_MS = 0.21  # config-f at 1024 px on an H200: the larger of bytes and flops, layer by layer
WITHIN = 0.03  # relative L2 of a 16-bit picture of random weights


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


def half(device: Device) -> torch.dtype:
    """Of activations; the CPU's convolutions are slow in float16."""
    return torch.float16 if device.real else torch.bfloat16


def best(device: Device, net: StyleGAN2) -> FusedRenderer:
    """All that is ours: each layer in the form that was measured to be the fastest, one launch a picture."""
    own: dict[str, Any] = {"up": "measured", "whole": True, "choices": Choices()}
    return FusedRenderer(net.synthesis, dtype=half(device), graphs=device.real, **own)


@torch.no_grad()
def pictures(device: Device, resolution: int, batches: tuple[int, ...]) -> Answer:
    """Milliseconds of a batch of config-f from its styles: plain and fused, with and without CUDA graphs."""
    net, dtype = network(device.name, resolution), half(device)
    fused = {
        "transposed": FusedRenderer(net.synthesis, dtype=dtype),
        "measured": FusedRenderer(net.synthesis, dtype=dtype, up="measured"),
        "measured, whole": FusedRenderer(net.synthesis, dtype=dtype, up="measured", whole=True),
        "deterministic": FusedRenderer(net.synthesis, dtype=dtype, policy=Policy(False, True)),
    }
    if device.real:
        graphs: dict[str, Any] = {"up": "measured", "graphs": True}
        fused["measured, graphs"] = FusedRenderer(net.synthesis, dtype=dtype, **graphs)
    fused["measured, whole, graphs"] = best(device, net)
    plain = PlainRenderer(net.synthesis)
    ways: dict[str, Callable[[list[Tensor]], Tensor]] = {
        "plain, float32": plain.render,
        "plain, 16 bits": PlainRenderer(net.synthesis, dtype=dtype).render,
        "a weight per sample, float32": lambda s: published_form.synthesis(net.synthesis, s),
    } | {f"fused, {name}": renderer.render for name, renderer in fused.items()}
    rows = []
    for batch in batches:
        styles: list[Tensor] = net.codes(seeds=range(batch), space="styles")
        sides = {name: _bound(render, styles) for name, render in ways.items()}
        row = compared(device, sides, plain.render(styles), within=WITHIN, ours="")
        rows.append({"batch": batch} | row | _best(row["ms"], batch, resolution))
    forms = Counter(fused["measured, whole, graphs"].choices._forms.values())
    peak = torch.cuda.max_memory_allocated() if device.real else None
    facts = {"resolution": resolution, "peak_bytes": peak, "forms": forms}
    return facts | gathered(rows, "batch")


def _best(ms: dict[str, float], batch: int, resolution: int) -> Answer:
    """The fastest of ours, against plain torch in the same dtype and against the arithmetic."""
    right = [name for name in ms if name.startswith("fused")]
    if not right or "plain, 16 bits" not in ms:
        return {}
    fastest = min(right, key=lambda name: ms[name])
    ratio = round(ms["plain, 16 bits"] / ms[fastest], 3)
    floor = {"share_of_floor": round(FLOOR_MS * batch / ms[fastest], 3)}
    found = {"best": fastest, "ms_per_picture": round(ms[fastest] / batch, 5), "ratio": ratio}
    return found | (floor if resolution == 1024 else {})


def _bound(render: Callable[[list[Tensor]], Tensor], styles: list[Tensor]) -> Callable[[], Tensor]:
    return lambda: render(styles)
