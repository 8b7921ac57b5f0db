"""The estimators of GANSpace, and the published program's way."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.decomposition import IncrementalPCA
from torch import Tensor

from steerx._seeds import normal
from steerx.directions import GANSpace
from tests.tiny import tiny_generator


def independent(n: int = 3000) -> tuple[Tensor, Tensor]:
    """Codes mixed from uniform sources, and the rows that unmix them."""
    draw = torch.Generator().manual_seed(0)
    sources = (torch.rand(n, 4, generator=draw) - 0.5) * torch.tensor([4.0, 3, 2, 1])
    mix = torch.linalg.qr(torch.randn(4, 4, generator=draw)).Q
    return sources @ mix + 5, mix


def test_ica_unmixes_independent_sources() -> None:
    codes, wanted = independent()
    method = GANSpace(4, estimator="ica").fit(codes)
    d = method.directions_
    cosines = (d.vectors @ wanted.T).abs()
    assert float(cosines.max(dim=1).values.min()) >= 0.99
    assert sorted(cosines.argmax(dim=1).tolist()) == [0, 1, 2, 3]
    assert bool((d.scale.diff() <= 0).all())
    assert torch.allclose(d.scale, (codes @ d.vectors.T).std(dim=0), rtol=1e-4)


@pytest.mark.parametrize("estimator", ["ica", "spca", "ipca"])
def test_the_same_codes_give_the_same_components(estimator: str) -> None:
    codes, _ = independent(800)
    one, other = (GANSpace(3, estimator=estimator).fit(codes) for _ in range(2))  # type: ignore[arg-type]
    v = one.directions_.vectors
    assert torch.equal(v, other.directions_.vectors)
    assert torch.allclose(v.norm(dim=1), torch.ones(3))
    assert bool((v.gather(1, v.abs().argmax(1, keepdim=True)) > 0).all())
    assert bool((one.directions_.scale.diff() <= 0).all())
    assert one.directions_.covariance is not None and one.n_samples_ == 800


def test_sparse_components_have_noughts() -> None:
    draw = torch.Generator().manual_seed(1)
    parts = torch.randn(600, 2, generator=draw)
    codes = torch.cat([parts[:, :1].repeat(1, 4) * 3, parts[:, 1:].repeat(1, 4)], dim=1)
    d = GANSpace(2, estimator="spca").fit(codes + 0.01 * torch.randn(600, 8, generator=draw))
    assert int((d.directions_.vectors.abs() < 1e-6).sum()) >= 6


def test_in_memory_estimators_see_the_first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steerx.directions.components.IN_MEMORY", 400)
    codes, _ = independent(800)
    few = GANSpace(2, estimator="ica", batch=30).fit(codes)
    assert few.n_samples_ == 100
    assert torch.equal(
        few.directions_.vectors, GANSpace(2, estimator="ica").fit(codes[:100]).directions_.vectors
    )


def test_compat_is_incremental_pca() -> None:
    G = tiny_generator()
    method = GANSpace(3, n=900, batch=300, compat="ganspace").fit(G)
    codes = G.codes(z=normal(0, torch.arange(900), 8), space="w")
    assert isinstance(codes, Tensor)
    wanted = IncrementalPCA(3, batch_size=300).fit(codes.double().numpy())
    d = method.directions_
    assert np.abs(d.vectors.numpy() - wanted.components_).max() <= 1e-6
    assert np.allclose(d.scale.numpy(), np.sqrt(wanted.explained_variance_), rtol=1e-6)
    assert np.allclose(method.explained_variance_ratio_, wanted.explained_variance_ratio_)
    exact = GANSpace(3, n=900).fit(G).directions_
    assert float((exact.vectors * d.vectors).sum(1).abs().min()) >= 0.99
    layered = GANSpace(3, n=400, layer="act:1", compat="ganspace").fit(G).directions_
    assert layered.vectors.shape == (3, 12)


def test_a_short_last_chunk_of_incremental_pca_is_said() -> None:
    codes, _ = independent(101)
    with pytest.warns(UserWarning, match="last 1 codes are fewer than k = 3"):
        GANSpace(3, estimator="ipca", batch=50).fit(codes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GANSpace(3, estimator="ipca", batch=2).fit(codes[:99])


def test_wrong_estimators_are_named() -> None:
    codes, _ = independent(50)
    with pytest.raises(ValueError, match="estimator must be one of pca, ipca, ica, spca"):
        GANSpace(2, estimator="umap").fit(codes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="compat must be one of None, ganspace"):
        GANSpace(2, compat="sefa").fit(codes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='repeated with estimator="ipca" only'):
        GANSpace(2, compat="ganspace", estimator="ica").fit(codes)
    with pytest.raises(ValueError, match="takes chunks"):
        GANSpace(2, estimator="ica").partial_fit(codes)
    with pytest.raises(ValueError, match="k must be 1 or more"):
        GANSpace(0).fit(codes)
    for estimator in ("pca", "ipca", "ica", "spca"):
        with pytest.raises(ValueError, match="all 50 codes are the same"):
            GANSpace(2, estimator=estimator).fit(torch.ones(50, 4))  # type: ignore[arg-type]
