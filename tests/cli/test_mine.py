from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import steerx
from steerx import faces
from steerx.directions import Directions
from tests.cli.commands import Run, one_line, tiny_network


def test_sefa(run: Run, network: Path) -> None:
    words = ("-k", 4, "--layers", "0-3", "--to-rgb", "none", "-o", "here/smile.safetensors")
    result = run("mine", "sefa", network, *words)
    assert result.exit_code == 0, result.output
    assert "sefa3" in result.stdout and "eigenvalue" in result.stdout
    found = Directions.load("here/smile.safetensors")
    wanted = steerx.SeFa("0-3", 4, to_rgb="none").fit(steerx.load(network)).directions_
    assert torch.equal(found.vectors, wanted.vectors)
    assert found.layers == ((0, 1, 2, 3),) * 4


def test_ganspace(run: Run, network: Path) -> None:
    result = run("mine", "ganspace", network, "-k", 3, "-n", 500, "--seed", 7)
    assert result.exit_code == 0, result.output
    assert "sigma" in result.stdout
    found = Directions.load("ganspace.safetensors")
    wanted = steerx.GANSpace(3, n=500, seed=7).fit(steerx.load(network)).directions_
    assert torch.equal(found.vectors, wanted.vectors)


def test_interfacegan_by_truth(run: Run, network: Path) -> None:
    words = ("--scorer", "truth", "--samples", 400, "--attributes", "age,smile", "--ratio", 0.1)
    result = run("mine", "interfacegan", network, *words)
    assert result.exit_code == 0, result.output
    assert "validation accuracy" in result.stdout
    assert Directions.load("interfacegan.safetensors").names == ("age", "smile")


def test_interfacegan_by_the_scorer_of_pictures(
    run: Run, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "scorer", lambda: faces.Scorer().eval())
    words = ("--scorer", "faces", "--samples", 60, "--solver", "mean", "--ratio", 0.2)
    result = run("mine", "interfacegan", network, *words, "--trunc", 0.5)
    assert result.exit_code == 0, result.output
    found = Directions.load("interfacegan.safetensors")
    assert found.names == faces.FACTORS
    assert found.truncation == (0.5, None)


@pytest.mark.parametrize("form", ["csv", "npy"])
def test_interfacegan_by_scores(run: Run, network: Path, form: str) -> None:
    values = np.random.RandomState(0).randn(90, 2)
    if form == "npy":
        np.save("scores.npy", values)
        seeds = range(90)
    else:
        seeds = range(10, 100)
        rows = [f"{s},{a},{b}" for s, (a, b) in zip(seeds, values.tolist(), strict=True)]
        Path("scores.csv").write_text("\n".join(["seed,one,two", *rows]))
    words = ("--scores", f"scores.{form}", "--solver", "ridge", "--ratio", 0.2)
    result = run("mine", "interfacegan", network, *words)
    assert result.exit_code == 0, result.output
    codes = steerx.load(network).codes(seeds=seeds, space="w")
    wanted = steerx.InterFaceGAN(0.2, solver="ridge").fit(codes, values).directions_
    found = Directions.load("interfacegan.safetensors")
    assert torch.equal(found.vectors, wanted.vectors)
    assert found.names == (("one", "two") if form == "csv" else ("attribute0", "attribute1"))


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.csv", "seed,smile\n0,x\n", 65),
        ("a.csv", "seed,smile\n0\n", 65),
        ("a.csv", "seed,smile\n0.5,1\n", 65),
        ("a.csv", "seed,smile\nnan,1\n", 65),
        ("a.csv", "seed\n0\n", 65),
        ("a.csv", "smile\n", 65),
        ("a.npy", "not an array", 65),
        ("a.txt", "1", 65),
        ("a.csv", "smile\n1\n1\n1\n1\n1\n", 1),
    ],
)
def test_refused_scores(run: Run, network: Path, name: str, text: str, code: int) -> None:
    Path(name).write_text(text)
    one_line(run("mine", "interfacegan", network, "--scores", name), code)
    assert not Path("interfacegan.safetensors").exists()


def test_pickled_scores_are_refused(run: Run, network: Path) -> None:
    np.save("a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    one_line(run("mine", "interfacegan", network, "--scores", "a.npy"), 65)


def test_scores_that_do_not_fit(run: Run, network: Path) -> None:
    np.save("a.npy", np.arange(20.0))
    words = ("mine", "interfacegan", network, "--scores", "a.npy")
    assert "20" in one_line(run(*words, "--seeds", "0-9"), 2)
    assert "no attribute 'smile'" in one_line(run(*words, "--attributes", "smile"), 2)
    one_line(run("mine", "interfacegan", network), 2)
    one_line(run("mine", "interfacegan", network, "--scores", "b.npy"), 74)


def test_layers_out_of_range_name_the_remedy(run: Run, network: Path) -> None:
    for method in ("sefa", "ganspace"):
        line = one_line(run("mine", method, network, "--layers", "0-50"), 2)
        assert "w slots 0-5" in line and '"all"' in line


def test_more_directions_than_there_are(run: Run, network: Path) -> None:
    assert "1 to 16" in one_line(run("mine", "sefa", network, "-k", 17), 1)


def test_output_is_checked_first(run: Run, network: Path) -> None:
    one_line(run("mine", "sefa", network, "-o", "a.npy"), 2)
    Path("a.safetensors").write_bytes(b"mine")
    assert "--force" in one_line(run("mine", "sefa", network, "-o", "a.safetensors"), 74)
    assert Path("a.safetensors").read_bytes() == b"mine"
    assert run("mine", "sefa", network, "-o", "a.safetensors", "--force").exit_code == 0


def test_a_warning_is_one_line(run: Run, network: Path) -> None:
    np.save("a.npy", np.random.RandomState(0).randn(60))
    result = run("mine", "interfacegan", network, "--scores", "a.npy", "--ratio", 0.1)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: InterFaceGAN") and result.stderr.count("\n") == 1


def test_a_class_is_remembered(run: Run, tmp_path: Path) -> None:
    conditional = tiny_network(tmp_path / "conditional.safetensors", seed=2, c_dim=3)
    words = ("mine", "ganspace", conditional, "-k", 2, "-n", 100, "--class", 1)
    assert run(*words).exit_code == 0
    assert Directions.load("ganspace.safetensors").label == 1
