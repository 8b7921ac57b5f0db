"""score: any callable over rendered batches."""

from __future__ import annotations

import pytest
import torch

import steerx


def brightness(images: torch.Tensor) -> torch.Tensor:
    return torch.stack((images.mean((1, 2, 3)), images.amax((1, 2, 3))), dim=1)


def test_scores_are_those_of_the_images(tiny) -> None:
    z = tiny.codes(seeds="0-6", space="z")
    images = tiny.renderer.render(tiny.codes(z=z, space="styles", psi=0.7))
    for batch in (2, None):
        scores = steerx.score(tiny, brightness, codes=z, space="z", psi=0.7, batch=batch)
        torch.testing.assert_close(scores, brightness(images), rtol=1e-4, atol=1e-5)
    by_seed = steerx.score(tiny, brightness, seeds="0-6", psi=0.7)
    torch.testing.assert_close(by_seed, brightness(images), rtol=1e-4, atol=1e-5)


def test_codes_of_every_space_score_alike(tiny) -> None:
    expected = steerx.score(tiny, brightness, seeds="0-2")
    for space in ("w", "w_plus", "styles"):
        codes = tiny.codes(seeds="0-2", space=space)
        scores = steerx.score(tiny, brightness, codes=codes, space=space, batch=2)
        torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5)


def test_one_column_may_come_flat(tiny) -> None:
    assert steerx.score(tiny, lambda x: x.mean((1, 2, 3)), seeds="0-2").shape == (3, 1)


@pytest.mark.parametrize(
    "scorer, error",
    [
        (lambda x: x, r"tensor \[N, A'\] or \[N\] with N = 2, got \[2, 3, 16, 16\]"),
        (lambda x: [1, 2], "got list"),
        (lambda x: x.mean(), r"got \[\]"),
    ],
)
def test_a_scorer_of_the_wrong_shape_is_named(tiny, scorer, error) -> None:
    with pytest.raises(ValueError, match=error):
        steerx.score(tiny, scorer, seeds="0-1")


def test_a_scorer_that_changes_its_mind_is_named(tiny) -> None:
    widths = iter((2, 3))
    with pytest.raises(ValueError, match="returned 3 columns, and 2 before"):
        steerx.score(tiny, lambda x: x.new_zeros(len(x), next(widths)), seeds="0-1", batch=1)
