"""_demodulation: what a convolution of scaled styles with scaled weights is multiplied by. Private to renderers.

`steerx/rendering/convolution.py` says why they are scaled. The native kernel sums over the inputs in one order
for any batch, which no matrix product of a library promises.
"""

from __future__ import annotations

from torch import Tensor

from ._library import define_private
from ._modulated_conv2d import EPS

SCHEMA = (
    "_demodulation(Tensor unit, Tensor unit_scale, Tensor power, Tensor scale, float eps, float least, "
    "Tensor(a!) factor) -> ()"
)
_SMALLEST = 1e-37  # a normal float32: keeps 0 * rsqrt(0) from being NaN


def reference(
    unit: Tensor,
    unit_scale: Tensor,
    power: Tensor,
    scale: Tensor,
    eps: float,
    least: float,
    factor: Tensor,
) -> None:
    under = unit.square() @ power + eps / (unit_scale * scale).square()
    factor.copy_(under.clamp_min(least).rsqrt())


_call = define_private(SCHEMA, reference=reference)


def demodulation(unit: Tensor, unit_scale: Tensor, power: Tensor, scale: Tensor) -> Tensor:
    """rsqrt(sum_i s'^2 P + eps / (a b)^2) of s' [N, I], a [N, 1], P [I, O], b [O], all float32: [N, O]."""
    factor = unit.new_empty(unit.shape[0], power.shape[1])
    _call(unit.contiguous(), unit_scale, power, scale, EPS, _SMALLEST, factor)
    return factor
