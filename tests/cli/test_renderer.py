"""`--renderer`: the fast one where it serves, told in the job, and the plain one for jobs that tell none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import steerx
from steerx.cli import jobs
from steerx.cli.swept import swept
from steerx.generators import save
from steerx.generators.renderers import fastest
from steerx.ops import _epilogue
from tests.cli.commands import Run, one_line
from tests.generators.test_stylegan3 import tiny


def pixels(folder: str) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(Path(folder).glob("*.png"))])


def told(file: str) -> dict[str, object]:
    arguments: dict[str, object] = yaml.safe_load(Path(file).read_text())["arguments"]
    return arguments


def without(file: str, *keys: str) -> Path:
    """The job as a steerx wrote it that had not these arguments."""
    job = yaml.safe_load(Path(file).read_text())
    job["arguments"] = {k: v for k, v in job["arguments"].items() if k not in keys}
    Path("old.yaml").write_text(yaml.safe_dump(job))
    return Path("old.yaml")


def rendered(renderer: str, dtype: torch.dtype = torch.float32) -> np.ndarray:
    G = steerx.load("faces", renderer=renderer, dtype=dtype)  # type: ignore[arg-type]
    images = G.renderer.render(G.codes(seeds="0-2", space="styles", psi=0.7), out="uint8")
    return np.asarray(images)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_auto_is_the_fast_one_and_the_job_says_so(run: Run, dtype: str) -> None:
    words = ("sample", "faces", "--seeds", "0-2", "--trunc", 0.7, "--dtype", dtype)
    name = fastest(steerx.load("faces"))
    for renderer, folder in ((name, "auto"), ("plain", "plain")):
        asked = () if folder == "auto" else ("--renderer", renderer)
        result = run(*words, *asked, "-o", folder)
        assert result.exit_code == 0, result.output
        assert told(f"{folder}/job.yaml")["renderer"] == renderer
        assert np.array_equal(pixels(folder), rendered(renderer, getattr(torch, dtype)))
        assert run("sample", "--job", f"{folder}/job.yaml", "-o", "again", "--force").exit_code == 0
        assert np.array_equal(pixels("again"), pixels(folder))
        assert told("again/job.yaml")["renderer"] == renderer
    if name == "native" and dtype == "float32":
        apart = np.abs(pixels("auto").astype(int) - pixels("plain"))
        assert apart.max() <= 1 and (apart > 0).mean() <= 1e-3


def test_a_job_that_tells_no_renderer_is_the_plain_ones(run: Run) -> None:
    words = ("--seeds", "0-2", "--trunc", 0.7, "--dtype", "bfloat16")
    assert run("sample", "faces", *words, "-o", "new").exit_code == 0
    old = without("new/job.yaml", "renderer")
    assert run("sample", "--job", old, "-o", "old").exit_code == 0
    assert np.array_equal(pixels("old"), rendered("plain", torch.bfloat16))
    assert told("old/job.yaml")["renderer"] == "plain"
    assert run("sample", "--job", old, "--renderer", "native", "-o", "typed").exit_code == 0
    assert np.array_equal(pixels("typed"), rendered("native", torch.bfloat16))


def test_every_rendering_command_keeps_it(run: Run, network: Path, sefa: Path) -> None:
    name = fastest(steerx.load(network))
    Path("bright.py").write_text("def bright(images):\n    return images.mean((1, 2, 3))\n")
    for words, job in (
        (("edit", network, sefa, "-a", 1, "--seeds", 1, "-o", "edit"), "edit/job.yaml"),
        (("walk", network, sefa, "--frames", 4, "--seeds", 1), "walk.job.yaml"),
        (("score", network, "--scorer", "bright.py:bright", "--seeds", "0-3"), "scores.job.yaml"),
        (("report", network, sefa, "--seeds", 1), "report.job.yaml"),
    ):
        for asked, wanted in (((), name), (("--renderer", "plain", "--force"), "plain")):
            result = run(*words, *asked)
            assert result.exit_code == 0, result.output
            assert told(job)["renderer"] == wanted
        assert run(words[0], "--job", without(job, "renderer"), "--force").exit_code == 0
        assert told(job)["renderer"] == "plain"


def test_a_page_repeats_the_renderer_of_its_sweep(run: Run, network: Path, sefa: Path) -> None:
    words = ("sweep", network, sefa, "--seeds", 1, "--alphas", "0,1", "--dtype", "bfloat16")
    assert run(*words, "-o", "swept").exit_code == 0
    name = fastest(steerx.load(network))
    file = Path("swept/job.yaml")
    grid = swept(jobs.read(file), file, device="cpu", batch=None)
    assert grid.G.renderer.name == name and grid.G.renderer.dtype == torch.bfloat16  # type: ignore[attr-defined]
    other = swept(
        jobs.read(file), file, device="cpu", batch=None, renderer="plain", dtype="float32"
    )
    assert other.G.renderer.name == "plain" and other.G.renderer.dtype is None  # type: ignore[attr-defined]
    old = without("swept/job.yaml", "renderer")
    grid = swept(jobs.read(old), old, device="cpu", batch=None)
    assert grid.G.renderer.name == "plain"
    for asked, wanted in (((), name), (("--renderer", "plain", "--force"), "plain")):
        result = run("report", "swept", *asked)
        assert result.exit_code == 0, result.output
        assert told("report.job.yaml")["renderer"] == wanted
    Path("bad.yaml").write_text(file.read_text().replace(f"renderer: {name}", "renderer: quick"))
    assert "quick" in one_line(run("report", "bad.yaml", "--force"), 2)


def test_auto_is_plain_where_no_other_serves(
    run: Run, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tiny(), "waves.safetensors")
    assert run("sample", "waves.safetensors", "--seeds", 1, "-o", "waves").exit_code == 0
    assert told("waves/job.yaml")["renderer"] == "plain"
    refused = run("sample", "waves.safetensors", "--seeds", 1, "--renderer", "native", "-o", "none")
    line = one_line(refused, 2)
    assert "--renderer" in line and "stylegan3" in line and not Path("none").exists()
    assert fastest(steerx.load(network, dtype=torch.float64)) == "plain"
    monkeypatch.setattr(_epilogue, "built", lambda: False)
    assert fastest(steerx.load(network)) == "plain"
