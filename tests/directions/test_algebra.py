"""Conditions and cosines: the published numbers, any number of conditions, both metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from steerx.directions import Directions


def unit(*shape: int, seed: int = 0) -> Tensor:
    vectors = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()
    return vectors / vectors.norm(dim=-1, keepdim=True)


def of(vectors: Tensor | np.ndarray, name: str = "d", **fields: object) -> Directions:
    vectors = torch.as_tensor(vectors)
    names = [f"{name}{k}" for k in range(len(vectors))]
    return Directions(vectors, **{"space": "w", "names": names, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("count", range(6))
def test_published_projections(goldens: Path, count: int) -> None:
    data = np.load(goldens / "interfacegan_manipulator.npz", allow_pickle=False)
    conditions = data["proj/conds"][:count]
    sets = [of(c[None], f"c{i}_") for i, c in enumerate(conditions)]
    out = of(data["proj/primal"]).orthogonal_to(*sets).vectors.numpy()
    assert np.abs(out - data[f"proj/out_{count}cond"]).max() <= 1e-6
    assert np.abs(out @ conditions.T).max(initial=0) <= 1e-6


def test_differs_where_the_published_code_is_wrong(goldens: Path) -> None:
    data = np.load(goldens / "interfacegan_manipulator.npz", allow_pickle=False)
    primal, c = of(data["proj/primal"]), data["proj/conds"][:1]
    right = primal.orthogonal_to(of(c)).vectors.numpy()
    assert np.abs(right - data["proj/out_1cond_nonunit_x3"]).max() > 1e-2
    with pytest.warns(UserWarning, match="rank 1"):
        twice = primal.orthogonal_to(of(c, "a"), of(c, "b"))
    assert np.abs(twice.vectors.numpy() - data["proj/out_2cond_duplicate"]).max() > 1e-2
    assert np.abs(twice.vectors.numpy() - right).max() <= 1e-12
    assert np.abs(twice.vectors.numpy() @ c.T).max() <= 1e-12
    assert twice.provenance["orthogonal_to"] == [
        {"conditions": ["a0", "b0"], "metric": "plain", "rank": 1}
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_orthogonal_unit_idempotent_and_blind_to_order(seed: int, count: int) -> None:
    d, c = of(unit(3, 9, seed=seed)), of(unit(count, 9, seed=seed + 1))
    out = d.orthogonal_to(c)
    assert (out.vectors @ c.vectors.T).abs().max() <= 1e-9
    assert (out.vectors.norm(dim=1) - 1).abs().max() <= 1e-9
    again = out.orthogonal_to(*reversed(list(c)))
    assert (again.vectors - out.vectors).abs().max() <= 1e-8
    gram = torch.linalg.solve(c.vectors @ c.vectors.T, c.vectors @ d.vectors.T)
    expected = d.vectors - gram.T @ c.vectors
    expected = expected / expected.norm(dim=1, keepdim=True)
    assert (out.vectors - expected).abs().max() <= 1e-6


def test_almost_dependent_conditions_are_said_and_harmless() -> None:
    c = unit(2, 9)
    near = c[0] + 1e-9 * c[1]
    with pytest.warns(UserWarning, match="rank 2"):
        out = of(unit(1, 9, seed=3)).orthogonal_to(
            of(torch.stack([c[0], c[1], near / near.norm()]))
        )
    assert (out.vectors @ c.T).abs().max() <= 1e-12


def test_nothing_left_raises() -> None:
    c = unit(2, 9)
    mixed = (c[0] + c[1]) / (c[0] + c[1]).norm()
    with pytest.raises(ValueError, match="smile lies in the span of the 2 conditions"):
        of(mixed[None]).rename("smile").orthogonal_to(of(c))


def test_no_condition_returns_the_set() -> None:
    d = of(unit(2, 9))
    assert d.orthogonal_to() is d


def test_scores_and_intercepts_do_not_survive() -> None:
    d = of(unit(1, 9), scores=torch.ones(1), intercepts=torch.ones(1))
    out = d.orthogonal_to(of(unit(1, 9, seed=1)))
    assert out.scores is None and out.intercepts is None
    assert out.names == d.names


def test_per_layer_works_per_row() -> None:
    d = of(unit(2, 4, 9), space="w_plus")
    per_layer, shared = of(unit(3, 4, 9, seed=1), space="w_plus"), of(unit(1, 9, seed=2))
    out = d.orthogonal_to(per_layer, shared)
    assert out.vectors.shape == (2, 4, 9)
    for row in range(4):
        alone = of(d.vectors[:, row]).orthogonal_to(of(per_layer.vectors[:, row]), shared)
        assert (out.vectors[:, row] - alone.vectors).abs().max() <= 1e-12
    spread = of(unit(1, 9, seed=4), space="w_plus").orthogonal_to(per_layer)
    assert spread.vectors.shape == (1, 4, 9)
    with pytest.raises(ValueError, match="w_plus"):
        of(unit(1, 9)).orthogonal_to(per_layer)


def test_rows_that_stay_zero() -> None:
    vectors, conditions = unit(1, 3, 9), unit(2, 3, 9, seed=1)
    vectors[0, 1] = 0
    conditions[:, 2] = 0
    out = of(vectors, space="w_plus").orthogonal_to(of(conditions, space="w_plus"))
    assert out.vectors[0, 1].abs().max() == 0
    assert (out.vectors[0, 2] - vectors[0, 2]).abs().max() <= 1e-12


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_covariance_metric(seed: int) -> None:
    mix = unit(40, 9, seed=seed)
    covariance = mix.T @ mix
    d = of(unit(2, 9, seed=seed + 1), covariance=covariance, unit="sigma", scale=torch.ones(2))
    c = of(unit(3, 9, seed=seed + 2))
    out = d.orthogonal_to(c, metric="covariance")
    assert (out.vectors @ covariance @ c.vectors.T).abs().max() <= 1e-9
    assert out.cosines(c, metric="covariance").abs().max() <= 1e-9
    sigma = (out.vectors @ covariance * out.vectors).sum(1).sqrt()
    assert (out.scale - sigma).abs().max() <= 1e-9


def test_covariance_cosine_is_the_correlation_of_readings() -> None:
    codes = unit(500, 5) @ torch.randn(5, 5).double()
    d = of(unit(3, 5, seed=1), covariance=torch.cov(codes.T))
    expected = np.corrcoef((codes @ d.vectors.T).numpy().T)
    assert np.abs(d.cosines(metric="covariance").numpy() - expected).max() <= 1e-9
    assert np.abs(d.cosines().numpy() - expected).max() > 1e-2
    assert torch.allclose(d.cosines(), d.vectors @ d.vectors.T)


def test_metric_needs_a_covariance_and_one_space() -> None:
    with pytest.raises(ValueError, match="needs the covariance"):
        of(unit(1, 9)).cosines(metric="covariance")
    with pytest.raises(ValueError, match='"plain" or "covariance"'):
        of(unit(1, 9)).cosines(metric="euclid")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one space"):
        of(unit(1, 9)).orthogonal_to(of(unit(1, 9), space="z"))
    with pytest.raises(ValueError, match="one size"):
        of(unit(1, 9)).cosines(of(unit(1, 8)))


def test_one_condition_is_the_textbook_formula() -> None:
    p, c = unit(1, 9), unit(1, 9, seed=1)
    expected = p - (p @ c.T) @ c
    out = of(p).orthogonal_to(of(c)).vectors
    assert (out - expected / expected.norm()).abs().max() <= 1e-12


def test_each_direction_against_its_own_conditions() -> None:
    d, c = of(unit(3, 9)), of(unit(4, 9, seed=1))
    own = Directions.concatenate([d[k].orthogonal_to(c[k : k + 2]) for k in range(3)])
    for k in range(3):
        assert (own.vectors[k] @ c.vectors[k : k + 2].T).abs().max() <= 1e-9
        assert own.provenance["concatenated"][k]["orthogonal_to"][0]["conditions"] == [
            f"d{k}", f"d{k + 1}",
        ]  # fmt: skip


def test_the_warning_names_the_conditions_that_may_go() -> None:
    c = unit(2, 9)
    third = (c[0] - c[1]) / (c[0] - c[1]).norm()
    sets = [of(c[:1], "smile"), of(c[1:], "age"), of(third[None], "mood")]
    with pytest.warns(UserWarning, match="rank 2.*leaving out mood0 gives the same") as caught:
        out = of(unit(1, 9, seed=3)).orthogonal_to(*sets)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert (
        out.vectors - of(unit(1, 9, seed=3)).orthogonal_to(*sets[:2]).vectors
    ).abs().max() < 1e-9


@pytest.mark.parametrize("metric", ["plain", "covariance"])
def test_dependent_conditions_per_layer(metric: str) -> None:
    mix = unit(40, 9)
    d = of(unit(2, 3, 9), space="w_plus", covariance=mix.T @ mix)
    c = unit(2, 3, 9, seed=1)
    c[1, 2] = -c[0, 2]  # dependent on one layer only
    with pytest.warns(UserWarning, match="rank 1.*leaving out d1"):
        out = d.orthogonal_to(of(c, space="w_plus"), metric=metric)  # type: ignore[arg-type]
    S = mix.T @ mix if metric == "covariance" else torch.eye(9).double()
    for row in range(3):
        assert (out.vectors[:, row] @ S @ c[:, row].T).abs().max() <= 1e-9
    assert out.provenance["orthogonal_to"][0]["rank"] == [2, 2, 1]


def test_sigma_per_layer_survives_a_condition() -> None:
    mix = unit(40, 9)
    d = of(unit(2, 3, 9), space="w_plus").in_sigma(mix.T @ mix)
    out = d.orthogonal_to(of(unit(1, 9, seed=1)))
    assert out.unit == "sigma"
    assert (out.scale - out.in_sigma().scale).abs().max() <= 1e-12


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.booleans())
def test_an_orthonormal_bank(seed: int, layered: bool, covariance: bool) -> None:
    mix = unit(40, 9, seed=seed)
    S = mix.T @ mix if covariance else torch.eye(9).double()
    metric = "covariance" if covariance else "plain"
    shape = (5, 3, 9) if layered else (5, 9)
    d = of(unit(*shape, seed=seed + 1), space="w_plus", covariance=S)
    out = d.orthonormal(metric=metric)  # type: ignore[arg-type]
    assert out.names == d.names and out.scores is None
    rows = out.vectors if layered else out.vectors[:, None]
    for row in range(rows.shape[1]):
        product = rows[:, row] @ S @ rows[:, row].T
        scale = product.diagonal().sqrt()
        cosines = product / torch.outer(scale, scale)
        assert (cosines - torch.eye(5).double()).abs().max() <= 1e-9
    assert (rows.norm(dim=-1) - 1).abs().max() <= 1e-9
    assert (out.vectors[0] - d.vectors[0]).abs().max() <= 1e-12
    step = d[2].orthogonal_to(d[:2], metric=metric)  # type: ignore[arg-type]
    assert (out.vectors[2] - step.vectors[0]).abs().max() <= 1e-8


def test_a_bank_with_rows_that_stay_zero_and_one_that_says_nothing_new() -> None:
    v = unit(3, 2, 9)
    v[1, 0] = 0
    out = of(v, space="w_plus").orthonormal().vectors
    assert out[1, 0].abs().max() == 0
    assert abs(float(out[0, 0] @ out[2, 0])) <= 1e-12 and abs(float(out[2, 0].norm()) - 1) <= 1e-12
    c = unit(2, 9)
    third = (c[0] + c[1]) / (c[0] + c[1]).norm()
    with pytest.raises(ValueError, match="d2 lies in the span of the directions before it"):
        of(torch.stack([c[0], c[1], third])).orthonormal()
    with pytest.raises(ValueError, match="needs the covariance"):
        of(c).orthonormal(metric="covariance")


def test_a_large_bank_is_quick_and_exact() -> None:
    out = of(unit(200, 256)).orthonormal().vectors
    assert (out @ out.T - torch.eye(200).double()).abs().max() <= 1e-10


def test_a_boundary_does_not_survive_a_condition_in_silence() -> None:
    d = of(unit(1, 9), motion="absolute", origin="boundary", intercepts=torch.ones(1))
    with pytest.warns(UserWarning, match="alpha is a distance through the origin now"):
        out = d.orthogonal_to(of(unit(1, 9, seed=1)))
    assert (out.motion, out.origin, out.intercepts) == ("absolute", "zero", None)


def test_a_bank_of_directions_that_are_nearly_one() -> None:
    v = unit(1, 64) + 3e-3 * unit(30, 64, seed=1)
    out = of(v / v.norm(dim=1, keepdim=True)).orthonormal().vectors
    assert (out @ out.T - torch.eye(30).double()).abs().max() <= 1e-13
