"""What a convolution is multiplied by: its formula, in the same bits for any batch."""

from __future__ import annotations

import pytest
import torch

from steerx.ops import _demodulation, _library


def arguments(n: int, i: int, o: int) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    return torch.randn(n, i).clamp(-1, 1), torch.rand(n, 1), torch.rand(i, o), 0.1 + torch.rand(o)


@pytest.mark.parametrize("o", [1, 16, 37, 128, 300])
def test_it_is_the_formula(o: int) -> None:
    unit, unit_scale, power, scale = arguments(3, 50, o)
    found = _demodulation.demodulation(unit, unit_scale, power, scale)
    wide = [t.double() for t in (unit, unit_scale, power, scale)]
    under = wide[0].square() @ wide[2] + 1e-8 / (wide[1] * wide[3]).square()
    torch.testing.assert_close(found.double(), under.rsqrt(), rtol=2e-6, atol=0)
    if not _library.has_kernel("_demodulation", "CPU"):
        return
    for n in range(3):  # by the kernel, in the same bits
        assert torch.equal(
            _demodulation.demodulation(unit[n : n + 1], unit_scale[n : n + 1], power, scale)[0],
            found[n],
        )


def test_an_empty_style_and_an_empty_weight_are_finite() -> None:
    unit, unit_scale, power, scale = arguments(2, 4, 3)
    found = _demodulation.demodulation(unit * 0, unit_scale, power, scale * 1e25)
    assert found.isfinite().all()
    assert _demodulation.demodulation(unit[:0], unit_scale[:0], power, scale).shape == (0, 3)


def test_what_would_harm_memory_is_refused() -> None:
    if not _library.has_kernel("_demodulation", "CPU"):
        pytest.skip("no native library")
    unit, unit_scale, power, scale = arguments(2, 4, 3)
    for wrong, name in (
        ((unit, unit_scale[:1], power, scale), "unit_scale"),
        ((unit, unit_scale, power[:3], scale), "power"),
        ((unit, unit_scale, power, scale.double()), "scale"),
        ((unit, unit_scale, power.t(), scale), "power|scale"),
    ):
        with pytest.raises(RuntimeError, match=name):
            _demodulation.demodulation(*wrong)
