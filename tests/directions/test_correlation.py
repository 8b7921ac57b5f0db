"""Correlations of scores, cosines of boundaries and predictions: three things, never one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from steerx.directions import Directions
from steerx.directions.correlation import correlate


def world(count: int = 4000) -> tuple[torch.Tensor, torch.Tensor, Directions]:
    """Codes of a covariance that is not the identity, and scores that are linear in them."""
    codes = torch.randn(count, 5).double() @ torch.randn(5, 5).double()
    vectors = torch.randn(3, 5).double()
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    d = Directions(
        vectors, space="w", names=["smile", "age", "glasses"], covariance=torch.cov(codes.T)
    )
    return codes, codes @ vectors.T, d


def test_three_numbers_side_by_side() -> None:
    _, scores, d = world()
    found = correlate(scores, d)
    assert found.names == d.names and (found.count, found.dropped) == (4000, 0)
    expected = np.corrcoef(scores.numpy().T)
    assert np.abs(found.scores.numpy() - expected).max() <= 1e-9
    assert found.cosines is not None and found.predicted is not None
    assert (found.cosines - d.vectors @ d.vectors.T).abs().max() <= 1e-9
    assert (found.predicted - found.scores).abs().max() <= 1e-9  # linear scores: exactly
    assert (found.cosines - found.scores).abs().max() > 1e-2  # in w the cosine is no prediction


def test_in_z_the_cosine_is_the_prediction() -> None:
    _, scores, d = world()
    d = Directions(d.vectors, space="z", covariance=torch.eye(5).double())
    found = correlate(scores, d)
    assert found.cosines is not None and found.predicted is not None
    assert (found.cosines - found.predicted).abs().max() <= 1e-12


def test_chunks_columns_and_affine_scores_do_not_matter() -> None:
    _, scores, _ = world(1000)
    whole = correlate(scores, names=["a", "b", "c"])
    chunked = correlate((part for part in (scores * 7 + 1e6).split(137)), names=["a", "b", "c"])
    assert (whole.scores - chunked.scores).abs().max() <= 1e-6
    assert whole.cosines is None and whole.predicted is None
    assert (correlate(-scores).scores - whole.scores).abs().max() <= 1e-12
    assert correlate(scores.numpy()).names == ("attribute0", "attribute1", "attribute2")


@pytest.mark.parametrize("invalid", [-1.0, float("nan")])
def test_rows_without_a_score_are_dropped_and_counted(invalid: float) -> None:
    _, scores, _ = world(100)
    marked = scores.clone()
    marked[::7, 1] = invalid
    kept = torch.arange(100) % 7 != 0
    found = correlate(marked.split(9), invalid=invalid)
    assert (found.count, found.dropped) == (85, 15)
    assert (found.scores - correlate(scores[kept]).scores).abs().max() <= 1e-9


def test_patterns_and_sets_without_covariance_predict_nothing() -> None:
    _, scores, d = world(100)
    bare = Directions(d.vectors, space="w", names=d.names)
    pattern = Directions(
        d.vectors, space="w", names=d.names, covariance=d.covariance, kind="pattern"
    )
    for some in (bare, pattern):
        found = correlate(scores, some)
        assert found.cosines is not None and found.predicted is None


def test_columns_are_matched_by_name() -> None:
    _, scores, d = world(100)
    found = correlate(scores[:, [2, 0]], d, names=["glasses", "smile"])
    assert found.cosines is not None
    assert abs(float(found.cosines[0, 1] - d.vectors[2] @ d.vectors[0])) <= 1e-9
    with pytest.raises(ValueError, match="no direction is named hat"):
        correlate(scores[:, :2], d, names=["hat", "smile"])


@pytest.mark.parametrize(
    ("scores", "options", "part"),
    [
        (torch.ones(9, 2), {"names": ["a", "b"]}, "scores of a, b are constant"),
        (torch.full((9, 2), 0.1), {}, "attribute0, attribute1 are constant"),
        (torch.randn(9), {}, r"numbers \[N, A\]"),
        (torch.randn(9, 2), {"names": ["a"]}, r"\[N, A = 1\]"),
        (np.array([["x"]]), {}, "must be numbers"),
        (torch.full((9, 2), torch.nan), {}, "18 scores are not finite"),
        (torch.full((9, 2), torch.nan), {"invalid": float("nan")}, "got 0 and 9 without"),
        ([], {}, "got 0 and 0 without"),
        ([torch.randn(3, 2), torch.randn(3, 3)], {}, r"\[N, A = 2\]"),
    ],
)
def test_scores_that_are_none(scores: object, options: dict[str, object], part: str) -> None:
    with pytest.raises(ValueError, match=part) as caught:
        correlate(scores, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
