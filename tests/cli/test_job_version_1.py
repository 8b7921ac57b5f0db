"""The promise: jobs of version 1, as steerx 0.1.0 wrote them, are repeated for ever. Do not write them anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import steerx
from tests.cli.commands import Run, one_line

MADE_BY = """made_by:
  steerx: 0.1.0
  model: 4f6690c494af7a394af67a80923e724a8a9d8195e63e98e1fe4b84a22ae7bfce
"""
SAMPLE = """steerx_job: 1
command: sample
arguments:
  network: faces
  seeds: 0-1
  trunc: 0.7
  noise_mode: const
  outdir: one
  grid: false
  scale: 1
  device: cpu
  dtype: float32
"""
SEFA = """steerx_job: 1
command: mine sefa
arguments:
  network: faces
  k: 2
  layers: 0-3
  per_layer: false
  output: sefa.safetensors
"""
GANSPACE = """steerx_job: 1
command: mine ganspace
arguments:
  network: faces
  k: 2
  n: 500
  layers: all
  seed: 0
  batch: 10000
  output: pca.safetensors
  device: cpu
"""
SWEEP = """steerx_job: 1
command: sweep
arguments:
  network: faces
  directions:
  - sefa.safetensors
  seeds: '0'
  alphas: -2,0,2
  trunc: 1.0
  noise_mode: const
  outdir: sw
  order: seed
  report: false
  webp: false
  scale: 1
  any_checkpoint: false
  device: cpu
  dtype: float32
"""
SCORE = """steerx_job: 1
command: score
arguments:
  network: faces
  scorer: faces
  seeds: 0-3
  trunc: 1.0
  noise_mode: const
  output: scores.csv
  device: cpu
  dtype: float32
"""
EDIT = """steerx_job: 1
command: edit
arguments:
  network: faces
  directions:
  - sefa.safetensors
  alpha:
  - '2'
  seeds: '0'
  trunc: 1.0
  noise_mode: const
  outdir: ed
  before: false
  scale: 1
  any_checkpoint: false
  device: cpu
  dtype: float32
"""


def repeated(run: Run, text: str) -> None:
    """Repeat a job as it is, with nothing else on the command line."""
    Path("old.yaml").write_text(text + MADE_BY, encoding="utf-8")
    command = text.splitlines()[1].removeprefix("command: ").split()
    result = run(*command, "--job", "old.yaml")
    assert result.exit_code == 0, result.output
    Path("old.yaml").unlink()


def test_sample_and_the_methods(run: Run) -> None:
    G = steerx.load("faces")
    repeated(run, SAMPLE)
    wanted = G.renderer.render(G.codes(seeds="0-1", space="styles", psi=0.7), out="uint8").numpy()
    found = np.stack([np.asarray(Image.open(f"one/seed000{n}.png")) for n in range(2)])
    assert np.abs(found.astype(int) - wanted).max() <= 1
    repeated(run, SEFA)
    sefa = steerx.Directions.load("sefa.safetensors")
    assert sefa.names == ("sefa0", "sefa1") and sefa.layers == ((0, 1, 2, 3),) * 2
    ours = steerx.SeFa(layers="0-3", k=2).fit(G).directions_
    assert (sefa.vectors - ours.vectors).abs().max() <= 1e-6
    repeated(run, GANSPACE)
    pca = steerx.Directions.load("pca.safetensors")
    ours = steerx.GANSpace(k=2, n=500, seed=0).fit(G).directions_
    assert pca.unit == "sigma" and (pca.scale - ours.scale).abs().max() <= 1e-5


def test_sweep_edit_and_score(run: Run) -> None:
    repeated(run, SEFA)
    repeated(run, SWEEP)
    strip = np.asarray(Image.open("sw/sefa0_seed0000.png"))
    G = steerx.load("faces")
    assert strip.shape[1] >= 3 * G.resolution
    repeated(run, EDIT)
    assert [p.suffix for p in Path("ed").iterdir() if p.suffix == ".png"]
    repeated(run, SCORE)
    scores = steerx.Scores.load("scores.csv")
    assert scores.seeds == (0, 1, 2, 3) and "smile" in scores.names


@pytest.mark.parametrize(
    "old, new, words",
    [("steerx_job: 1", "steerx_job: 2", "steerx_job"), ("  k: 2", "  q: 2", "no argument 'q'")],
)
def test_a_newer_job_is_refused_and_writes_nothing(
    run: Run, old: str, new: str, words: str
) -> None:
    Path("new.yaml").write_text(SEFA.replace(old, new), encoding="utf-8")
    assert words in one_line(run("mine", "sefa", "--job", "new.yaml"), 65)
    assert [p.name for p in Path().iterdir()] == ["new.yaml"]
