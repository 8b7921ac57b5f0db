"""filtered_lrelu against its reference, on layers of StyleGAN3 and in whole pictures of it.

pytest bench/bench_filtered_lrelu.py                      # pytest-benchmark's table
python -m bench.bench_filtered_lrelu --out bench/results  # interleaved ratios as a dated JSON
"""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from bench.rows import Row, Sides, quoted, rows, timed
from bench.stylegan3 import random_stylegan3
from steerx import ops

OPERATOR = ops.REGISTRY["filtered_lrelu"]


def layer(channels: int, side: int, up: int, *, radial: bool = False, last: bool = True) -> Sides:
    """A layer of StyleGAN3: six taps a rate, one side in and out for up = 2; channels last in memory."""
    random = torch.Generator().manual_seed(0)
    x, bias = (torch.randn(s, generator=random) for s in ((1, channels, side, side), (channels,)))
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    first, second = (torch.hann_window(t + 2)[1:-1] for t in (6 * up, 12))
    first, second = first / first.sum(), second / second.sum()
    args = (x, bias, first, torch.outer(second, second) if radial else second)
    args += (up, 2, [9, 12, 9, 12], 0.2, 2**0.5, 256.0)  # type: ignore[assignment]
    return {"steerx": lambda: OPERATOR.call(*args), "reference": lambda: OPERATOR.reference(*args)}


def by_reference(x: Tensor, bias: Tensor, **named: Any) -> Tensor:
    order = ("up_filter", "down_filter", "up", "down", "padding", "slope", "gain", "clamp")
    return OPERATOR.reference(x, bias, *(named[name] for name in order))  # type: ignore[no-any-return]


def picture(resolution: int, most: int, *, rotation: bool) -> Sides:
    G = random_stylegan3(resolution, most, rotation=rotation)
    styles = G.codes(seeds=[0], space="styles")

    def before() -> Tensor:
        with mock.patch.object(ops, "filtered_lrelu", by_reference):
            return G.renderer.render(styles)

    return {"steerx": lambda: G.renderer.render(styles), "reference": before}


SIDES = "steerx, reference"
LAYERS = [
    *rows("512 x 36^2", SIDES, lambda: layer(512, 36, 2)),
    *rows("64 x 148^2", SIDES, lambda: layer(64, 148, 2)),
    *rows("64 x 148^2, contiguous", SIDES, lambda: layer(64, 148, 2, last=False)),
    *rows("64 x 84^2, up to 4", SIDES, lambda: layer(64, 84, 4)),
    *rows("64 x 148^2, radial", SIDES, lambda: layer(64, 148, 2, radial=True)),
]
PICTURES = [
    *rows("T, 256 px, 64 channels", SIDES, lambda: picture(256, 64, rotation=False)),
    *rows("R, 256 px, 2 x 64 channels", SIDES, lambda: picture(256, 64, rotation=True)),
]


@pytest.mark.parametrize("row", LAYERS)
def test_filtered_lrelu(benchmark: BenchmarkFixture, row: Row) -> None:
    timed(benchmark, row)


if __name__ == "__main__":
    quoted("filtered_lrelu", LAYERS + PICTURES)
