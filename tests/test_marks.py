"""Markers of scores that are none, through every door they take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import steerx
from steerx import InterFaceGAN, Scores, correlate
from steerx._marks import marked


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("marker", [-99.9, -1.0, 1e30, float("inf"), float("nan")])
def test_a_marker_is_known_in_every_rounding(marker: float, dtype: torch.dtype) -> None:
    if marker == 1e30 and dtype == torch.float16:
        pytest.skip("float16 does not hold it")
    scores = torch.tensor([0.5, marker, -3.0], dtype=dtype)
    for found in (marked(scores, marker), marked(scores.double(), marker)):
        assert found.tolist() == [False, True, False]
    assert marked(scores, None).tolist() == [False] * 3


def test_1e30_marks_no_infinity() -> None:
    assert not marked(torch.tensor([float("inf")]), 1e30).any()


@pytest.mark.parametrize("solver", ["svm", "ridge", "mean"])
def test_codes_without_a_score_train_nothing(solver: str) -> None:
    torch.manual_seed(0)
    w = torch.randn(800, 8)
    scores = w[:, 0].clone()
    scores[::20] = -99.9  # in float32, as a scorer returns it
    method = InterFaceGAN(0.1, solver=solver, invalid=-99.9).fit(w, scores)  # type: ignore[arg-type]
    assert method.n_class_ == (76,)  # a tenth of the 760 that have one
    assert float(method.directions_.vectors[0, 0]) > 0.9


def test_the_marker_survives_a_file_and_a_scoring(tmp_path: Path) -> None:
    def scorer(images: torch.Tensor) -> torch.Tensor:
        scores = images.mean((1, 2, 3))
        return torch.where(torch.arange(len(scores)) % 4 == 0, -99.9, scores)[:, None]

    G = steerx.load("faces")
    seen = steerx.score(G, scorer, seeds="0-15", batch=16, invalid=-99.9)
    Scores(seen, ("brightness",), tuple(range(16))).save(tmp_path / "s.csv")
    loaded = Scores.load(tmp_path / "s.csv", invalid=-99.9)
    assert int(marked(loaded.values, -99.9).sum()) == 4
    assert correlate(loaded.values.numpy(), names=["brightness"], invalid=-99.9).dropped == 4
    assert np.isclose(loaded.values[0, 0], -99.9)
