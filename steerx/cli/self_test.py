"""Numeric self-test: what a native kernel answers against the reference in float64."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..ops import REGISTRY

LIMIT = 1e-5  # float32 sums of a few hundred terms in another order stay well below it


def error(name: str, device: str) -> float:
    """Largest error of an operator in float32 on a device, relative to its largest output.

    Raises:
        KeyError: no example inputs for this operator.
    """
    operator = REGISTRY[name]
    inputs = EXAMPLES[name](torch.Generator().manual_seed(85))
    exact = operator.reference(*(_moved(value, torch.float64) for value in inputs))
    answer = operator.call(*(_moved(value, torch.float32, device) for value in inputs))
    return float((answer.cpu().double() - exact).abs().max() / exact.abs().max())


def _moved(value: Any, dtype: torch.dtype, device: str = "cpu") -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.to(device, dtype if value.is_floating_point() else None)


def _random(random: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=random)


def _filter() -> Tensor:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) / taps.sum() ** 2


def _edit_styles(r: torch.Generator) -> tuple[Any, ...]:
    rows = torch.arange(33)
    return (_random(r, 3, 129), _random(r, 5, 129), _random(r, 33), rows % 3, rows % 5)


def _layer_inputs(r: torch.Generator, outputs: int, taps: int) -> tuple[Tensor, Tensor, Tensor]:
    return _random(r, 2, 24, 9, 9), _random(r, 2, 24) + 1, _random(r, outputs, 24, taps, taps)


# One example for each operator, in the order of its schema, of odd sizes.
EXAMPLES: dict[str, Any] = {
    "bias_act": lambda r: (_random(r, 2, 17, 9, 7), _random(r, 17), 0.2, 2**0.5, 4.0),
    "edit_styles": _edit_styles,
    "upfirdn2d": lambda r: (_random(r, 2, 5, 9, 7), _filter(), 2, 1, [2, 1, 2, 1], 4.0),
    "modulated_conv2d": lambda r: (*_layer_inputs(r, 17, 3), _filter(), 2, 1, True),
    "style_layer": lambda r: (
        *_layer_inputs(r, 17, 3),
        *(_random(r, 17), _random(r, 18, 18), torch.tensor(0.3), None, 0),
        *(_filter(), 2, True, 0.2, 2**0.5, 256.0),
    ),
    "to_rgb": lambda r: (
        *_layer_inputs(r, 3, 1),
        *(_random(r, 3), None, None, 256.0),
    ),
}
