from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import steerx
from steerx.cli.failures import Failure
from steerx.cli.moves import alphas_of
from steerx.cli.opening import picked
from steerx.cli.writing import stems
from steerx.directions import Directions, load_boundary
from steerx.generators.codes_file import save_codes
from tests.cli.commands import Run, one_line


def test_strips_grid_page_and_animation(run: Run, network: Path, sefa: Path) -> None:
    words = ("--seeds", "2,5", "--alphas", "-2,0,2", "--trunc", 0.7, "--only", "sefa2,0")
    result = run("sweep", network, sefa, *words, "--report", "--webp", "-o", "out")
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in Path("out").iterdir()) == [
        "grid.png",
        "index.html",
        "job.yaml",
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
    assert alphas_of(None, None, None, 3) == [-3, 0, 3]
    assert alphas_of(None, 0, 2, None) == [0, 0.5, 1, 1.5, 2]
    for wrong in (
        ("a", None, None, None),
        ("", None, None, None),
        ("1,1", None, None, None),
        ("nan", None, None, None),
        ("1e400", None, None, None),
        ("1", 0.0, 1.0, 2),
        (None, 3.0, None, 2),
        (None, 1.0, 1.0, 2),
    ):
        with pytest.raises(Failure) as caught:
            alphas_of(*wrong)
        assert caught.value.code == 2


def pixels(file: str) -> np.ndarray:
    return np.asarray(Image.open(file))


def names() -> list[str]:
    return sorted(p.name for p in Path("out").iterdir())


def test_codes_of_a_file(run: Run, network: Path, sefa: Path) -> None:
    G = steerx.load(network)
    words = ("sweep", network, sefa, "--only", 1, "--alphas", "0,2")
    for space in ("z", "w", "w_plus"):
        codes = G.codes(seeds=[3, 4], space=space)
        np.save("a.npy", codes.numpy())
        said = () if space == "w_plus" else ("--space", space)
        result = run(*words, "--codes", "a.npy", *said, "-o", space)
        assert result.exit_code == 0, result.output
        for n, seed in enumerate((3, 4)):
            grid = steerx.sweep(G, seeds=[seed], directions=Directions.load(sefa)[1], alphas=[0, 2])
            found = pixels(f"{space}/sefa1_code{n:04d}.png").astype(int)
            assert np.abs(found - np.asarray(grid.strip())).max() <= 1
    np.save("a.npy", G.codes(seeds=[0], space="w").numpy())
    assert "--space z or --space w" in one_line(run(*words, "--codes", "a.npy"), 2)
    np.save("a.npy", np.zeros((2, 5), np.float32))
    one_line(run(*words, "--codes", "a.npy", "--space", "w"), 2)
    Path("a.npy").write_bytes(b"no array")
    one_line(run(*words, "--codes", "a.npy"), 65)
    assert not Path("out").exists()


def test_codes_remember_their_network_and_truncation(
    run: Run, network: Path, other_network: Path
) -> None:
    G = steerx.load(network)
    codes = G.codes(seeds=[1], space="w_plus", psi=0.5)
    facts = {"model_id": G.model_id, "psi": 0.5, "cutoff": None}
    save_codes("c.safetensors", codes, "w_plus", facts=facts)
    found = steerx.GANSpace(2, n=100).fit(G).directions_
    found.save("pc.safetensors")
    words = ("pc.safetensors", "--only", "pc0", "--codes", "c.safetensors", "--alphas", "0,2")
    assert run("sweep", network, *words).exit_code == 0
    grid = steerx.sweep(G, codes=codes, directions=found[0], alphas=[0, 2], psi=0.5)
    assert np.array_equal(pixels("out/pc0_code0000.png"), np.asarray(grid.strip()))
    line = one_line(run("sample", other_network, "--codes", "c.safetensors", "-o", "b"), 65)
    assert "holds codes of checkpoint" in line
    save_codes("d.safetensors", codes, "w_plus", facts={"psi": "much"})
    line = one_line(run("sweep", network, *words[:3], "--codes", "d.safetensors", "-o", "c"), 65)
    assert "psi" in line


def test_large_sweeps_have_strips_only(
    run: Run, network: Path, sefa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("sweep", network, sefa, "--seeds", "0-2", "--alphas", "-1,0,1")
    monkeypatch.setattr("steerx.cli.strips.PIXELS", 27 * 16**2)
    assert run(*words).exit_code == 0
    assert "grid.png" in names()
    result = run(*words, "--scale", 2, "-o", "two")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("warning: no grid.png: ") and result.stderr.count("\n") == 1
    assert len(list(Path("two").iterdir())) == 10
    for option, said in (("--webp", "megapixels"), ("--report", "at most 26 pictures")):
        monkeypatch.setattr("steerx.cli.strips.PIXELS", 26 * 16**2)
        assert said in one_line(run(*words, option, "-o", "three"), 2)
    monkeypatch.setattr("steerx.cli.strips.PIXELS", 1 << 20)
    monkeypatch.setattr("steerx.cli.strips.WEBP_SIDE", 50)
    monkeypatch.setattr("steerx.cli.strips.PAGE_PICTURES", 26)
    assert "WebP holds 50" in one_line(run(*words, "--webp", "-o", "three"), 2)
    assert "at most 26 pictures" in one_line(run(*words, "--report", "-o", "three"), 2)
    assert not Path("three").exists()


def test_strips_are_written_as_they_come(
    run: Run, network: Path, sefa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[int] = []
    by_seed = steerx.sweeping.Sweep.by_seed

    def watched(grid: steerx.sweeping.Sweep) -> Iterator[np.ndarray]:
        for images in by_seed(grid):
            rendered.append(len(list(Path("out").glob("*.png"))))
            yield images

    monkeypatch.setattr(steerx.sweeping.Sweep, "by_seed", watched)
    assert run("sweep", network, sefa, "--seeds", "0-5").exit_code == 0
    # A seed is rendered while those of at most two others are not yet written.
    assert all(3 * (n - 2) <= files <= 3 * n for n, files in enumerate(rendered))
    assert len(rendered) == 6 and len(list(Path("out").glob("sefa*.png"))) == 18


def test_a_dry_run_counts_what_is_written(run: Run, network: Path, sefa: Path) -> None:
    words = ("sweep", network, sefa, "--seeds", "0-1", "--alphas", "-1,0,1", "--report", "--webp")
    result = run(*words, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "14 pictures, 10 files" in result.stdout
    assert not Path("out").exists()
    assert run(*words).exit_code == 0
    assert len(names()) == 10


def test_a_job_repeats_a_sweep(run: Run, network: Path, sefa: Path) -> None:
    words = ("-n", 2, "-K", 1, "--steps", 3, "--noise-mode", "sample", "--order", "direction")
    assert run("sweep", network, sefa, *words).exit_code == 0
    assert run("sweep", "--job", "out/job.yaml", "-o", "two").exit_code == 0
    assert names() == ["grid.png", "job.yaml", "sefa0_seed0000.png", "sefa0_seed0001.png"]
    for name in ("grid.png", "sefa0_seed0001.png"):
        assert Path("out", name).read_bytes() == Path("two", name).read_bytes()
    assert run("sweep", "--job", "out/job.yaml", "-o", "3", "--seeds", "7").exit_code == 0
    assert Path("3/sefa0_seed0007.png").is_file()


def test_the_grid_in_both_orders(run: Run, network: Path, sefa: Path) -> None:
    words = ("sweep", network, sefa, "--seeds", "0-1", "--alphas", "-1,1", "--batch", 1)
    for order in ("seed", "direction"):
        assert run(*words, "--order", order, "-o", order).exit_code == 0
        grid = steerx.sweep(
            steerx.load(network), seeds="0-1", directions=sefa, alphas=[-1, 1], batch=1
        )
        assert np.array_equal(pixels(f"{order}/grid.png"), np.asarray(grid.grid(order=order)))


def test_absolute_motion(run: Run, network: Path, sefa: Path) -> None:
    vector = np.zeros((1, 16), np.float32)
    vector[0, 3] = 1
    np.save("plain.npy", vector)
    words = ("sweep", network, "plain.npy", "--seeds", 0, "--alphas", "-2,0,2")
    assert "--space z or --space w" in one_line(run(*words), 65)
    assert run(*words, "--space", "w", "--motion", "absolute").exit_code == 0
    one = replace(load_boundary("plain.npy", space="w"), motion="absolute")
    grid = steerx.sweep(steerx.load(network), seeds=[0], directions=one, alphas=[-2, 0, 2])
    assert np.array_equal(pixels("out/plain_seed0000.png"), np.asarray(grid.strip()))
    line = one_line(run("sweep", network, sefa, "--motion", "absolute", "-o", "two"), 2)
    assert "distance in z or w" in line
    G = steerx.load(network)
    np.save("wp.npy", G.codes(seeds=[0]).numpy())
    words = ("sweep", network, "m_smile_w_boundary.npy", "--codes", "wp.npy", "-o", "two")
    np.save("m_smile_w_boundary.npy", vector)
    assert "leave out --motion absolute" in one_line(run(*words, "--motion", "absolute"), 2)
    assert not Path("two").exists()


def test_one_edit_along_several_directions(run: Run, network: Path, sefa: Path) -> None:
    words = ("sweep", network, sefa, "--seeds", 4, "--alphas", "0,1")
    result = run(*words, "--together", "sefa0=2, sefa2=-1.5")
    assert result.exit_code == 0, result.output
    G, D = steerx.load(network), Directions.load(sefa)[["sefa0", "sefa2"]]
    moved = steerx.edit(G.codes(seeds=[4]), D, alpha=[2, -1.5])
    wanted = G.renderer.render(G.styles(moved), out="uint8")[0].numpy()
    found = pixels("out/sefa0=2_sefa2=-1.5_seed0004.png")
    assert np.abs(found[2:18, 20:36].astype(int) - wanted).max() <= 1
    for text, said in (
        ("sefa0", "NAME=ALPHA"),
        ("sefa0=x", "could not convert"),
        ("sefa=1", "did you mean"),
        ("sefa0=1,sefa0=-1", "cancel"),
        ("0-1=1", "2 directions"),
    ):
        assert said in one_line(run(*words, "--together", text, "-o", "two"), 2)
    assert not Path("two").exists()


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
