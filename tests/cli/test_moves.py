"""Options that say how far and along what: --unit, beside --layers and --motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import steerx
from steerx import Directions
from steerx.cli import moves
from tests.cli.commands import Run, one_line


def strip(file: str | Path) -> Any:
    return np.asarray(Image.open(file))


def saved(path: str, space: str, size: int, **more: Any) -> Directions:
    torch.manual_seed(size)
    vector = torch.randn(1, size)
    one = Directions(vector / vector.norm(), space=space, names=["d"], **more)  # type: ignore[arg-type]
    one.save(path, overwrite=True)
    return one


@pytest.mark.parametrize("own", [False, True])
def test_alpha_counts_deviations(
    run: Run, network: Path, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the covariance that the file has, or else of codes drawn from the network."""
    monkeypatch.setattr(moves, "DRAWN", 300)
    G = steerx.load(network)
    w = G.codes(seeds=range(300), space="w")
    assert isinstance(w, torch.Tensor)
    covariance = 9 * w.T.cov() if own else w.T.cov()
    one = saved("d.safetensors", "w", 16, covariance=covariance if own else None)
    words = ("sweep", network, "d.safetensors", "--seeds", 0, "--alphas", "-1,2")
    assert run(*words, "--unit", "sigma").exit_code == 0
    scale = float((one.vectors[0] @ covariance @ one.vectors[0]).sqrt())
    wanted = steerx.sweep(G, seeds=[0], directions=one, alphas=[-scale, 2 * scale])
    assert np.array_equal(strip("out/d_seed0000.png"), np.asarray(wanted.strip()))
    line = (Path("out") / "job.yaml").read_text()
    assert "unit: sigma" in line


def test_deviations_of_z_are_one_and_lengths_are_lengths(run: Run, network: Path) -> None:
    G = steerx.load(network)
    one = saved("z.safetensors", "z", 64)
    words = ("sweep", network, "z.safetensors", "--seeds", 0, "--alphas", "-1,2", "-o")
    assert run(*words, "sigma", "--unit", "sigma").exit_code == 0
    wanted = steerx.sweep(G, seeds=[0], directions=one, alphas=[-1, 2])
    assert np.array_equal(strip("sigma/d_seed0000.png"), np.asarray(wanted.strip()))
    saved("z.safetensors", "z", 64, scale=torch.tensor([5.0]), unit="sigma")
    assert run(*words, "raw", "--unit", "raw").exit_code == 0
    assert np.array_equal(strip("raw/d_seed0000.png"), np.asarray(wanted.strip()))


def test_styles_have_no_deviation(run: Run, network: Path) -> None:
    sizes = [row.channels for row in steerx.load(network).style_rows]
    saved("s.safetensors", "styles", sum(sizes), style_sizes=sizes)
    words = ("edit", network, "s.safetensors", "-a", 1, "--unit", "sigma")
    assert "--unit sigma is of codes in z or w, and d moves styles" in one_line(run(*words), 2)
    assert not Path("out").exists()
