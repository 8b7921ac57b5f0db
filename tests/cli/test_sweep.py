from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import steerx
from steerx.cli.failures import Failure
from steerx.cli.opening import picked
from steerx.cli.sweep import alphas_of
from steerx.cli.writing import stems
from steerx.directions import Directions
from tests.cli.commands import Run, one_line


def test_strips_grid_page_and_animation(run: Run, network: Path, sefa: Path) -> None:
    words = ("--seeds", "2,5", "--alphas", "-2,0,2", "--trunc", 0.7, "--only", "sefa2,0")
    result = run("sweep", network, sefa, *words, "--report", "--webp", "-o", "out")
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in Path("out").iterdir()) == [
        "grid.png",
        "index.html",
        "sefa0_seed0002.png",
        "sefa0_seed0005.png",
        "sefa2_seed0002.png",
        "sefa2_seed0005.png",
        "sweep.webp",
    ]
    directions = Directions.load(sefa)[["sefa2", "sefa0"]]
    grid = steerx.sweep(
        steerx.load(network), directions=directions, alphas=[-2, 0, 2], seeds=[2, 5], psi=0.7
    )
    wanted = grid.strip(seed=5, direction="sefa0")
    assert np.array_equal(np.asarray(Image.open("out/sefa0_seed0005.png")), np.asarray(wanted))
    with Image.open("out/sweep.webp") as film:
        assert film.n_frames == 4 and film.info["loop"] == 0  # -2, 0, 2, 0


def test_layers_replace_those_of_the_directions(run: Run, network: Path, sefa: Path) -> None:
    for folder, layers in (("a", "0-1"), ("b", "all")):
        words = ("--seeds", 1, "--alphas", "4", "--only", 0, "--layers", layers, "-o", folder)
        assert run("sweep", network, sefa, *words).exit_code == 0
    one, other = (np.asarray(Image.open(f"{f}/sefa0_seed0001.png")) for f in "ab")
    assert not np.array_equal(one, other)
    assert "w slots 0-5" in one_line(run("sweep", network, sefa, "--layers", "0-6"), 2)


def test_directions_of_another_checkpoint(run: Run, other_network: Path, sefa: Path) -> None:
    assert "--any-checkpoint" in one_line(run("sweep", other_network, sefa), 65)
    words = ("--seeds", 0, "--only", 0, "--any-checkpoint")
    assert run("sweep", other_network, sefa, *words).exit_code == 0


def test_refused_direction_files(run: Run, network: Path, sefa: Path) -> None:
    one_line(run("sweep", network, "nothing.safetensors"), 74)
    assert "kind directions" in one_line(run("sweep", network, network), 65)
    data = sefa.read_bytes()
    sefa.write_bytes(data[: len(data) // 2])
    one_line(run("sweep", network, sefa), 65)


def test_an_unknown_direction(run: Run, network: Path, sefa: Path) -> None:
    assert "did you mean 'sefa1'" in one_line(run("sweep", network, sefa, "--only", "sefa_1"), 2)
    assert "0-2" in one_line(run("sweep", network, sefa, "--only", "1-3"), 2)


def test_nothing_is_replaced_without_force(run: Run, network: Path, sefa: Path) -> None:
    words = ("sweep", network, sefa, "--seeds", 0, "--only", 0)
    assert run(*words).exit_code == 0
    assert "--force" in one_line(run(*words), 74)
    assert run(*words, "--force").exit_code == 0


def test_network_as_an_option(run: Run, network: Path, sefa: Path) -> None:
    words = ("--seeds", 0, "--only", 0)
    assert run("sweep", "--network", network, sefa, *words).exit_code == 0
    one_line(run("sweep", network), 2)


def test_alphas() -> None:
    assert alphas_of(None, None, None, None) == [-3, -1.5, 0, 1.5, 3]
    assert alphas_of("-1, 0,2.5", None, None, None) == [-1, 0, 2.5]
    assert alphas_of(None, -1, 1, 5) == [-1, -0.5, 0, 0.5, 1]
    assert alphas_of(None, 2, 9, 1) == [2]
    for wrong in (
        ("a", None, None, None),
        ("", None, None, None),
        ("1,1", None, None, None),
        ("nan", None, None, None),
        ("1e400", None, None, None),
        ("1", 0.0, 1.0, 2),
        (None, 0.0, None, 2),
        (None, 1.0, 1.0, 2),
    ):
        with pytest.raises(Failure) as caught:
            alphas_of(*wrong)
        assert caught.value.code == 2


def test_picked() -> None:
    names = ["smile", "age", "0-1", "smile"]
    assert picked("smile", names) == [0, 3]
    assert picked("2-3, 1", names) == [2, 3, 1]
    assert picked("0-1", names) == [2]  # a name wins over a range
    for wrong in ("", "4", "3-1", "-1", "pose"):
        with pytest.raises(Failure):
            picked(wrong, names)


def test_names_become_different_file_names() -> None:
    assert stems(["a/b", "a\\b", "../x", "-smile", "", "A_B"]) == [
        "a_b",
        "a_b-2",
        "x",
        "minus-smile",
        "direction",
        "A_B-3",
    ]
