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


def test_edits_of_later_layers_alone(run: Run, network: Path, sefa: Path) -> None:
    """Their seeds share a prefix, which is no picture and counts for none."""
    result = run("sweep", network, sefa, "--layers", "3-4", "--seeds", "0-2", "--alphas", "-1,1")
    assert result.exit_code == 0, result.output
    G = steerx.load(network)
    one = steerx.directions.as_directions(sefa)["sefa1"]
    moved = steerx.Directions(
        one.vectors, space="w_plus", layers=(3, 4), names=["sefa1"], when="after_truncation"
    )
    wanted = steerx.sweep(G, seeds=[2], directions=moved, alphas=[-1, 1])
    found = strip("out/sefa1_seed0002.png").astype(int)
    assert np.abs(found - np.asarray(wanted.strip())).max() <= 1


def test_a_folder_of_an_earlier_run_is_pointed_out(run: Run, network: Path) -> None:
    assert run("sample", network, "--seeds", "0-2").stderr == ""
    again = run("sample", network, "--seeds", "0", "--force")
    assert again.exit_code == 0
    assert "note: out holds an earlier run" in again.stderr
    assert "note:" not in run("sample", network, "--seeds", "0", "-o", "new", "--force").stderr


def test_scores_of_other_pictures_are_pointed_out(run: Run, network: Path) -> None:
    Path("bright.py").write_text("def bright(images):\n    return images.mean((1, 2, 3))\n")
    words = ("score", network, "--seeds", "0-99", "--scorer", "bright.py:bright")
    assert run(*words, "--trunc", 0.7).exit_code == 0
    mine = ("mine", "interfacegan", network, "--scores", "scores.csv", "--ratio", 0.3)
    mine = (*mine, "--solver", "mean", "--force")
    other = run(*mine, "-o", "a.safetensors")
    assert other.exit_code == 0, other.output
    assert "scores.csv was made with --trunc 0.7" in " ".join(other.stderr.split())
    same = run(*mine, "--trunc", 0.7, "-o", "b.safetensors")
    assert same.exit_code == 0 and "was made with" not in same.stderr
