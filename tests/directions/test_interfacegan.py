"""InterFaceGAN against the published boundaries; what a boundary must and must not depend on."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from steerx.directions import Directions, InterFaceGAN, interfacegan
from steerx.editing import edit

RATIOS = ("0.02", "0.1", "0.5", "100")


def planted(
    count: int = 2000, size: int = 8, noise: float = 0.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes, scores that are linear in them, and the true direction."""
    draw = np.random.RandomState(seed)
    codes, truth = draw.randn(count, size), draw.randn(size)
    truth /= np.linalg.norm(truth)
    return codes, codes @ truth + noise * draw.randn(count), truth


def normal(d: Directions) -> np.ndarray:
    return d.vectors[0].double().numpy()


@pytest.mark.parametrize("ratio", RATIOS)
def test_published_boundaries(goldens: Path, ratio: str) -> None:
    data = np.load(goldens / "interfacegan_manipulator.npz", allow_pickle=False)
    method = InterFaceGAN(float(ratio), split=1.0, space="z")
    d = method.fit(data["svm/Z"], data["svm/scores"]).directions_
    assert float(normal(d) @ data[f"svm/boundary_n{ratio}_r1.0"][0]) >= 0.9999


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.filterwarnings("ignore:InterFaceGAN.*for 64 dimensions")
def test_published_boundaries_with_their_shuffle(goldens: Path, ratio: str) -> None:
    data = np.load(goldens / "interfacegan_manipulator.npz", allow_pickle=False)
    golden = data[f"svm/boundary_n{ratio}_r0.7"][0]
    method = InterFaceGAN(float(ratio), space="z", compat="interfacegan")
    assert (
        float(normal(method.fit(data["svm/Z"], data["svm/scores"]).directions_) @ golden) >= 0.9999
    )
    own = InterFaceGAN(float(ratio), space="z").fit(data["svm/Z"], data["svm/scores"])
    assert float(normal(own.directions_) @ golden) < 0.9999  # another split, another boundary


def test_published_boundary_with_invalid_scores(goldens: Path) -> None:
    data = np.load(goldens / "interfacegan_manipulator.npz", allow_pickle=False)
    golden = data["svm/boundary_invalid-1_n0.1"][0]
    options = {"space": "z", "compat": "interfacegan"}
    scores = data["svm/scores_invalid"]
    marked = InterFaceGAN(0.1, invalid=-1, **options).fit(data["svm/Z"], scores)  # type: ignore[arg-type]
    assert float(normal(marked.directions_) @ golden) >= 0.9999
    assert marked.n_class_ == (171,)
    absent = np.where(scores == -1, np.nan, scores)
    other = InterFaceGAN(0.1, invalid=math.nan, **options).fit(data["svm/Z"], absent)  # type: ignore[arg-type]
    assert torch.equal(other.directions_.vectors, marked.directions_.vectors)


@pytest.mark.parametrize("solver", ["svm", "ridge", "mean"])
def test_facts_of_the_set(solver: str) -> None:
    codes, scores, truth = planted()
    method = InterFaceGAN(0.2, solver=solver, names="smile").fit(codes, scores, label=1)  # type: ignore[arg-type]
    d = method.directions_
    assert d.names == ("smile",) and d.space == "w" and d.label == 1
    assert d.kind == ("pattern" if solver == "mean" else "filter")
    assert (d.unit, d.motion, d.when) == ("raw", "relative", "before_truncation")
    assert abs(float(d.vectors.double().norm()) - 1) <= 1e-6
    assert float(normal(d) @ truth) > 0.98
    assert d.intercepts is not None and abs(float(d.intercepts[0])) < 0.2
    assert d.covariance is not None and d.mean is not None
    assert np.abs(d.covariance.numpy() - np.cov(codes.T)).max() <= 1e-5
    assert float(method.accuracy_["train"][0]) > 0.97
    assert float(method.accuracy_["validation"][0]) > 0.97
    assert float(method.accuracy_["middle"][0]) > 0.85
    assert d.scores is not None and d.score_name == "validation_accuracy"


