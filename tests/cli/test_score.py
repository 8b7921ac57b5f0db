from __future__ import annotations

import errno
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

import steerx
from steerx import faces
from steerx.cli.app import app
from steerx.scoring import Scores
from tests.cli.commands import Run, one_line, opened
from tests.scoring.disks import fails

CODE = """
import torch

def shine(images):
    return torch.stack((images.mean((1, 2, 3)), images.amax((1, 2, 3))), dim=1)

def named(images):
    return shine(images)

named.names = ["brightness", "peak"]

class Peak(torch.nn.Module):
    names = "peak"
    def forward(self, images):
        assert not self.training
        return images.amax((1, 2, 3))

seen = 0

def stopping(images):
    global seen
    if seen >= 4:
        raise KeyboardInterrupt
    seen += len(images)
    return shine(images)

def nan(images):
    return torch.where(torch.arange(len(images)) == 1, torch.nan, images.mean((1, 2, 3)))

def wrong(images):
    return images

def broken(images):
    raise LookupError("no face")

class Failing:
    def __init__(self):
        raise OSError("no weights")

def odd(images):
    return shine(images)

odd.names = ["id", "peak"]
number = 3
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(CODE)
    return file


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    return lambda *words: CliRunner().invoke(app, ["score", *map(str, words)])


def shine(images: torch.Tensor) -> torch.Tensor:
    return torch.stack((images.mean((1, 2, 3)), images.amax((1, 2, 3))), dim=1)


def test_scores_of_code_of_ones_own(run: Run, network: Path, code: Path) -> None:
    words = ("--seeds", "3,5-9", "--trunc", 0.7, "--batch", 4, "--scorer", "mine.py:named")
    result = run(network, *words, "-o", "out/a.csv")
    assert result.exit_code == 0, result.output
    assert "6 pictures scored in out/a.csv" in result.stdout and "brightness" in result.stdout
    found = Scores.load("out/a.csv")
    assert found.names == ("brightness", "peak") and found.seeds == (3, 5, 6, 7, 8, 9)
    wanted = steerx.score(opened(network), shine, seeds="3,5-9", psi=0.7, batch=4)
    assert torch.equal(found.values, wanted.double())
    assert sorted(os.listdir("out")) == ["a.csv", "a.job.yaml"]
    again = run("--job", "out/a.job.yaml", "-o", "b.csv")
    assert again.exit_code == 0, again.output
    assert Path("b.csv").read_bytes() == Path("out/a.csv").read_bytes()


@pytest.mark.parametrize(
    ("scorer", "names"),
    [("mine.py:shine", ("attribute0", "attribute1")), ("mine.py:Peak", ("peak",))],
)
def test_scorers_say_their_names_or_have_none(run: Run, network, code, scorer, names) -> None:
    assert run(network, "--seeds", "0-2", "--scorer", scorer).exit_code == 0
    assert Scores.load("scores.csv").names == names


def test_a_module_by_name(run: Run, network: Path, tmp_path: Path) -> None:
    (tmp_path / "scorer_of_this_test.py").write_text(CODE)
    result = run(network, "--seeds", "0-2", "--scorer", "scorer_of_this_test:named", "-o", "a.npy")
    assert result.exit_code == 0, result.output
    assert np.load("a.npy").shape == (3, 2)


def test_the_scorer_of_faces_and_truth(run: Run, network: Path, monkeypatch) -> None:
    monkeypatch.setattr(faces, "scorer", lambda: faces.Scorer().eval())
    for scorer in ("faces", "truth"):
        result = run(network, "--seeds", "0-2", "--scorer", scorer, "--force")
        assert result.exit_code == 0, result.output
        assert "another network" in result.stderr
        found = Scores.load("scores.csv")
        assert found.names == faces.FACTORS and found.seeds == (0, 1, 2)
    z = steerx.load(network).codes(seeds="0-2", space="z")
    assert torch.equal(found.values, faces.factors(z).double())


def test_codes_of_a_file(run: Run, network: Path, code: Path) -> None:
    G = opened(network)
    w = G.codes(seeds="0-4", space="w")
    np.save("w.npy", w.numpy())
    words = (network, "--codes", "w.npy", "--scorer", "mine.py:named")
    assert run(*words, "--space", "w", "--trunc", 0.5).exit_code == 0
    found = Scores.load("scores.csv")
    assert found.seeds is None
    wanted = steerx.score(G, shine, codes=w, space="w", psi=0.5)
    assert torch.equal(found.values, wanted.double())
    result = run(*words, "--space", "w", "--dtype", "float64", "-o", "double.csv")
    assert result.exit_code == 0, result.output
    assert "seeds only" in one_line(run(*words, "--scorer", "truth", "-o", "b.csv"), 2)
    np.savez("w.npz", w=w.numpy())
    save_file({"w": w}, "w.safetensors")
    for name in ("w.npz", "w.safetensors"):
        again = (
            network,
            "--codes",
            name,
            "--scorer",
            "mine.py:named",
            "--space",
            "w",
            "--trunc",
            0.5,
        )
        assert run(*again, "-o", "again.csv", "--force").exit_code == 0
        assert torch.equal(Scores.load("again.csv").values, found.values)
    np.save("w.npy", np.arange(3))
    assert "w.npy holds no codes" in one_line(run(*words, "--space", "w", "-o", "b.csv"), 65)


def test_an_interrupted_run_goes_on(run: Run, network: Path, code: Path) -> None:
    words = (network, "--seeds", "0-6", "--batch", 2, "--scorer", "mine.py:stopping", "-o", "a.csv")
    line = one_line(run(*words), 130)
    assert line.endswith("4 of 7 are kept in a.csv.part; the same command goes on")
    assert sorted(os.listdir()) == ["a.csv.part", "a.job.yaml", "mine.py"]
    other = one_line(run(*words, "--trunc", 0.5), 1)
    assert "belongs to another scoring: psi was 1.0, is 0.5" in other
    code.write_text(CODE.replace("seen >= 4", "False"))
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert result.stderr == "resuming: 4 of 7 are scored\n"
    assert sorted(os.listdir()) == ["a.csv", "a.job.yaml", "mine.py"]
    wanted = steerx.score(opened(network), shine, seeds="0-6", batch=2)
    assert torch.equal(Scores.load("a.csv").values, wanted.double())


def test_invalid_scores(run: Run, network: Path, code: Path) -> None:
    words = (network, "--seeds", "0-2", "--scorer", "mine.py:nan")
    assert "(seed 1); 0 of 3" in one_line(run(*words), 1)
    result = run(*words, "--invalid", "nan")
    assert result.exit_code == 0, result.output
    assert Scores.load("scores.csv", invalid=math.nan).values.isnan().sum() == 1


@pytest.mark.parametrize(
    ("scorer", "status", "words"),
    [
        ("mine.py", 2, "must be faces, truth, module:function or file.py:function, got 'mine.py'"),
        ("mine.py:", 2, "must be faces"),
        ("other.py:f", 2, "there is no file other.py"),
        ("nothing_like_it:f", 2, "no module 'nothing_like_it' here or installed"),
        ("json.nothing:f", 2, "no module 'json.nothing'"),
        ("a-b:f", 2, "'a-b' is neither a module nor a .py file"),
        ("mine.py:shin", 2, "there is no 'shin' in it; did you mean 'shine'?"),
        ("mine.py:xyz", 2, "there is no 'xyz' in it; it has shine, named, Peak"),
        ("mine.py:number", 2, "number is no function but int"),
        ("mine.py:odd", 2, "its .names are refused: 'id' names images"),
        ("mine.py:Failing", 1, "Failing() fails with OSError: no weights"),
        ("syntax.py:f", 1, "syntax.py fails with SyntaxError"),
        ("leaving.py:f", 1, "leaving.py fails with SystemExit: 3"),
        ("missing.py:f", 1, "fails with ModuleNotFoundError: No module named 'not_there'"),
        ("mine.py:wrong", 1, "must return a tensor [N, A'] or [N] with N = 3, got [3, 3, 16, 16]"),
        ("mine.py:broken", 1, "the scorer raised LookupError: no face (seeds 0-2)"),
    ],
)
def test_what_is_wrong_with_a_scorer_is_said(
    run: Run, network, code, scorer, status, words
) -> None:
    Path("syntax.py").write_text("def f(:\n")
    Path("leaving.py").write_text("raise SystemExit(3)\n")
    Path("missing.py").write_text("import not_there\n")
    assert words in one_line(run(network, "--seeds", "0-2", "--scorer", scorer), status)
    assert not Path("scores.csv").exists() and not Path("scores.csv.part").exists()


def test_dry_run_writes_nothing(run: Run, network: Path, code: Path) -> None:
    for scorer in ("mine.py:named", "truth"):
        result = run(network, "--seeds", "0-99", "--scorer", scorer, "--dry-run", "-o", "out/a.csv")
        assert result.exit_code == 0, result.output
        assert "would write to out/a.csv" in result.stdout
    assert os.listdir() == ["mine.py"]


def test_files_are_not_replaced_unasked(run: Run, network: Path, code: Path) -> None:
    Path("scores.csv").write_text("mine")
    words = (network, "--seeds", "0-2", "--scorer", "mine.py:named")
    assert "--force" in one_line(run(*words), 74)
    assert Path("scores.csv").read_text() == "mine"
    assert run(*words, "--force").exit_code == 0
    assert "end in .csv or .npy" in one_line(run(*words, "-o", "a.txt"), 2)


def test_a_full_disk(run: Run, network: Path, code: Path, monkeypatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    words = (network, "--seeds", "0-2", "--scorer", "mine.py:named")
    with monkeypatch.context() as patch:
        fails(patch, Path("scores.csv.part"), "write", errno.ENOSPC, after=2)
        line = one_line(run(*words, "--batch", 1), 74)
    assert "cannot write scores.csv.part: the disk of" in line and "(1 images are kept)" in line
    assert not Path("scores.csv").exists()
    with monkeypatch.context() as patch:
        patch.setattr("steerx.scoring.scores.write_table", full)
        line = one_line(run(*words), 74)
    assert "the disk of" in line and "scores.csv" in line
    assert not Path("scores.csv").exists()
    result = run(*words)
    assert result.exit_code == 0 and "resuming: 3 of 3 are scored" in result.stderr


def test_an_unwritable_folder(run: Run, network: Path, code: Path, monkeypatch) -> None:
    monkeypatch.setattr("steerx.cli.writing.os.access", lambda *_: False)
    words = (network, "--seeds", "0-2", "--scorer", "mine.py:named", "-o", "there/a.csv")
    assert "may not be written; choose another one" in one_line(run(*words), 74)
    assert not Path("there").exists()


def test_processes_change_no_byte(run: Run, network: Path, code: Path) -> None:
    words = (network, "--seeds", "0-9", "--batch", 2, "--scorer", "mine.py:named")
    for processes in (1, 2):
        result = run(*words, "--processes", processes, "-o", f"{processes}.csv")
        assert result.exit_code == 0, result.output
    assert Path("1.csv").read_bytes() == Path("2.csv").read_bytes()
    again = run("--job", "2.job.yaml", "-o", "again.csv")
    assert again.exit_code == 0, again.output
    assert Path("again.csv").read_bytes() == Path("2.csv").read_bytes()
    assert "--processes N" in one_line(run(*words, "--ray", "auto"), 2)
