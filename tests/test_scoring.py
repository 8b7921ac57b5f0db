"""score: any callable over rendered batches."""

from __future__ import annotations

from functools import partial

import pytest
import torch

import steerx
from tests.tiny import tiny_generator


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


def test_labels_truncation_and_noise_reach_the_pictures() -> None:
    G = tiny_generator(c_dim=3)
    score = partial(steerx.score, G, brightness, seeds="0-4", batch=2)
    plain = score(label=[0, 1, 2, 0, 1])
    for n, label in enumerate((0, 1, 2)):
        alone = steerx.score(G, brightness, seeds=n, label=label)
        torch.testing.assert_close(plain[n : n + 1], alone, rtol=1e-4, atol=1e-5)
    changes = (
        {"psi": 0.5},
        {"psi": 0.5, "cutoff": 2},
        {"noise_mode": "none"},
        {"noise_mode": "sample"},
    )
    seen = [plain, score(label=2), *(score(label=[0, 1, 2, 0, 1], **change) for change in changes)]
    for i, one in enumerate(seen):
        assert not any(torch.allclose(one, other) for other in seen[:i])


def test_sample_noise_belongs_to_the_seed(tiny) -> None:
    together = steerx.score(tiny, brightness, seeds=[3, 8], noise_mode="sample")
    alone = steerx.score(tiny, brightness, seeds=[8], noise_mode="sample")
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)


def test_scores_may_go_where_gradients_are_asked_for(tiny) -> None:
    weight = torch.ones(2, requires_grad=True)
    (weight * steerx.score(tiny, brightness, seeds="0-1")).sum().backward()
    assert weight.grad is not None


def test_flat_codes_must_be_told(tiny) -> None:
    with pytest.raises(ValueError, match="may be z or w"):
        steerx.score(tiny, brightness, codes=tiny.codes(seeds="0-1", space="w"))