@pytest.mark.parametrize("solver", ["svm", "ridge", "mean"])
def test_flipping_the_scores_flips_the_boundary(solver: str) -> None:
    codes, scores, _ = planted(400, noise=0.3)
    method = InterFaceGAN(0.2, split=1.0, solver=solver)  # type: ignore[arg-type]
    up, down = (method.fit(codes, s).directions_ for s in (scores, -scores))
    assert float(normal(up) @ normal(down)) <= -0.9999
    assert up.intercepts is not None and down.intercepts is not None
    assert abs(float(up.intercepts + down.intercepts)) <= 1e-3


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(["svm", "ridge", "mean"]), st.integers(-50, 50))
def test_a_common_shift_of_the_scores_changes_nothing(solver: str, shift: int) -> None:
    codes, scores, _ = planted(300)
    scores = np.round(scores, 3)
    method = InterFaceGAN(0.2, solver=solver)  # type: ignore[arg-type]
    a, b = (method.fit(codes, s).directions_ for s in (scores, scores + shift))
    assert float(normal(a) @ normal(b)) >= 0.9999


@pytest.mark.parametrize("solver", ["svm", "ridge", "mean"])
def test_noiseless_scores_recover_the_truth_as_codes_grow(solver: str) -> None:
    method = InterFaceGAN(0.1, solver=solver)  # type: ignore[arg-type]
    cosines = []
    for count in (200, 4000):
        codes, scores, truth = planted(count)
        cosines.append(float(normal(method.fit(codes, scores).directions_) @ truth))
    assert cosines[1] > 0.99
    assert cosines[1] >= cosines[0] - 1e-6


def test_ridge_beats_its_extremes_under_noise() -> None:
    codes, scores, truth = planted(1500, 24, noise=2.0)
    ridge, mean = (
        normal(InterFaceGAN(0.1, solver=s).fit(codes, scores).directions_) @ truth  # type: ignore[arg-type]
        for s in ("ridge", "mean")
    )
    assert ridge > 0.95 and ridge > mean


def test_ridge_chooses_its_strength() -> None:
    gains = []
    for seed in range(5):
        codes, scores, truth = planted(90, 80, noise=1.5, seed=seed)
        method = InterFaceGAN(0.5, split=1.0, solver="ridge").fit(codes, scores)
        centred = codes - codes.mean(0)
        plain = np.linalg.lstsq(centred, scores - scores.mean(), rcond=None)[0]
        gains.append(normal(method.directions_) @ truth - plain @ truth / np.linalg.norm(plain))
    assert np.mean(gains) > 0.1


def test_ridge_survives_more_dimensions_than_codes() -> None:
    codes, scores, truth = planted(60, 100)
    for solver in ("ridge", "mean"):
        with pytest.warns(UserWarning, match="attribute0 have 60 codes or more for 100 dimensions"):
            d = InterFaceGAN(0.5, solver=solver).fit(codes, scores).directions_  # type: ignore[arg-type]
        assert float(normal(d) @ truth) > 0.4


def test_the_boundary_is_where_the_intercept_says() -> None:
    codes, _, truth = planted()
    codes = codes + 5 * truth
    for solver in ("svm", "ridge", "mean"):
        method = InterFaceGAN(0.3, solver=solver)  # type: ignore[arg-type]
        d = method.fit(codes, codes @ truth).directions_
        assert d.intercepts is not None
        assert abs(float(d.intercepts[0]) + 5) < 0.3
        assert float(method.accuracy_["middle"][0]) > 0.8


def test_several_attributes_at_once_are_the_same_as_alone() -> None:
    codes, first, _ = planted(seed=0)
    _, _, other = planted(seed=5)
    second = codes @ other
    both = InterFaceGAN(0.2, names=["smile", "age"]).fit(codes, np.stack([first, second], 1))
    assert both.directions_.names == ("smile", "age")
    alone = InterFaceGAN(0.2, names=["smile"]).fit(codes, first).directions_
    assert torch.equal(both.directions_["smile"].vectors, alone.vectors)
    assert float(both.directions_["age"].vectors[0].double().numpy() @ other) > 0.98


