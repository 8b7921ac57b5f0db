"""The drawing: any batch, any resolution, and nothing in z without effect."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from steerx import faces
from steerx.faces.truth import Z_DIM, basis


def test_pictures_are_in_range_and_of_the_asked_size() -> None:
    images = faces.draw(torch.randn(5, Z_DIM), resolution=50)
    assert images.shape == (5, 3, 50, 50)
    assert images.min() >= -1
    assert images.max() <= 1
    assert images.std() > 0.2


def test_a_picture_does_not_depend_on_its_batch() -> None:
    z = torch.randn(6, Z_DIM)
    one_by_one = torch.cat([faces.draw(row[None]) for row in z])
    assert torch.allclose(faces.draw(z), one_by_one, atol=1e-4)


def test_resolutions_show_the_same_face() -> None:
    z = torch.randn(8, Z_DIM)
    large = F.avg_pool2d(faces.draw(z, resolution=256), 4)
    assert (large - faces.draw(z)).abs().mean() < 0.015


def test_every_coordinate_of_z_matters() -> None:
    z = torch.randn(1, Z_DIM)
    directions = torch.cat([torch.eye(Z_DIM), basis()])
    change = faces.draw(z + 0.5 * directions) - faces.draw(z - 0.5 * directions)
    assert change.abs().amax((1, 2, 3)).min() > 0.01


@pytest.mark.parametrize("name", faces.FACTORS)
def test_every_factor_is_seen(name: str) -> None:
    z = torch.randn(40, Z_DIM)
    change = faces.draw(faces.moved(z, name, 1.28)) - faces.draw(faces.moved(z, name, -1.28))
    assert change.abs().amax((1, 2, 3)).min() > 0.3
    assert change.abs().mean() > 0.01


def test_a_small_step_in_z_is_a_small_step_in_the_picture() -> None:
    z = torch.randn(16, Z_DIM)
    step = 0.01 * torch.randn(16, Z_DIM)
    assert (faces.draw(z + step) - faces.draw(z)).abs().max() < 0.25


def test_a_resolution_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="resolution must be positive, got 0"):
        faces.draw(torch.randn(1, Z_DIM), resolution=0)
