"""score: any callable over rendered batches."""

from __future__ import annotations

import weakref
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


def test_seeds_are_drawn_batch_by_batch_and_images_are_let_go(tiny) -> None:
    images = []

    def scorer(x: torch.Tensor) -> torch.Tensor:
        images.append(weakref.ref(x))
        assert sum(one() is not None for one in images) == 1
        return x[:, 0, 0, :2]  # a view, which must not keep the images

    drawn = []
    codes = tiny.codes
    tiny.codes = lambda seeds, **options: drawn.append(len(seeds)) or codes(seeds, **options)
    scores = steerx.score(tiny, scorer, seeds=range(10), batch=4)
    assert max(drawn) == 4 and len(images) == 3
    assert scores.untyped_storage().nbytes() == 10 * 2 * 4


def test_out_of_memory_halves_the_batch_and_says_so(tiny) -> None:
    sizes = []

    def scorer(x: torch.Tensor) -> torch.Tensor:
        sizes.append(len(x))
        if len(x) > 2:
            raise RuntimeError("CUDA out of memory")
        return brightness(x)

    with pytest.warns(UserWarning, match="score: 5 pictures at once do not fit.*going on with 2"):
        scores = steerx.score(tiny, scorer, seeds="0-5", batch=5)
    assert sizes == [5, 2, 2, 2]
    expected = steerx.score(tiny, brightness, seeds="0-5")
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5)


def test_watch_is_told_how_far_it_is(tiny) -> None:
    told = []
    steerx.score(tiny, brightness, seeds="0-6", batch=3, watch=lambda *now: told.append(now))
    assert told == [(0, 7), (3, 7), (6, 7), (7, 7)]


def test_labels_are_checked_before_the_first_image() -> None:
    G = tiny_generator(c_dim=3)
    for label, words in (
        ([0, 1], "N = 3"),
        ([0, 1, 7], "classes are integers 0-2"),
        (None, "--cl"),
    ):
        with pytest.raises(ValueError, match=words):
            steerx.score(G, pytest.fail, seeds="0-2", label=label, batch=1)
    rows = torch.eye(3)[[0, 2, 1]]
    by_rows = steerx.score(G, brightness, seeds="0-2", label=rows, batch=2)
    by_class = steerx.score(G, brightness, seeds="0-2", label=[0, 2, 1], batch=2)
    assert torch.equal(by_rows, by_class)


def test_nothing_to_score_is_said(tiny) -> None:
    for start in ({"seeds": []}, {}, {"seeds": 0, "codes": torch.zeros(1, 8), "space": "z"}):
        with pytest.raises(ValueError, match="score: "):
            steerx.score(tiny, brightness, **start)
