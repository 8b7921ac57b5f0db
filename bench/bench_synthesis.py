"""Styles -> pictures of `faces` (64 px), by the renderer that `load` chooses."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

import steerx
from bench import published_form
from bench.rows import Row, Sides, quoted, rows, timed


def synthesis(batch: int) -> Sides:
    G = steerx.load("faces")
    styles = G.codes(seeds=range(batch), space="styles")
    single = [[style[n : n + 1] for style in styles] for n in range(batch)]
    return {
        "steerx": lambda: G.renderer.render(styles),
        "a weight per sample": lambda: published_form.synthesis(G.synthesis, styles),
        "one picture at a time": lambda: torch.cat([G.renderer.render(one) for one in single]),
    }


ALL = "steerx, a weight per sample, one picture at a time"
ROWS = [
    *rows("synthesis, batch 1", "steerx, a weight per sample", lambda: synthesis(1)),
    *rows("synthesis, batch 4", ALL, lambda: synthesis(4)),
    *rows("synthesis, batch 8", ALL, lambda: synthesis(8)),
]


@pytest.mark.parametrize("row", ROWS)
def test_synthesis(benchmark: BenchmarkFixture, row: Row) -> None:
    timed(benchmark, row)


if __name__ == "__main__":
    quoted("synthesis", ROWS)
