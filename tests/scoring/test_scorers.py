"""Scorers that fail: the image is named, the cause is kept, nothing scored is lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import steerx
from steerx.scoring import ScorerError, checked


class NoFace(Exception):
    pass


def brightness(images: torch.Tensor) -> torch.Tensor:
    return images.mean((1, 2, 3))


def failing_for(G, seeds, error: Exception):
    """A scorer that raises for the images of some seeds."""
    faces = G.renderer.render(G.codes(seeds=seeds, space="styles"))

    def scorer(images: torch.Tensor) -> torch.Tensor:
        apart = (images[:, None] - faces[None]).flatten(2).abs().amax(2)
        if bool((apart < 1e-3).any()):
            raise error
        return brightness(images)

    return scorer


def test_the_image_that_a_scorer_fails_for_is_named(tiny) -> None:
    cause = NoFace("no face\n found")
    with pytest.raises(ScorerError) as caught:
        steerx.score(tiny, failing_for(tiny, [6], cause), seeds="0-9", batch=4)
    error = caught.value
    assert str(error) == (
        "score: the scorer raised NoFace: no face found (seed 6); 4 of 10 are scored, in the error's "
        ".scored"
    )
    assert error.images == (6,) and error.__cause__ is cause
    assert torch.equal(error.scored, steerx.score(tiny, brightness, seeds="0-3", batch=4))


def test_several_images_and_rows_of_codes_are_named(tiny) -> None:
    scorer = failing_for(tiny, [21, 23], NoFace("gone"))
    with pytest.raises(ScorerError, match=r"\(seeds 21,23\)") as caught:
        steerx.score(tiny, scorer, seeds="20-24")
    assert caught.value.images == (21, 23) and caught.value.scored is None
    z = tiny.codes(seeds="20-24", space="z")
    with pytest.raises(ScorerError, match=r"\(rows 1,3\)"):
        steerx.score(tiny, scorer, codes=z, space="z")


def test_a_scorer_that_fails_for_the_batch_alone(tiny) -> None:
    def scorer(images: torch.Tensor) -> torch.Tensor:
        if len(images) > 1:
            raise NoFace
        return brightness(images)

    line = r"raised NoFace: no message; for each image alone it works \(seeds 0-2\)"
    with pytest.raises(ScorerError, match=line):
        steerx.score(tiny, scorer, seeds="0-2")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_scores_that_are_not_finite_are_refused_by_image_and_attribute(tiny, value) -> None:
    def scorer(images: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(len(images), 2, dtype=torch.float64)
        scores[2, 1] = value
        return scores

    with pytest.raises(ScorerError, match=r"in 'age'; scores must be finite.*\(seed 7\)"):
        steerx.score(tiny, scorer, seeds="5-8", names=["smile", "age"])
    with pytest.raises(ScorerError, match=r"in column 1;.*\(row 2\)"):
        steerx.score(tiny, scorer, codes=tiny.codes(seeds="5-8"))


def test_nan_may_mark_an_image_without_a_score(tiny) -> None:
    def scorer(images: torch.Tensor) -> torch.Tensor:
        return torch.where(torch.arange(len(images)) == 1, torch.nan, brightness(images))

    scores = steerx.score(tiny, scorer, seeds="0-2", invalid=float("nan"))
    assert scores[:, 0].isnan().tolist() == [False, True, False]
    with pytest.raises(ScorerError, match="must be finite"):
        steerx.score(tiny, scorer, seeds="0-2", invalid=-1.0)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (torch.zeros(2, 1, dtype=torch.complex64), "real numbers.*complex64"),
        (torch.zeros(2, 0), r"one or more per image, got torch.float32 \[2, 0\]"),
        (torch.zeros(2, 1, device="meta"), "on meta"),
        (torch.zeros(3), r"N = 2, got \[3\]"),
        (torch.zeros(2, 1, 1), r"got \[2, 1, 1\]"),
        (np.zeros((2, 1)), "got ndarray"),
        (None, "got NoneType"),
    ],
)
def test_what_is_no_scores_is_refused(tiny, result, words) -> None:
    with pytest.raises(ScorerError, match=f"{words}.* \\(seeds 0-1\\)") as caught:
        steerx.score(tiny, lambda images: result, seeds="0-1")
    assert caught.value.__cause__ is None


def test_names_must_fit_the_columns(tiny) -> None:
    with pytest.raises(ScorerError, match=r"returned 1 columns for 2 names \(smile, age\)"):
        steerx.score(tiny, brightness, seeds="0-1", names=["smile", "age"])


def test_whole_numbers_and_other_dtypes_are_scores() -> None:
    for dtype in (torch.bool, torch.int64, torch.float16, torch.bfloat16, torch.float64):
        scores = checked("score", torch.ones(3, dtype=dtype), 3)
        assert scores.dtype == torch.float32 and scores.tolist() == [[1.0]] * 3


def test_images_that_are_not_finite_are_said(tiny) -> None:
    with torch.no_grad():
        tiny.synthesis.const.fill_(torch.inf)
    with pytest.raises(ScorerError, match="the images hold NaN or infinity, so render with fl"):
        steerx.score(tiny, brightness, seeds="0-1")
