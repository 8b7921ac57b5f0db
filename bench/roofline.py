"""How far every layer of the native renderer is from what the machine can do: ms, FLOPs, bytes, share of the roofline.

    python -m bench.roofline --out bench/results          about three minutes on one quiet core

One thread, the process's clock, config f at 256 and 1024 px with random weights. A layer's time is that of its
convolution and of all that follows it, taken inside whole pictures. Its floor is the larger of two times: the FLOPs of
its direct convolution at the best rate that the library reached here on large products, and its inputs, outputs and
weights, each moved once, at the rate of a copy. Rates, layers and precisions take turns; medians.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.peers.network import random_generator
from bench.ratios import commit, machine
from steerx.rendering import NativeRenderer, prepacked

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
SIDE, CHANNELS, PIXELS = 2048, 512, 64  # of the product, and of the convolution, that peaks are of
COPIED = 256 << 20  # bytes
WAYS = {"points": "filtering", "columns": "matrix units", "rows": "one product"} | dict.fromkeys(
    ("plain", "transposed", "dense", "plain.prepacked", "dense.prepacked"), "library"
)


class Timed(NativeRenderer):
    """Writes down what each layer took."""

    def __init__(self, network: Any, dtype: torch.dtype) -> None:
        super().__init__(network, dtype=dtype)
        self.seconds: dict[int, float] = {}

    def _make(self, i: int, *rest: Any) -> None:
        started = time.process_time()
        super()._make(i, *rest)
        self.seconds[i] = time.process_time() - started

    def way(self, i: int) -> str:
        """What made layer i: the layout that its weight was packed in."""
        return next(way for end, way in WAYS.items() if f"layers.{i}.{end}" in self.packed._kept)


@dataclass(frozen=True)
class Work:
    """What a layer must do, however it is done.

    Attributes:
        name: as style rows are named: "64:conv1".
        flops: of the direct convolution and of to_rgb; a transposed one counted on its input.
        bytes: input, output and weights, once each.
    """

    name: str
    flops: float
    bytes: float


def works(network: Any, size: int) -> list[Work]:
    """Of every style_layer; `size` is that of a stored number in bytes."""
    found, side = [], network.const.shape[-1]
    for i, layer in enumerate(network.layers):
        o, n = layer.weight.shape[:2]
        before, side = side, side * layer.up
        flops = 2 * 9 * o * n * before**2
        moved = size * (n * before**2 + o * side**2 + 9 * o * n)
        name = f"{side}:conv" if i == 0 else f"{side}:conv{(i + 1) % 2}"
        if i % 2 == 0:
            flops += 2 * 3 * o * side**2
            moved += 4 * 3 * side**2
        found.append(Work(name, float(flops), float(moved)))
    return found


def peaks() -> dict[str, tuple[float, Callable[[], object]]]:
    """What rates are of, by name: FLOPs or bytes of a call, and the call."""
    found: dict[str, tuple[float, Callable[[], object]]] = {}
    convolved = 2.0 * 9 * CHANNELS**2 * PIXELS**2
    for name, dtype in PRECISIONS.items():
        a, b = torch.randn(SIDE, SIDE).to(dtype), torch.randn(SIDE, SIDE).to(dtype)
        found[f"{name} torch.mm"] = (2.0 * SIDE**3, lambda a=a, b=b: a @ b)
        x = torch.randn(1, CHANNELS, PIXELS, PIXELS).to(dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        weight = torch.randn(CHANNELS, CHANNELS, 3, 3).to(dtype)
        call: Callable[[], object]
        if prepacked.serves():
            packed = prepacked.prepacked(weight, x.shape)
            call = lambda x=x, packed=packed: prepacked.convolved(x, packed)  # noqa: E731
        else:
            conv = nn.functional.conv2d
            call = lambda x=x, weight=weight, conv=conv: conv(x, weight, padding=1)  # noqa: E731
        found[f"{name} 3x3 convolution"] = (convolved, call)
    source, target = torch.ones(COPIED // 4), torch.ones(COPIED // 4)
    found["copy"] = (2.0 * COPIED, lambda: target.copy_(source))
    return found


def seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def measured(sizes: list[int], most: int, rounds: int) -> dict[str, Any]:
    """Rates of the machine, and the layers of every network."""
    rated, taken = peaks(), dict[str, list[float]]()
    pictures: dict[tuple[int, str], tuple[Timed, list[Tensor]]] = {}
    for px in sizes:
        G = random_generator(px, most)
        styles = G.codes(seeds=[0], space="styles")
        for name, dtype in PRECISIONS.items():
            pictures[px, name] = (Timed(G.synthesis, dtype), styles)
    whole: dict[tuple[int, str], list[float]] = {key: [] for key in pictures}
    layers: dict[tuple[int, str], list[dict[int, float]]] = {key: [] for key in pictures}
    for done in range(rounds + 1):  # the first packs weights and is not counted
        for name, (_, call) in rated.items():
            took = seconds(call)
            taken.setdefault(name, []).extend([took] * bool(done))
        for key, (renderer, styles) in pictures.items():
            took = seconds(lambda r=renderer, s=styles: r.render(s, out="uint8"))
            if done:
                whole[key].append(took)
                layers[key].append(dict(renderer.seconds))
    rates = {name: rated[name][0] / statistics.median(of) for name, of in taken.items()}
    return {
        "rates": rates,
        "networks": [
            described(px, name, pictures[px, name][0], whole[px, name], layers[px, name], rates)
            for px, name in pictures
        ],
    }


def described(
    px: int,
    precision: str,
    renderer: Timed,
    whole: list[float],
    layers: list[dict[int, float]],
    rates: dict[str, float],
) -> dict[str, Any]:
    """A network's layers beside their floors."""
    peak = max(rate for name, rate in rates.items() if name.startswith(precision))
    rows = []
    for i, work in enumerate(works(renderer.network, 4 if precision == "fp32" else 2)):
        ms = 1e3 * statistics.median(of[i] for of in layers)
        arithmetic, memory = 1e3 * work.flops / peak, 1e3 * work.bytes / rates["copy"]
        floor = max(arithmetic, memory)
        rows.append(
            {
                "layer": work.name,
                "made by": renderer.way(i),
                "ms": round(ms, 3),
                "GFLOP": round(work.flops / 1e9, 3),
                "MB": round(work.bytes / 1e6, 2),
                "bound": "arithmetic" if arithmetic >= memory else "memory",
                "share": round(floor / ms, 3),
            }
        )
    ms, floor = 1e3 * statistics.median(whole), sum(row["share"] * row["ms"] for row in rows)
    return {
        "resolution": px,
        "precision": precision,
        "ms": round(ms, 2),
        "ms outside layers": round(ms - sum(row["ms"] for row in rows), 2),
        "share": round(floor / ms, 3),
        "layers": rows,
    }


