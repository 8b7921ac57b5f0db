from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import steerx
from steerx.cli.failures import Failure
from steerx.cli.options import seeds_of
from tests.cli.commands import Run, one_line, tiny_network


def test_pictures_are_those_of_the_library(run: Run, network: Path) -> None:
    words = ("--seeds", "3,0-1", "--trunc", 0.7, "--cutoff", 4, "-o", "out", "--grid")
    result = run("sample", network, *words)
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in Path("out").iterdir()) == [
        "grid.png",
        "job.yaml",
        "seed0000.png",
        "seed0001.png",
        "seed0003.png",
    ]
    G = steerx.load(network)
    with torch.inference_mode():
        styles = G.codes(seeds=[3, 0, 1], space="styles", psi=0.7, cutoff=4)
        wanted = G.renderer.render(styles, out="uint8").numpy()
    for seed, pixels in zip((3, 0, 1), wanted, strict=True):
        assert np.array_equal(np.asarray(Image.open(f"out/seed{seed:04d}.png")), pixels)


def test_network_as_an_option(run: Run, network: Path) -> None:
    assert run("sample", "--network", network, "--seed", 5).exit_code == 0
    assert Path("out/seed0005.png").is_file()
    one_line(run("sample", network, "--network", network), 2)


def test_nothing_is_replaced_without_force(run: Run, network: Path) -> None:
    assert run("sample", network, "--seeds", "0-1").exit_code == 0
    Path("out/seed0001.png").write_bytes(b"mine")
    assert "--force" in one_line(run("sample", network, "--seeds", "1-2"), 74)
    assert Path("out/seed0001.png").read_bytes() == b"mine"
    assert not Path("out/seed0002.png").exists()
    assert run("sample", network, "--seeds", "1", "--force").exit_code == 0
    assert Path("out/seed0001.png").read_bytes() != b"mine"


def test_a_folder_that_cannot_be_made(run: Run, network: Path) -> None:
    Path("file").touch()
    one_line(run("sample", network, "-o", "file/out"), 74)


def test_seeds_grammar() -> None:
    assert seeds_of("0,1,4-6, 1") == [0, 1, 4, 5, 6]
    for text in ("", "a", "1-", "3-1", "-1", "1.5", "4294967296"):
        with pytest.raises(Failure, match="--seeds") as caught:
            seeds_of(text)
        assert caught.value.code == 2


def test_classes(run: Run, network: Path, tmp_path: Path) -> None:
    one_line(run("sample", network, "--class", 0), 2)
    conditional = tiny_network(tmp_path / "conditional.safetensors", seed=2, c_dim=3)
    assert "--class" in one_line(run("sample", conditional), 2)
    one_line(run("sample", conditional, "--class", 3), 2)
    assert run("sample", conditional, "--class", 2, "--seeds", 0).exit_code == 0


def test_codes_of_a_file(run: Run, network: Path) -> None:
    G = steerx.load(network)
    np.save("w.npy", G.codes(seeds=[5, 85], space="w").numpy())
    words = ("sample", network, "--codes", "w.npy", "--trunc", 0.7, "--grid")
    assert run(*words).exit_code == 0
    assert run("sample", network, "--seeds", "5,85", "--trunc", 0.7, "-o", "two").exit_code == 0
    for name, other in (("code0000", "seed0005"), ("code0001", "seed0085")):
        one, two = (
            np.asarray(Image.open(f)).astype(int) for f in (f"out/{name}.png", f"two/{other}.png")
        )
        assert np.abs(one - two).max() <= 1
    assert "--force" in one_line(run(*words), 74)
    one_line(run("sample", network, "--codes", "w.npy", "--class", 1, "-o", "three"), 2)
    one_line(run("sample", network, "--codes", "none.npy", "-o", "three"), 74)
    assert not Path("three").exists()


def test_a_grid_that_is_too_large(run: Run, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steerx.cli.sample.PIXELS", 9 * 16**2)
    words = ("sample", network, "--seeds", "0-9")
    assert "--grid" in one_line(run(*words, "--grid"), 2)
    assert not Path("out").exists()
    assert run(*words).exit_code == 0


def test_the_built_in_faces(run: Run) -> None:
    result = run("sample", "faces", "--seeds", 85, "--trunc", 0.7, "--dtype", "bfloat16")
    assert result.exit_code == 0, result.output
    pixels = np.asarray(Image.open("out/seed0085.png"))
    assert pixels.std() > 20  # a picture, not a plain colour