def test_one_boundary_per_layer() -> None:
    codes, scores, truth = planted(600, 6)
    w_plus = np.stack([codes, codes[:, ::-1], np.random.RandomState(9).randn(600, 6)], axis=1)
    method = InterFaceGAN(0.2, space="w_plus", split=0.5).fit(w_plus, scores)
    d = method.directions_
    assert d.vectors.shape == (1, 3, 6) and d.when == "after_truncation"
    assert d.intercepts is not None and d.intercepts.shape == (1, 3)
    assert method.accuracy_["validation"].shape == (1, 3)
    vectors = d.vectors[0].double().numpy()
    assert float(vectors[0] @ truth) > 0.98
    assert np.abs(vectors[1][::-1] - vectors[0]).max() < 1e-2
    assert float(method.accuracy_["validation"][0, 2]) < 0.7


def test_the_covariance_of_codes_per_layer_is_the_mean_of_theirs() -> None:
    draw = np.random.RandomState(0)
    w_plus = draw.randn(300, 2, 4) * np.array([[1.0], [3.0]])
    d = InterFaceGAN(0.2, space="w_plus", solver="mean").fit(w_plus, w_plus[:, 0, 0]).directions_
    expected = (np.cov(w_plus[:, 0].T) + np.cov(w_plus[:, 1].T)) / 2
    assert d.mean is None and d.covariance is not None
    assert np.abs(d.covariance.numpy() - expected).max() <= 1e-5
    assert d.in_sigma().unit == "sigma"


@pytest.mark.parametrize("origin", ["zero", "boundary"])
def test_absolute_motion_by_name(origin: str) -> None:
    codes, scores, truth = planted()
    codes = codes + 5 * truth
    method = InterFaceGAN(0.2, space="z", motion="absolute", origin=origin)  # type: ignore[arg-type]
    d = method.fit(codes, scores).directions_
    assert (d.motion, d.origin) == ("absolute", origin)
    z, alphas = torch.from_numpy(codes[:7]), torch.linspace(-3, 3, 7, dtype=torch.float64)
    moved = edit(z, d, alpha=alphas[:, None])
    read = d.distances(moved)[:, 0] if origin == "boundary" else moved @ d.vectors[0].double()
    assert (read - alphas).abs().max() <= 1e-5
    assert (
        (moved - z) - ((moved - z) @ d.vectors[0].double())[:, None] * d.vectors[0]
    ).abs().max() <= 1e-5


def test_relative_motion_shifts_the_reading_by_alpha() -> None:
    codes, scores, _ = planted()
    d = InterFaceGAN(0.2).fit(codes, scores).directions_
    w, alphas = torch.from_numpy(codes[:7]), torch.linspace(-3, 3, 7, dtype=torch.float64)
    moved = edit(w, d, alpha=alphas[:, None])
    assert ((d.distances(moved) - d.distances(w))[:, 0] - alphas).abs().max() <= 1e-5


def test_many_attributes_with_invalid_scores_of_their_own() -> None:
    codes, first, _ = planted(600)
    second = codes @ planted(600, seed=5)[2]
    gaps = second.copy()
    gaps[::3] = -9
    both = InterFaceGAN(0.2, invalid=-9, solver="ridge").fit(codes, np.stack([first, gaps], 1))
    assert both.n_class_ == (120, 80)
    kept = np.arange(600) % 3 != 0
    alone = InterFaceGAN(0.2, solver="ridge", split=1.0).fit(codes[kept], second[kept])
    again = InterFaceGAN(0.2, invalid=-9, solver="ridge", split=1.0).fit(codes, gaps)
    assert abs(float(normal(alone.directions_) @ normal(again.directions_)) - 1) <= 1e-6


def test_a_long_wait_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, scores, _ = planted(400, 4)
    monkeypatch.setattr(interfacegan, "SLOW", 50)
    with pytest.warns(UserWarning, match='it has 56 per class; use.*solver="ridge"') as caught:
        InterFaceGAN(0.2).fit(codes, np.stack([scores, -scores], 1))
    assert len(caught) == 1 and caught[0].filename == __file__
    InterFaceGAN(0.2, solver="ridge").fit(codes, scores)


