"""Linear and spherical interpolation."""

from __future__ import annotations

import pytest
import torch

from steerx.interpolation import lerp, slerp
from tests.test_editing import unit


def test_interpolation_meets_its_ends() -> None:
    a, b = torch.randn(2, 8, dtype=torch.float64), torch.randn(2, 8, dtype=torch.float64)
    t = torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64)
    for path in (lerp(a, b, t), slerp(a, b, t)):
        assert path.shape == (3, 2, 8)
        torch.testing.assert_close(path[0], a)
        torch.testing.assert_close(path[2], b)
    torch.testing.assert_close(lerp(a, b, 0.25), a + 0.25 * (b - a))


def test_slerp_keeps_lengths_and_speed() -> None:
    a, b = unit(4, 16).double(), unit(4, 16).double()
    path = slerp(a, b, torch.linspace(0, 1, 5, dtype=torch.float64))
    torch.testing.assert_close(path.norm(dim=-1), torch.ones(5, 4).double(), rtol=1e-6, atol=1e-6)
    steps = (path[1:] - path[:-1]).norm(dim=-1)
    torch.testing.assert_close(steps, steps[:1].expand_as(steps), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(slerp(a, a, 0.3), a)
    with pytest.raises(ValueError, match="opposite directions"):
        slerp(a, -a, 0.5)


def test_opposite_codes_are_seen_in_float32() -> None:
    a = torch.randn(200, 64)
    for code in a:
        with pytest.raises(ValueError, match="opposite directions"):
            slerp(code[None], -code[None], 0.5)


@pytest.mark.parametrize(
    "a, b, t, error",
    [
        (torch.randn(2, 8), torch.randn(1, 8), 0.5, r"one shape, got \[2, 8\] and \[1, 8\]"),
        (torch.randn(2, 8), torch.randn(2, 8), float("nan"), "t must be a finite number"),
        (torch.randn(2, 8), torch.randn(2, 8), torch.zeros(2, 2), r"got \[2, 2\]"),
    ],
)
def test_interpolation_of_what_does_not_fit(a, b, t, error) -> None:
    for path in (lerp, slerp):
        with pytest.raises(ValueError, match=f"{path.__name__}: .*{error}"):
            path(a, b, t)


def test_a_code_that_points_nowhere_has_no_great_circle() -> None:
    a = torch.randn(2, 8)
    with pytest.raises(ValueError, match="slerp: a code of length 0"):
        slerp(a, torch.zeros(2, 8), 0.5)
    with pytest.raises(ValueError, match=r"slerp: a code of length 0 \(or NaN\)"):
        slerp(a * float("nan"), a, 0.5)
    torch.testing.assert_close(lerp(a, torch.zeros(2, 8), 0.5), a / 2)
