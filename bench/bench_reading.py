"""Reading a checkpoint as data: bounds, finiteness, sha256 and model_id included, which the others do not compute."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.rows import Row, Sides, quoted, rows, timed
from steerx import checkpoints
from steerx.checkpoints import Checkpoint, StyleGAN2Config, expected_shapes

FOLDER = tempfile.TemporaryDirectory(prefix="steerx-bench-")


def network() -> Checkpoint:
    """A 256 px network with a quarter of the stock channels: 25 MB."""
    channels = {4: 256, 8: 256, 16: 256, 32: 256, 64: 128, 128: 64, 256: 32}
    config = StyleGAN2Config(
        z_dim=256,
        c_dim=0,
        w_dim=256,
        resolution=256,
        img_channels=3,
        channels=channels,
        mapping_layers=8,
    )
    random = torch.Generator().manual_seed(0)
    tensors = {n: torch.randn(s, generator=random) for n, s in expected_shapes(config).items()}
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    tensors["synthesis.filter"] = torch.outer(taps, taps) / 64
    return Checkpoint("stylegan2", config, tensors, checkpoints.model_id(tensors))


def ours() -> Sides:
    path = Path(FOLDER.name) / "a.safetensors"
    checkpoints.write(path, network())
    return {
        "steerx": lambda: checkpoints.read(path),
        "describe alone": lambda: checkpoints.describe(path),
        "safetensors": lambda: safetensors.torch.load_file(path),
    }


def torch_file(layout: Any) -> Sides:
    path = Path(FOLDER.name) / f"{layout}.pt"
    checkpoints.export(path, network(), layout)
    return {
        "steerx": lambda: checkpoints.read(path),
        "describe alone": lambda: checkpoints.describe(path),
        "torch.load": lambda: torch.load(path, weights_only=True),
    }


ROWS = [
    *rows("read, our own", "steerx, describe alone, safetensors", ours, tolerance=None),
    *(
        row
        for layout in ("rosinality", "genforce")
        for row in rows(
            f"read, {layout}",
            "steerx, describe alone, torch.load",
            lambda layout=layout: torch_file(layout),
            tolerance=None,
        )
    ),
]


@pytest.mark.parametrize("row", ROWS)
def test_reading(benchmark: BenchmarkFixture, row: Row) -> None:
    timed(benchmark, row)


if __name__ == "__main__":
    quoted("reading", ROWS)