def test_the_seed_decides_the_split_and_nothing_global_does() -> None:
    codes, scores, _ = planted(300, noise=1.0)
    fits = []
    for seed, elsewhere in ((0, 1), (0, 2), (3, 1)):
        np.random.seed(elsewhere)
        torch.manual_seed(elsewhere)
        fits.append(normal(InterFaceGAN(0.3, seed=seed).fit(codes, scores).directions_))
    assert np.array_equal(fits[0], fits[1])
    assert not np.array_equal(fits[0], fits[2])


def test_no_validation_is_said_by_nan() -> None:
    codes, scores, _ = planted(100)
    method = InterFaceGAN(0.5, split=1.0).fit(codes, scores)
    assert bool(method.accuracy_["validation"].isnan().all())
    assert method.directions_.scores is None
    assert method.directions_.provenance["accuracy"]["validation"] == [None]


@pytest.mark.parametrize(
    ("fields", "scores", "part"),
    [
        (
            {},
            np.ones(100),
            'scores of "attribute0": the 20 highest and the 20 lowest scores meet at 1',
        ),
        ({}, np.r_[np.ones(5), np.zeros(95)], "the two classes are one"),
        ({}, np.r_[np.nan, np.arange(99.0)], '"attribute0" hold 1 values that are not finite'),
        ({"names": ["smile"]}, np.r_[np.inf, np.arange(99.0)], '"smile" hold 1 values'),
        ({}, np.arange(99.0), "N = 100"),
        ({}, np.zeros((100, 2, 2)), "N = 100"),
        ({}, np.array(["high"] * 100), "must be numbers"),
        ({"ratio": 0.02}, np.arange(100.0), "1 training codes per class"),
        ({"ratio": 0}, np.arange(100.0), "ratio must be above 0"),
        ({"split": 1.5}, np.arange(100.0), "split in (0, 1]"),
        ({"invalid": 7}, np.full(100, 7.0), "0 training codes per class"),
        ({"names": ["a", "b"]}, np.arange(100.0), "1 columns, names 2 entries"),
        ({"solver": "tree"}, np.arange(100.0), '"svm", "ridge" or "mean"'),
        ({"compat": "higan"}, np.arange(100.0), 'None or "interfacegan"'),
        ({"space": "w_plus"}, np.arange(100.0), "[N, L, D]"),
        ({"motion": "both"}, np.arange(100.0), 'motion must be "relative" or "absolute"'),
        ({"origin": "mean"}, np.arange(100.0), 'origin "zero" or "boundary"'),
        ({"origin": "boundary"}, np.arange(100.0), 'add motion="absolute"'),
        ({"space": "w_plus", "motion": "absolute"}, np.arange(100.0), "a distance in z or w"),
        ({"C": 0}, np.arange(100.0), "C must be a finite number above 0, got 0"),
        ({"C": math.nan}, np.arange(100.0), "C must be a finite number above 0, got nan"),
        ({"solver": "ridge"}, np.ones(100), "the scores are constant"),
        ({"invalid": math.nan}, np.r_[np.full(98, np.nan), 0, 1], "of 2 codes leaves 0 training"),
    ],
)
def test_wrong_input_is_named(fields: dict[str, object], scores: np.ndarray, part: str) -> None:
    codes = np.random.RandomState(0).randn(100, 4)
    with pytest.raises(ValueError, match=re.escape(part)) as caught:
        InterFaceGAN(**{"ratio": 0.2, **fields}).fit(codes, scores)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_codes_must_be_finite() -> None:
    with pytest.raises(ValueError, match="codes must be finite"):
        InterFaceGAN(0.2).fit(np.full((100, 4), np.nan), np.arange(100.0))


def test_too_few_codes_for_the_dimensions_is_said() -> None:
    codes, scores, _ = planted(100, 50)
    with pytest.warns(
        UserWarning, match="attribute0 have 28 training codes or more for 50 dimensions"
    ):
        InterFaceGAN(0.2).fit(codes, scores)


def test_codes_and_scores_that_do_not_belong_together() -> None:
    with pytest.raises(ValueError, match="belong together"):
        InterFaceGAN(0.2, solver="mean").fit(np.ones((100, 4)), np.arange(100.0))