def page(result: dict[str, Any]) -> str:
    """The tables in Markdown."""
    rates = result["rates"]
    said = ", ".join(f"{k} {v / 1e9:.0f}" for k, v in rates.items() if k != "copy")
    lines = [
        f"{result['date']}, commit {result['commit']}. {result['processor']}, one thread, torch {result['torch']};"
        f" medians of {result['rounds']} rounds.",
        f"Rates in GFLOP/s: {said}. Copying {COPIED >> 20} MiB: {rates['copy'] / 1e9:.1f} GB/s, read and written.",
        f"The product is of {SIDE} x {SIDE}, the convolution of {CHANNELS} channels at {PIXELS} px; the better one of a"
        " precision is its peak.",
    ]
    for found in result["networks"]:
        lines += [
            "",
            f"### {found['resolution']} px, {found['precision']}: {found['ms']:.1f} ms,"
            f" {found['share']:.0%} of the roofline, {found['ms outside layers']:.1f} ms outside layers",
            "",
            "| layer | made by | ms | GFLOP, direct | MB | bound by | share |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in found["layers"]:
            lines.append(
                f"| {row['layer']} | {row['made by']} | {row['ms']:.2f} | {row['GFLOP']:.2f} "
                f"| {row['MB']:.1f} | {row['bound']} | {row['share']:.0%} |"
            )
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder of the dated JSON and Markdown")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1024], help="px")
    parser.add_argument("--channels", type=int, default=512, help="at most")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    with torch.no_grad():
        found = measured(options.sizes, options.channels, options.rounds)
    facts = {"bench": "roofline", "date": today, "commit": commit(), **machine()}
    result = {**facts, "rounds": options.rounds, **found}
    print(page(result))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        file = options.out / f"roofline-{today}.json"
        file.write_text(json.dumps(result, indent=1) + "\n")
        file.with_suffix(".md").write_text(f"# The roofline share of every layer\n\n{page(result)}")
        print(f"written: {file} and .md")


if __name__ == "__main__":
    main()
