"""Styles -> pictures on the CPU by each renderer: `faces` (64 px), and 256 px with random weights and 512 channels."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

import steerx
from bench.rows import Row, Sides, quoted, rows, timed
from steerx.checkpoints import StyleGAN2Config
from steerx.generators import StyleGAN2
from steerx.rendering import FusedRenderer, NativeRenderer, PlainRenderer


def random_generator(resolution: int, most: int) -> StyleGAN2:
    """The published sizes (32768 / side channels, at most so many) with every term of a layer alive."""
    torch.manual_seed(0)
    sides = [2**i for i in range(2, resolution.bit_length())]
    config = StyleGAN2Config(
        z_dim=most,
        c_dim=0,
        w_dim=most,
        resolution=resolution,
        img_channels=3,
        channels={side: min(most, 32768 // side) for side in sides},
        mapping_layers=2,
        embed_dim=0,
        conv_clamp=None,
    )
    G = StyleGAN2(config).requires_grad_(False).eval()
    for name, parameter in G.named_parameters():
        if name.endswith(("bias", "noise_strength")):
            parameter.add_(0.1 * torch.randn_like(parameter))
    return G


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
