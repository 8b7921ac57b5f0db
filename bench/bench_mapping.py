"""z -> w through the mapping network of `faces`."""

from __future__ import annotations

import math

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor
from torch.nn.functional import leaky_relu, linear

import steerx
from bench.rows import Row, Sides, quoted, rows, timed


def mapping(count: int) -> Sides:
    G = steerx.load("faces")
    z = torch.randn(count, G.z_dim, generator=torch.Generator().manual_seed(0))
    layers = [(layer.weight, layer.bias) for layer in G.mapping.layers]  # type: ignore[attr-defined]

    def plain() -> Tensor:
        x = z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        for weight, bias in layers:
            x = leaky_relu(linear(x, weight, bias), 0.2) * math.sqrt(2)
        return x

    return {
        "steerx": lambda: G.mapping(z),
        "plain torch": plain,
        "one z at a time": lambda: torch.cat([G.mapping(row) for row in z.split(1)]),
    }


ROWS = [
    *rows("mapping, 500 z", "steerx, plain torch, one z at a time", lambda: mapping(500)),
    *rows("mapping, 20,000 z", "steerx, plain torch", lambda: mapping(20_000)),
]


@pytest.mark.parametrize("row", ROWS)
def test_mapping(benchmark: BenchmarkFixture, row: Row) -> None:
    timed(benchmark, row)


if __name__ == "__main__":
    quoted("mapping", ROWS)
