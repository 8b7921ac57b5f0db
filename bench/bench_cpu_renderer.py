"""Styles -> pictures on the CPU by each renderer: `faces` (64 px), and 256 px with random weights and 512 channels."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

import steerx
from bench.peers.network import random_generator
from bench.rows import Row, Sides, quoted, rows, timed
from steerx.rendering import FusedRenderer, NativeRenderer, PlainRenderer


def synthesis(name: str, batch: int, dtype: torch.dtype | None = None) -> Sides:
    G = steerx.load("faces") if name == "faces" else random_generator(256, 512)
    styles = G.codes(seeds=range(batch), space="styles")
    native = NativeRenderer(G.synthesis, dtype=dtype)
    fused = FusedRenderer(G.synthesis, dtype=dtype)
    plain = PlainRenderer(G.synthesis, dtype=dtype)
    return {
        "steerx": lambda: native.render(styles),
        "fused": lambda: fused.render(styles),
        "plain": lambda: plain.render(styles),
    }


SIDES = "steerx, fused, plain"
HALF = torch.bfloat16
ROWS = [
    *rows("faces, batch 1", SIDES, lambda: synthesis("faces", 1)),
    *rows("faces, batch 8", SIDES, lambda: synthesis("faces", 8)),
    *rows("faces, batch 8, bfloat16", SIDES, lambda: synthesis("faces", 8, HALF), tolerance=0.1),
    *rows("256 px, batch 1", SIDES, lambda: synthesis("random", 1)),
    *rows("256 px, batch 1, bfloat16", SIDES, lambda: synthesis("random", 1, HALF), tolerance=0.1),
]


@pytest.mark.parametrize("row", ROWS)
def test_cpu_renderer(benchmark: BenchmarkFixture, row: Row) -> None:
    timed(benchmark, row)


if __name__ == "__main__":
    quoted("cpu_renderer", ROWS)
