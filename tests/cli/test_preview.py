"""`--preview`: small pictures of the network's first blocks, said in the job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from steerx.generators import previewed, save
from tests.cli.commands import Run, one_line, opened
from tests.generators.test_stylegan3 import tiny


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_pictures_end_early_and_the_job_says_so(run: Run, network: Path, sefa: Path) -> None:
    G = previewed(opened(network), 8)  # type: ignore[arg-type]
    wanted = G.renderer.render(G.codes(seeds=3, space="styles"), out="uint8").numpy()[0]
    made = {"sample": "seed0003.png", "edit": "edited0003.png", "sweep": "sefa0_seed0003.png"}
    for words in (
        ("sample", network),
        ("edit", network, sefa, "-a", 0),
        ("sweep", network, sefa, "--only", "sefa0", "--alphas", "0", "--report"),
    ):
        name = str(words[0])
        result = run(*words, "--seeds", 3, "--preview", 8, "-o", name)
        assert result.exit_code == 0, result.output
        assert "of 8 px" in result.stdout and "note:" not in result.stderr
        found = pixels(f"{name}/{made[name]}")
        assert np.abs(found.astype(int) - wanted).max() <= 1 if name != "sweep" else found.size
        job = yaml.safe_load(Path(f"{name}/job.yaml").read_text())
        assert job["arguments"]["preview"] == 8
        assert run(name, "--job", f"{name}/job.yaml", "-o", "again", "--force").exit_code == 0
        assert np.array_equal(pixels(f"again/{made[name]}"), found)
    assert run("report", "sweep").exit_code == 0
    page, own = (Path(file).read_text() for file in ("report.html", "sweep/index.html"))
    first = [text.split('src="')[1].split('"')[0] for text in (page, own)]
    assert first[0] == first[1]


def test_directions_that_no_preview_shows_are_told(run: Run, network: Path) -> None:
    words = ("mine", "sefa", network, "-k", 1, "--layers", "4-5", "-o", "late.safetensors")
    assert run(*words).exit_code == 0
    words = (network, "late.safetensors", "--seeds", 1, "--preview", 8)
    for command in (("sweep",), ("edit", "-a", "1")):
        result = run(*command, *words, "-o", command[0])
        assert result.exit_code == 0, result.output
        assert result.stderr.startswith("note: sefa0: moves only layers behind --preview 8")


@pytest.mark.parametrize("side", [5, 32])
def test_other_sides_and_families_are_refused(run: Run, network: Path, side: int) -> None:
    line = one_line(run("sample", network, "--preview", side), 2)
    assert "--preview" in line and "4, 8, 16" in line
    save(tiny(), "waves.safetensors")
    assert "stylegan3" in one_line(run("sample", "waves.safetensors", "--preview", 8), 2)
    assert not Path("out").exists()
