"""GANSpace against NumPy's float64 covariance; chunks, batches and seeds must not matter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from steerx._seeds import normal, z_from_seeds
from steerx.directions import GANSpace


class Mapping:
    """A generator of which only a mapping network exists, with an offset far from zero."""

    model_id = "c" * 64
    resolution = 64
    spaces = ("z", "w", "w_plus", "styles")
    num_ws = 8
    z_dim = 12

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(1)
        self.weight = torch.randn(12, 7, generator=draw) * torch.tensor([5, 4, 3, 2, 1, 0.5, 0.1])

    def codes(
        self,
        seeds: object = None,
        *,
        z: Tensor,
        space: str = "w_plus",
        label: int | None = None,
    ) -> Tensor:
        assert space == "w" and seeds is None
        w = torch.nn.functional.leaky_relu(z @ self.weight, 0.2) + 100
        return w if label is None else w + label


def exact(codes: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = codes.double().numpy()
    values, columns = np.linalg.eigh(np.cov(rows.T))
    return rows.mean(0), values[::-1], columns.T[::-1]


def test_components_are_those_of_the_exact_covariance() -> None:
    G = Mapping()
    method = GANSpace(k=5, n=3000, batch=512, seed=7).fit(G)
    codes = G.codes(z=normal(7, torch.arange(3000), 12), space="w")
    mean, values, rows = exact(codes)
    d = method.directions_
    assert np.abs(method.mean_.numpy() - mean).max() <= 1e-6
    assert np.abs(method.covariance_.numpy() - np.cov(codes.double().numpy().T)).max() <= 1e-6
    assert np.abs((d.vectors.double().numpy() * rows[:5]).sum(1)).min() >= 0.9999
    assert np.allclose(d.scale.numpy(), np.sqrt(values[:5]), rtol=1e-4)
    assert np.allclose(method.explained_variance_.numpy(), values[:5], rtol=1e-9)
    ratio = method.explained_variance_ratio_.numpy()
    assert bool((np.diff(ratio) <= 0).all()) and ratio.sum() <= 1
    assert (d.vectors @ d.vectors.T - torch.eye(5)).abs().max() <= 1e-5


def test_facts_of_the_set() -> None:
    d = GANSpace(k=3, n=200, layers="0-3").fit(Mapping(), label=2).directions_
    assert (d.space, d.unit, d.when, d.motion) == ("w", "sigma", "before_truncation", "relative")
    assert d.names == ("pc0", "pc1", "pc2")
    assert d.layers == ((0, 1, 2, 3),) * 3
    assert (d.model_id, d.resolution, d.label) == ("c" * 64, 64, 2)
    assert d.truncation == (1.0, None)
    assert d.mean is not None and abs(float(d.mean.mean()) - 102) < 5
    assert d.covariance is not None and d.covariance.shape == (7, 7)


def test_the_batch_does_not_matter() -> None:
    G = Mapping()
    one = GANSpace(k=4, n=1000, batch=1000).fit(G)
    for batch in (1, 7, 333, 5000):
        other = GANSpace(k=4, n=1000, batch=batch).fit(G)
        assert (one.directions_.vectors - other.directions_.vectors).abs().max() <= 1e-5
        assert (one.covariance_ - other.covariance_).abs().max() <= 1e-6 * one.covariance_.max()
        assert (one.mean_ - other.mean_).abs().max() <= 1e-6 * one.mean_.abs().max()


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)), st.lists(st.integers(1, 199), max_size=5, unique=True))
def test_chunks_and_their_order_do_not_matter(order: list[int], cuts: list[int]) -> None:
    codes = 50 + torch.randn(200, 4, generator=torch.Generator().manual_seed(3)) @ torch.diag(
        torch.tensor([4.0, 3, 2, 1])
    )
    whole = GANSpace(k=4).fit(codes)
    bounds = [0, *sorted(cuts), 200]
    chunks = [codes[a:b] for a, b in pairwise(bounds)]
    chunked = GANSpace(k=4)
    for place in order:
        if place < len(chunks):
            chunked.partial_fit(chunks[place])
    assert chunked.n_samples_ == 200
    assert (whole.covariance_ - chunked.covariance_).abs().max() <= 1e-6
    assert (whole.directions_.vectors - chunked.directions_.vectors).abs().max() <= 1e-6


def test_explicit_seeds_are_the_faces_everyone_knows() -> None:
    G = Mapping()
    method = GANSpace(k=3, batch=16).fit(G, seeds=range(40))
    mean, values, _ = exact(G.codes(z=z_from_seeds(range(40), 12), space="w"))
    assert method.n_samples_ == 40
    assert np.abs(method.mean_.numpy() - mean).max() <= 1e-5
    assert np.allclose(method.explained_variance_.numpy(), values[:3], rtol=1e-5)


def test_fresh_samples_spread_by_sigma() -> None:
    G = Mapping()
    d = GANSpace(k=3, n=4000).fit(G).directions_
    fresh = G.codes(z=normal(99, torch.arange(4000), 12), space="w")
    assert torch.allclose((fresh @ d.vectors.T).std(dim=0), d.scale, rtol=0.1)


def test_arrays_are_codes_too() -> None:
    codes = np.random.RandomState(0).randn(50, 5)[::-1]
    codes.flags.writeable = False
    d = GANSpace(k=2).fit(codes).directions_
    assert d.model_id is None and d.truncation is None and len(d) == 2


def test_wrong_arguments_are_named() -> None:
    codes = torch.randn(50, 5)
    with pytest.raises(ValueError, match=r"\[N, D\]"):
        GANSpace(k=2).fit(torch.randn(5, 5, 5))
    with pytest.raises(ValueError, match="finite"):
        GANSpace(k=2).fit(torch.full((5, 5), torch.nan))
    with pytest.raises(ValueError, match="more than 2 codes, got 2"):
        GANSpace(k=2).fit(codes[:2])
    with pytest.raises(ValueError, match="k must be 1 to 5"):
        GANSpace(k=6).fit(codes)
    with pytest.raises(ValueError, match="fit a generator"):
        GANSpace(k=2, layers="0-3").fit(codes)
    with pytest.raises(
        ValueError, match=r"^GANSpace\(layers=\"0-9\"\): this generator has w slots"
    ):
        GANSpace(k=2, n=50, layers="0-9").fit(Mapping())
    with pytest.raises(ValueError, match="isotropic"):
        GANSpace(k=2, space="z").fit(Mapping())
    with pytest.raises(ValueError, match="not codes"):
        GANSpace(k=2).fit(codes, seeds=[1])
    with pytest.raises(ValueError, match="D = 5 as before"):
        GANSpace(k=2).partial_fit(codes).partial_fit(torch.randn(5, 4))
    with pytest.raises(ValueError, match="batch must be"):
        GANSpace(k=2, batch=0).fit(codes)
