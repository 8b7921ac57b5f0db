"""The scorer: right on generated pictures, wrong on request, and the same wrong each time."""

from __future__ import annotations

import importlib.resources

import pytest
import torch

from steerx import faces
from steerx.faces.gate import pictures_of
from steerx.faces.scorer_training import Quality, evaluate, quality
from steerx.faces.truth import BINARY_FACTORS, FACTORS, Z_DIM


@pytest.fixture(scope="module")
def measured() -> Quality:
    return evaluate(faces.scorer(), pictures_of("faces"), count=400)


@pytest.mark.parametrize("name", [name for name in FACTORS if name not in BINARY_FACTORS])
def test_continuous_factors_are_read_from_generated_pictures(measured: Quality, name: str) -> None:
    assert measured.r2[name] >= 0.95


@pytest.mark.parametrize("name", BINARY_FACTORS)
def test_binary_factors_are_told_apart(measured: Quality, name: str) -> None:
    assert measured.auc[name] >= 0.98


def test_quality_of_perfect_and_of_useless_scores() -> None:
    truth = torch.randn(500, len(FACTORS))
    assert quality(truth, truth).r2["pose"] == pytest.approx(1)
    assert quality(truth, truth).auc["eyeglasses"] == pytest.approx(1)
    assert quality(-truth, truth).auc["eyeglasses"] == pytest.approx(0)


def test_label_noise_has_the_asked_size_and_its_seed_repeats_it() -> None:
    images = faces.draw(torch.randn(400, Z_DIM))
    exact, noisy = faces.scorer(), faces.scorer(label_noise=0.5, seed=3)
    clean, first, second = exact(images), noisy(images), noisy(images)
    error = (first - clean) / exact.spread
    assert error.std().item() == pytest.approx(0.5, rel=0.1)
    assert not torch.equal(first, second)
    noisy.reset()
    assert torch.equal(noisy(images), first)
    assert torch.equal(faces.scorer(label_noise=0.5, seed=3)(images), first)
    assert not torch.equal(faces.scorer(label_noise=0.5, seed=4)(images), first)


def test_other_sizes_are_scored_alike() -> None:
    z = torch.randn(50, Z_DIM)
    scorer = faces.scorer()
    small, large = scorer(faces.draw(z)), scorer(faces.draw(z, resolution=128))
    assert (small - large).abs().mean() < 0.1


def test_the_file_is_small() -> None:
    path = importlib.resources.files("steerx") / "faces" / "scorer.safetensors"
    assert len(path.read_bytes()) <= 500_000


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="label_noise must be at least 0, got -1"):
        faces.scorer(label_noise=-1)
    with pytest.raises(ValueError, match=r"images must be \[N, 3, H, W\], got \[3, 64, 64\]"):
        faces.scorer()(torch.zeros(3, 64, 64))
