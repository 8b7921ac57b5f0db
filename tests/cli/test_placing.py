"""`--translate` and `--rotate`: a StyleGAN3's pictures where the command line puts them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import steerx
from steerx.generators import save
from tests.cli.commands import Run, one_line
from tests.generators.test_stylegan3 import tiny


@pytest.fixture
def waves(run: Run) -> Path:
    """A StyleGAN3 that has a transform of its own, and a direction."""
    save(tiny(), "waves.safetensors")
    assert run("mine", "sefa", "waves.safetensors", "-k", 1, "-o", "d.safetensors").exit_code == 0
    return Path("waves.safetensors")


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def test_pictures_stand_where_they_are_put(run: Run, waves: Path) -> None:
    where = ("--translate", "0.25,-0.125", "--rotate", 30)
    for words in (
        ("sample", waves, "--seeds", 3, "-o", "sample"),
        ("edit", waves, "d.safetensors", "-a", 0, "--seeds", 3, "-o", "edit"),
        ("sweep", waves, "d.safetensors", "--alphas", "0,1", "--seeds", 3, "-o", "sweep"),
        ("walk", waves, "d.safetensors", "--seeds", 3, "--frames", 4, "-o", "walk.webp"),
    ):
        result = run(*words, *where)
        assert result.exit_code == 0, result.output
    G = steerx.load(waves)
    styles = G.codes(seeds=3, space="styles")
    own = G.renderer.render(styles, out="uint8").numpy()[0].astype(int)
    G.place(translate=(0.25, -0.125), rotate=30)  # type: ignore[operator]
    expected = G.renderer.render(styles, out="uint8").numpy()[0].astype(int)
    assert abs(expected - own).max() > 3
    assert np.array_equal(pixels("sample/seed0003.png"), expected)
    assert np.array_equal(pixels("edit/edited0003.png"), expected)
    assert run("sample", waves, "--seeds", 3, "-o", "own").exit_code == 0
    assert np.array_equal(pixels("own/seed0003.png"), own)
    assert run("sample", "--job", "sample/job.yaml", "-o", "again").exit_code == 0
    assert np.array_equal(pixels("again/seed0003.png"), expected)


def test_one_option_is_enough(run: Run, waves: Path) -> None:
    assert run("sample", waves, "--seeds", 1, "--rotate", 90).exit_code == 0
    G = steerx.load(waves)
    G.place(rotate=90)  # type: ignore[operator]
    expected = G.renderer.render(G.codes(seeds=1, space="styles"), out="uint8").numpy()[0]
    assert np.array_equal(pixels("out/seed0001.png"), expected)


@pytest.mark.parametrize(
    "words, said",
    [
        (("--translate", "1"), "a shift is X,Y such as"),
        (("--translate", "1,up"), "--translate, --rotate: could not convert"),
        (("--rotate", "nan"), "must be finite"),
    ],
)
def test_wrong_places(run: Run, waves: Path, words, said: str) -> None:
    assert said in one_line(run("sample", waves, *words), 2)


def test_other_families_do_not_place(run: Run, network: Path) -> None:
    line = one_line(run("sample", network, "--rotate", 10), 2)
    assert "--rotate: only StyleGAN3 places its pictures, this is stylegan2" in line
