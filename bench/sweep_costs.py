"""Sweeps as measured against what the times of their layers predict, and against the loop that everybody writes.

    python -m bench.sweep_costs --out bench/results

256 px, random weights, published sizes, seven alphas, the native renderer. The clock is the process's, on one thread;
prediction and sweep take turns, and medians of their ratios are told.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

import steerx
from bench.bench_cpu_renderer import random_generator
from bench.ratios import machine
from steerx._layers import parse_layers
from steerx.rendering import NativeRenderer
from steerx.sweeping import first_layers, predicted_seconds, prefixes

ALPHAS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


def seconds(sweep: steerx.sweeping.Sweep) -> float:
    started = time.process_time()
    for _ in sweep:
        pass
    return time.process_time() - started


def case(G: Any, layers: str, directions: int, rounds: int) -> dict[str, Any]:
    """Medians of one range of layers."""
    found = orthogonal(G, layers, directions)
    sweep = steerx.sweep(G, seeds=[1], directions=found, alphas=ALPHAS)
    shares, whole, without, each = [], [], [], []
    for _ in range(rounds):
        predicted = predicted_seconds(sweep, clock=time.process_time)
        measured = seconds(sweep)
        prefixes.FEWEST = 10**9  # every convolution by itself
        without.append(seconds(sweep) / measured)
        prefixes.FEWEST = first_layers.FEWEST
        one = G.codes(seeds=[1], space="styles")
        started = time.process_time()
        G.renderer.render(one, out="uint8")
        whole.append((time.process_time() - started) * sweep.renders / measured)
        shares.append(predicted / measured)
        each.append(measured / sweep.renders * 1e3)
    return {
        "layers": layers,
        "directions": directions,
        "alphas": len(ALPHAS),
        "ms per picture": round(statistics.median(each), 1),
        "predicted / measured": round(statistics.median(shares), 3),
        "every convolution by itself / measured": round(statistics.median(without), 2),
        "whole pictures one by one / measured": round(statistics.median(whole), 2),
    }


def orthogonal(G: Any, layers: str, count: int) -> steerx.Directions:
    torch.manual_seed(0)
    vectors = torch.linalg.qr(torch.randn(G.w_dim, count)).Q.T.contiguous()
    rows = parse_layers(layers, G.num_ws, caller="bench")
    return steerx.Directions(vectors, space="w", layers=rows, when="after_truncation")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directions", type=int, default=2)
    parser.add_argument("--layers", nargs="+", default=["0-13", "8-13", "10-13", "12-13"])
    parser.add_argument("--out", type=Path, help="folder of the dated JSON")
    options = parser.parse_args()
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)  # now, not after the minutes
    torch.set_num_threads(1)
    G = random_generator(256, 512)
    G.renderer = NativeRenderer(G.synthesis)
    rows = []
    for layers in options.layers:
        rows.append(case(G, layers, options.directions, options.rounds))
        print(rows[-1], flush=True)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    result = {"bench": "sweep_costs", "date": today, **machine(), "cases": rows}
    if options.out is not None:
        (options.out / f"sweep_costs-{today}.json").write_text(
            json.dumps(result, indent=2) + "\n", encoding="ascii"
        )


if __name__ == "__main__":
    main()
