"""The operators of a layer against the papers' form of them: a weight of its own for every sample."""

from __future__ import annotations

import math

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor
from torch.nn.functional import conv2d, leaky_relu

from bench import published_form
from bench.rows import Row, Sides, quoted, rows, timed
from steerx import ops

TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0])
FILTER = torch.outer(TAPS, TAPS) / 64
BATCH, CHANNELS, SIDE = 4, 64, 64


def drawn(*shape: int) -> Tensor:
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))
    return x.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else x


def bias_act() -> Sides:
    x, bias = drawn(BATCH, CHANNELS, SIDE, SIDE), drawn(CHANNELS)
    return {
        "steerx": lambda: ops.bias_act(x, bias),
        "plain torch": lambda: leaky_relu(x + bias.view(1, -1, 1, 1), 0.2) * math.sqrt(2),
    }


def upfirdn2d() -> Sides:
    x = drawn(BATCH, CHANNELS, SIDE // 2, SIDE // 2)

    def plain() -> Tensor:
        wide = x.new_zeros(BATCH, CHANNELS, SIDE + 3, SIDE + 3)
        wide[:, :, 2:-1:2, 2:-1:2] = x  # zeros between, and around
        return conv2d(wide, 4 * FILTER.expand(CHANNELS, 1, 4, 4), groups=CHANNELS)

    return {
        "steerx": lambda: ops.upfirdn2d(x, FILTER, up=2, padding=(2, 1, 2, 1), gain=4.0),
        "plain torch": plain,
    }


def filtered_lrelu() -> Sides:
    x, bias = drawn(BATCH, CHANNELS, SIDE // 2, SIDE // 2), drawn(CHANNELS)
    row = torch.hann_window(13)[1:]  # twelve taps
    row = (row + row.flip(0)) / (row + row.flip(0)).sum()
    dense = torch.outer(row, row).expand(CHANNELS, 1, 12, 12)
    around = 11

    def plain() -> Tensor:
        wide = x.new_zeros(BATCH, CHANNELS, SIDE + 2 * around, SIDE + 2 * around)
        wide[:, :, around:-around:2, around:-around:2] = x + bias.view(1, -1, 1, 1)
        active = leaky_relu(conv2d(wide, 4 * dense, groups=CHANNELS), 0.2) * math.sqrt(2)
        return conv2d(active, dense, stride=2, groups=CHANNELS)

    options = {"up": 2, "down": 2, "padding": (around,) * 4}
    return {
        "steerx": lambda: ops.filtered_lrelu(x, bias, up_filter=row, down_filter=row, **options),
        "plain torch": plain,
    }


def modulated_conv2d(up: int) -> Sides:
    side = SIDE // up
    x, style = drawn(BATCH, CHANNELS, side, side), drawn(BATCH, CHANNELS)
    weight, filter = drawn(CHANNELS, CHANNELS, 3, 3), FILTER if up == 2 else None
    return {
        "steerx": lambda: ops.modulated_conv2d(x, style, weight, filter=filter, up=up),
        "a weight per sample": lambda: published_form.modulated(x, style, weight, filter=filter),
    }


def style_layer(up: int) -> Sides:
    side = SIDE // up
    x, style, weight = (
        drawn(BATCH, CHANNELS, side, side),
        drawn(BATCH, CHANNELS),
        drawn(CHANNELS, CHANNELS, 3, 3),
    )
    bias, noise, filter = drawn(CHANNELS), drawn(SIDE, SIDE), FILTER if up == 2 else None
    strength = torch.tensor(0.1)

    def ours() -> Tensor:
        return ops.style_layer(
            x, style, weight, bias, noise=noise, noise_strength=strength, filter=filter, up=up
        )

    def theirs() -> Tensor:
        return published_form.style_layer(x, style, weight, bias, noise * strength, filter)

    return {"steerx": ours, "a weight per sample": theirs}


def to_rgb() -> Sides:
    x, style = drawn(BATCH, CHANNELS, SIDE, SIDE), drawn(BATCH, CHANNELS)
    weight, bias, skip = drawn(3, CHANNELS, 1, 1), drawn(3), drawn(BATCH, 3, SIDE // 2, SIDE // 2)

    def theirs() -> Tensor:
        picture = published_form.to_rgb(x, style, weight, bias)
        return picture + published_form.upsampled(skip, FILTER)

    return {
        "steerx": lambda: ops.to_rgb(x, style, weight, bias, skip=skip, filter=FILTER),
        "a weight per sample": theirs,
    }


SIZE = f"{BATCH} x {CHANNELS} x {SIDE}^2"
ROWS = [
    *rows(f"bias_act {SIZE}", "steerx, plain torch", bias_act),
    *rows(f"upfirdn2d to {SIZE}", "steerx, plain torch", upfirdn2d),
    *rows(f"filtered_lrelu at {SIZE}", "steerx, plain torch", filtered_lrelu),
    *rows(f"modulated_conv2d {SIZE}", "steerx, a weight per sample", lambda: modulated_conv2d(1)),
    *rows(
        f"modulated_conv2d up to {SIZE}", "steerx, a weight per sample", lambda: modulated_conv2d(2)
    ),
    *rows(f"style_layer {SIZE}", "steerx, a weight per sample", lambda: style_layer(1)),
    *rows(f"style_layer up to {SIZE}", "steerx, a weight per sample", lambda: style_layer(2)),
    *rows(f"to_rgb {SIZE}", "steerx, a weight per sample", to_rgb),
]


@pytest.mark.parametrize("row", ROWS)
def test_operators(benchmark: BenchmarkFixture, row: Row) -> None:
    timed(benchmark, row)


if __name__ == "__main__":
    quoted("operators", ROWS)
