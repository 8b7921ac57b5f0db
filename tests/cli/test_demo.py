from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from steerx.cli import demo, demo_pictures
from steerx.directions import Directions
from tests.cli.commands import Run, one_line


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SAMPLES", 300)
    monkeypatch.setattr(demo, "SEEDS", (7, 8, 5))
    monkeypatch.setattr(demo, "K", 2)
    monkeypatch.setattr(demo, "CODES", 1000)
    monkeypatch.setattr(demo_pictures, "STEPS", 6)


def test_directions_pictures_and_a_page(run: Run, network: Path) -> None:
    told = run("demo", "--network", network, "--out", "out/demo", "--dry-run")
    assert told.exit_code == 0 and "26 files" in told.stdout and list(Path().iterdir()) == []
    result = run("demo", "--network", network, "--out", "out/demo")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "=> open out/demo/index.html"
    folder = Path("out/demo")
    counts = {"sefa": 2, "ganspace": 2, "interfacegan": 11, "conditions": 2}
    for method, count in counts.items():
        assert len(Directions.load(folder / f"{method}.safetensors")) == count
        assert len(list(folder.glob(f"{method}_*.png"))) == count
    assert len(list(folder.iterdir())) == 26
    with Image.open(folder / "moving.webp") as film:
        assert film.n_frames > 12 and film.info["loop"] == 0
    with Image.open(folder / "strip.png") as strip:
        assert strip.width > 2 * strip.height
    page = (folder / "index.html").read_text()
    for method in ("SeFa", "GANSpace", "InterFaceGAN"):
        assert f"<h2>{method}</h2>" in page
    # It replaces its own folder only.
    (folder / "notes.txt").write_text("mine")
    assert "notes.txt" in one_line(run("demo", "--network", network, "--out", folder), 74)
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()
    again = run("demo", "--network", network, "--out", folder)
    assert again.exit_code == 0, again.output
    assert (folder / "index.html").read_text() == page


def test_a_refused_network_leaves_nothing(run: Run) -> None:
    one_line(run("demo", "--network", "nothing.pkl", "--out", "out/demo"), 74)
    assert list(Path().iterdir()) == []
