"""`steerx project`: pictures to codes, to edits of them, and to a tuned network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import steerx
from steerx.generators.codes_file import read_saved, save_codes
from steerx.projecting import journal
from tests.cli.commands import Run, one_line, tiny_network


@pytest.fixture
def drawn(run: Run) -> tuple[str, str]:
    """Two picture files of other sizes than the network's."""
    for name, seed, size in (("a.png", 0, (40, 40)), ("b.jpg", 1, (64, 48))):
        z = steerx.load("faces").codes(seeds=seed, space="z")
        image = steerx.faces.draw(z, resolution=64)[0]
        pixels = ((image.permute(1, 2, 0) + 1) * 127.5).to(torch.uint8).numpy()
        Image.fromarray(pixels).resize(size).save(name)
    return "a.png", "b.jpg"


def test_picture_code_edit_picture(run: Run, network: Path, sefa: Path, drawn) -> None:
    words = ("project", network, *drawn, "--steps", 20, "--show", "shown", "--scale", 2)
    result = run(*words, "--out", "codes.safetensors")
    assert result.exit_code == 0, result.output
    assert "2 codes (w_plus) in codes.safetensors; mean absolute error" in result.stdout
    saved, G = read_saved("codes.safetensors"), steerx.load(network)
    assert saved.space == "w_plus" and saved.facts == {
        "model_id": G.model_id, "pictures": ["a.png", "b.jpg"]
    }  # fmt: skip
    assert not Path("codes.safetensors.part").exists()
    job = yaml.safe_load(Path("codes.job.yaml").read_text())
    assert job["command"] == "project" and job["arguments"]["pictures"] == list(drawn)
    shown = np.asarray(Image.open("shown/projected0001.png"))
    assert shown.shape == (36, 70, 3)
    edited = run("edit", network, sefa, "--codes", "codes.safetensors", "-a", "sefa0=0")
    assert edited.exit_code == 0, edited.output
    picture = np.asarray(Image.open("out/edited0001.png"))
    assert np.array_equal(picture, shown[2:34:2, 36:68:2])  # the code is what was found
    assert isinstance(saved.codes, torch.Tensor)
    expected = G.renderer.render(G.styles(saved.codes), out="uint8").numpy()
    assert np.array_equal(picture, expected[1])


def test_a_folder_is_its_pictures_by_name(run: Run, network: Path, sefa: Path, drawn) -> None:
    Path("pictures").mkdir()
    for name in drawn:
        Path(name).rename(Path("pictures") / name.upper())
    Path("pictures/notes.txt").write_text("no picture")
    assert (
        run("project", network, "pictures", "--steps", 2, "-o", "codes.safetensors").exit_code == 0
    )
    assert read_saved("codes.safetensors").facts["pictures"] == ["A.PNG", "B.JPG"]
    made = run(
        "augment", "run", network, sefa, "--codes", "codes.safetensors", "--alpha", "uniform:-2,2",
        "--outdir", "set",
    )  # fmt: skip
    assert made.exit_code == 0 and Path("set/_SUCCESS").exists(), made.output
    Path("empty").mkdir()
    line = one_line(run("project", network, "empty"), 2)
    assert "empty has no pictures (.bmp, .jpeg, .jpg, .png, .webp) in it" in line


def test_pictures_are_cut_to_their_middle(run: Run, network: Path, monkeypatch) -> None:
    pixels = np.zeros((16, 48, 3), np.uint8)
    pixels[:, 16:32] = 255
    Image.fromarray(pixels).save("wide.png")
    seen = []
    real = steerx.project
    monkeypatch.setattr(
        "steerx.projecting.project", lambda G, y, **way: seen.append(y) or real(G, y, **way)
    )
    assert run("project", network, "wide.png", "--steps", 1).exit_code == 0
    assert torch.equal(seen[0], torch.ones(1, 3, 16, 16))


def test_w_features_and_a_class(run: Run, drawn) -> None:
    tiny_network(Path("c.safetensors"), seed=0, c_dim=3)
    Path("mine.py").write_text("def seen(images):\n    return images.mean((2, 3))\n")
    words = ("project", "c.safetensors", "a.png", "--space", "w", "--steps", 3, "--pixels", 0)
    words = (*words, "--features", "mine.py:seen", "-o", "w.safetensors")
    assert "--class" in one_line(run(*words), 2)
    result = run(*words, "--class", 2)
    assert result.exit_code == 0, result.output
    saved = read_saved("w.safetensors")
    assert saved.space == "w" and saved.facts["label"] == 2
    assert run("mine", "sefa", "c.safetensors", "-k", 1, "-o", "d.safetensors").exit_code == 0
    edit = ("edit", "c.safetensors", "d.safetensors", "-a", 1, "--codes", "w.safetensors")
    assert run(*edit).exit_code == 0


