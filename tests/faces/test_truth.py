"""The truth of the drawn world: known orthonormal directions of the normalised z."""

from __future__ import annotations

import pytest
import torch

from steerx import faces
from steerx.faces.truth import Z_DIM, basis, coordinates


@pytest.fixture
def z() -> torch.Tensor:
    return torch.randn(4000, Z_DIM)


def test_directions_are_orthonormal_to_the_last_bit() -> None:
    rows = basis().double()
    assert torch.equal(rows @ rows.T, torch.eye(Z_DIM, dtype=torch.float64))
    assert list(faces.directions()) == list(faces.FACTORS)


def test_factors_ignore_the_length_of_z(z: torch.Tensor) -> None:
    assert torch.allclose(faces.factors(3 * z), faces.factors(z), atol=1e-5)


@pytest.mark.parametrize("name", faces.FACTORS)
def test_moving_along_a_direction_moves_its_factor_alone(name: str) -> None:
    z = faces.moved(torch.randn(50, Z_DIM), "pose", 0.0)
    low, high = faces.moved(z, name, -1.0), faces.moved(z, name, 1.0)
    change = faces.factors(high) - faces.factors(low)
    others = [i for i, other in enumerate(faces.FACTORS) if other not in (name, "eyeglasses")]
    assert (change[:, faces.FACTORS.index(name)] > 1).all()
    assert change[:, others].abs().max() < 1e-5
    step = (high - low) / 2
    assert torch.allclose(step, faces.directions()[name].expand_as(step), atol=1e-5)


def test_columns_are_standard(z: torch.Tensor) -> None:
    place = coordinates(z)
    assert place.mean(0).abs().max() < 0.1
    assert (place.std(0) - 1).abs().max() < 0.1


def test_eyeglasses_lean_on_age_but_not_in_a_line(z: torch.Tensor) -> None:
    values = faces.factors(z)
    age, wear = (values[:, faces.FACTORS.index(name)] for name in ("age", "eyeglasses"))
    assert torch.corrcoef(torch.stack([age, wear]))[0, 1] > 0.3
    young, middle, old = wear[age < -1].mean(), wear[age.abs() < 0.3].mean(), wear[age > 1].mean()
    assert old - middle > 2 * (middle - young) > 0
    assert 0.3 < (wear > 0).float().mean() < 0.6


def test_bad_z_and_unknown_factors_are_refused() -> None:
    with pytest.raises(ValueError, match=r"z must be \[N, 64\], got \[3, 32\]"):
        faces.factors(torch.randn(3, 32))
    with pytest.raises(ValueError, match="factor must be one of pose"):
        faces.moved(torch.randn(3, Z_DIM), "smiles", 1.0)
