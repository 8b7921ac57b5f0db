"""What directions read off codes: signed distances, and sigma, shared and per layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from steerx.directions import Directions, InterFaceGAN


def unit(*shape: int, seed: int = 0) -> Tensor:
    vectors = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()
    return vectors / vectors.norm(dim=-1, keepdim=True)


def test_distances_count_the_intercept_and_not_the_scale() -> None:
    v, offsets, codes = unit(2, 6), torch.tensor([0.5, -2.0]).double(), torch.randn(7, 6)
    d = Directions(v, space="w", intercepts=offsets, scale=torch.tensor([3.0, 4.0]))
    expected = codes.double() @ v.T + offsets
    found = d.distances(codes)
    assert found.dtype == torch.float64 and found.shape == (7, 2)
    assert (found - expected).abs().max() <= 1e-12
    assert ((-d).distances(codes) + expected).abs().max() <= 1e-12
    through_zero = Directions(v, space="w", layers=(1,)).distances(codes)
    assert (through_zero - (expected - offsets)).abs().max() <= 1e-12


def test_distances_per_layer() -> None:
    v, offsets, codes = unit(2, 3, 6), torch.randn(2, 3).double(), torch.randn(7, 3, 6)
    v[1, 2] = 0
    found = Directions(v, space="w_plus", intercepts=offsets).distances(codes)
    assert found.shape == (7, 2, 3)
    for row in range(3):
        expected = codes[:, row].double() @ v[:, row].T + offsets[:, row]
        if row == 2:
            assert bool(found[:, 1, row].isnan().all())  # no plane there
            found, expected = found[:, :1], expected[:, :1]
        assert (found[:, : expected.shape[1], row] - expected).abs().max() <= 1e-12
    shared = Directions(v[:, 0], space="w", intercepts=offsets[:, 0])
    layered = shared.distances(codes)
    assert layered.shape == (7, 2, 3)
    assert (layered[:, :, 1] - shared.distances(codes[:, 1])).abs().max() <= 1e-12


def test_distances_of_styles() -> None:
    v = unit(2, 7)
    d = Directions(v, space="styles", style_sizes=[4, 3])
    styles = [torch.randn(5, 4), torch.randn(5, 3)]
    assert (d.distances(styles) - torch.cat(styles, 1).double() @ v.T).abs().max() <= 1e-12
    with pytest.raises(ValueError, match=r"styles must have \[4, 3\] channels.*got \[3, 4\]"):
        d.distances(styles[::-1])
    with pytest.raises(ValueError, match="beside directions in w"):
        Directions(unit(1, 7), space="w").distances(styles)


@pytest.mark.parametrize(
    ("space", "shape", "codes", "part"),
    [
        ("z", (2, 6), torch.randn(4, 3, 6), r"must be \[N, 6\], got"),
        ("w", (2, 6), torch.randn(4, 5), r"\[N, 6\] or \[N, L, 6\]"),
        (
            "w",
            (2, 6),
            torch.ones(4, 6, dtype=torch.int64),
            "floating-point numbers, got torch.int64",
        ),
        ("w_plus", (2, 3, 6), torch.randn(4, 6), r"\[N, 3, 6\], got"),
        ("w_plus", (2, 3, 6), torch.randn(4, 2, 6), r"\[N, 3, 6\], got"),
    ],
)
def test_codes_that_do_not_fit(
    space: str, shape: tuple[int, ...], codes: Tensor, part: str
) -> None:
    with pytest.raises(ValueError, match=part):
        Directions(unit(*shape), space=space).distances(codes)


def test_distances_classify_as_the_accuracy_says() -> None:
    draw = np.random.RandomState(0)
    codes = draw.randn(500, 8) + 3
    scores = codes[:, 0] + draw.randn(500)
    method = InterFaceGAN(0.3, split=1.0).fit(codes, scores)
    order = np.argsort(scores)
    far = torch.from_numpy(np.r_[codes[order[-150:]], codes[order[:150]]])
    right = (method.directions_.distances(far)[:, 0] >= 0) == (torch.arange(300) < 150)
    assert abs(float(right.double().mean()) - float(method.accuracy_["train"][0])) <= 1e-9


def test_in_sigma_keeps_the_covariance_it_was_given() -> None:
    codes = torch.randn(4000, 6) * torch.tensor([3.0, 2.0, 1.0, 0.5, 0.2, 0.1])
    covariance = torch.cov(codes.T)
    d = Directions(unit(3, 6).float(), space="w").in_sigma(covariance)
    assert d.covariance is not None and torch.equal(d.covariance, covariance)
    corr = np.corrcoef((codes @ d.vectors.T).numpy().T)
    assert np.abs(d.cosines(metric="covariance").numpy() - corr).max() <= 1e-4
    out = d[0].orthogonal_to(d[1], metric="covariance")
    assert out.unit == "sigma"
    reading = (codes @ out.vectors[0]).std()
    assert abs(float(out.scale[0]) - float(reading)) <= 1e-4 * float(reading)


def test_in_sigma_per_layer_is_the_mean_square_over_the_rows_that_move() -> None:
    mix = torch.randn(6, 6).double()
    covariance, v = mix @ mix.T, unit(2, 3, 6)
    v[1, 0] = 0
    rows = ((v @ covariance) * v).sum(-1)
    d = Directions(v, space="w_plus").in_sigma(covariance)
    assert d.unit == "sigma"
    assert abs(float(d.scale[0] ** 2 - rows[0].mean())) <= 1e-9
    assert abs(float(d.scale[1] ** 2 - rows[1, 1:].mean())) <= 1e-9
    some = Directions(v, space="w_plus", layers=[1, 2]).in_sigma(covariance)
    assert abs(float(some.scale[0] ** 2 - rows[0, 1:].mean())) <= 1e-9
    same = unit(1, 6)
    on_all = Directions(same[:, None].expand(-1, 3, -1), space="w_plus").in_sigma(covariance)
    shared = Directions(same, space="w").in_sigma(covariance)
    assert abs(float(on_all.scale - shared.scale)) <= 1e-9
    with pytest.raises(ValueError, match=r"covariance must be \[6, 6\].*got \[3, 3\]"):
        d.in_sigma(torch.eye(3))
    with pytest.raises(ValueError, match=r"covariance must be \[6, 6\].*got \[1\]"):
        d.in_sigma([1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no positive finite variance"):
        d.in_sigma(torch.zeros(6, 6))


def test_codes_may_be_arrays_and_nothing_stranger() -> None:
    d, codes = Directions(unit(2, 6), space="w"), np.random.RandomState(0).randn(4, 6)
    assert torch.equal(d.distances(codes[::-1]), d.distances(torch.from_numpy(codes)).flip(0))
    for strange, said in ((3, "got int"), ([1.0, 2.0], "got float"), ([], "got an empty list")):
        with pytest.raises(ValueError, match=f"codes must be a tensor or an array.*{said}"):
            d.distances(strange)  # type: ignore[arg-type]
