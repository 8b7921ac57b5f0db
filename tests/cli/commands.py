"""Command lines of tests: a tiny random network on disk, and what an error must look like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from typer.testing import Result

from steerx.checkpoints import Checkpoint, StyleGAN2Config, model_id, write
from steerx.generators import Generator, StyleGAN2, load
from steerx.generators.renderers import fastest, install

Run = Callable[..., Result]


def tiny_network(path: Path, *, seed: int, c_dim: int = 0) -> Path:
    """Write a random network whose z is as long as that of the built-in faces."""
    torch.manual_seed(seed)
    config = StyleGAN2Config(
        z_dim=64,
        c_dim=c_dim,
        w_dim=16,
        resolution=16,
        img_channels=3,
        channels={4: 8, 8: 8, 16: 6},
        mapping_layers=2,
        embed_dim=4 if c_dim else 0,
    )
    tensors = {k: v.detach().clone() for k, v in StyleGAN2(config).state_dict().items()}
    write(path, Checkpoint("stylegan2", config, tensors, model_id(tensors)))
    return path


def opened(network: Path) -> Generator:
    """The network with the renderer that commands choose for it."""
    G = load(network)
    install(G, fastest(G))
    return G


def one_line(result: Result, code: int) -> str:
    """The error line of a failed command, after checking that it is one line and its code."""
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert "Traceback" not in result.output
    return lines[0]