def test_a_tuned_network_takes_the_codes(run: Run, network: Path, drawn) -> None:
    words = ("project", network, *drawn, "--space", "w", "--steps", 10, "--tune", "t.safetensors")
    result = run(*words, "--tune-steps", 30, "--tune-rate", 0.01)
    assert result.exit_code == 0, result.output
    assert "the tuned network in t.safetensors" in result.stdout
    saved, tuned, G = (
        read_saved("codes.safetensors"),
        steerx.load("t.safetensors"),
        steerx.load(network),
    )
    assert saved.facts["model_id"] == tuned.model_id != G.model_id
    assert sorted(p.name for p in Path.cwd().glob("*.part")) == []
    assert run("mine", "sefa", "t.safetensors", "-k", 1, "-o", "d.safetensors").exit_code == 0
    edit = ("d.safetensors", "-a", 1, "--codes", "codes.safetensors")
    assert run("edit", "t.safetensors", *edit).exit_code == 0
    assert "take codes of this network" in one_line(run("edit", network, *edit), 65)


def test_an_interrupted_run_goes_on(run: Run, network: Path, drawn, monkeypatch) -> None:
    words = ("project", network, *drawn, "--steps", 12)
    assert run(*words, "-o", "whole.safetensors").exit_code == 0
    keep, calls = journal.Journal.keep, []

    def interrupted(self, tensors, **about):
        keep(self, tensors, **about)
        calls.append(about)
        if len(calls) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(journal.Journal, "keep", interrupted)
    line = one_line(run(*words, "-o", "cut.safetensors"), 130)
    assert "are kept in cut.safetensors.part; the same command goes on" in line
    monkeypatch.setattr(journal.Journal, "keep", keep)
    result = run(*words, "-o", "cut.safetensors")
    assert result.exit_code == 0 and "resuming: " in result.stderr
    one, other = read_saved("cut.safetensors"), read_saved("whole.safetensors")
    assert torch.equal(one.codes, other.codes)  # type: ignore[arg-type]
    monkeypatch.setattr(journal.Journal, "keep", interrupted)
    calls.clear()
    one_line(run(*words, "-o", "cut.safetensors", "--force"), 130)
    other_way = run("project", network, *drawn, "--steps", 13, "-o", "cut.safetensors", "--force")
    assert "belongs to another run" in one_line(other_way, 65)


def test_dry_run(run: Run, network: Path, drawn) -> None:
    result = run("project", network, *drawn, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "would write to codes.safetensors: 2 files" in result.stdout
    assert sorted(p.name for p in Path.cwd().iterdir()) == ["a.png", "b.jpg"]


@pytest.mark.parametrize(
    "words, code, said",
    [
        ((), 2, "give picture files, or a folder of them, behind NETWORK"),
        (("none.png",), 74, "none.png"),
        (("text.png",), 65, "text.png is no picture that can be read"),
        (("a.png", "-o", "codes.npy"), 2, "--output must end in .safetensors"),
        (("a.png", "--tune", "t.pt"), 2, "--tune must end in .safetensors"),
        (("a.png", "--tune", "codes.safetensors"), 2, "give two names"),
        (("a.png", "--features", "mine.py"), 2, "--features must be module:function or"),
        (("a.png", "--features", "mine.py:seen"), 2, "there is no file mine.py"),
        (("a.png", "--pixels", "-1"), 2, "pixels must be a weight from 0"),
        (("a.png", "--rate", "nan"), 2, "rate must be a number from 0"),
        (("a.png", "--class", "0"), 2, "has no classes"),
        (("a.png", "-o", "there.safetensors"), 74, "--force"),
    ],
)
def test_wrong_words(run: Run, network: Path, drawn, words, code: int, said: str) -> None:
    Path("text.png").write_text("no picture")
    save_codes("there.safetensors", torch.zeros(1, 3), "w")
    there = sorted(p.name for p in Path.cwd().iterdir())
    assert said in one_line(run("project", network, *words), code)
    assert sorted(p.name for p in Path.cwd().iterdir()) == there
