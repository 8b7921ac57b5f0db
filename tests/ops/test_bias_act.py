from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from steerx import ops

DIFFERENTIABLE = (0, 1)


def samples(dtype: torch.dtype) -> Iterator[tuple[Any, ...]]:
    yield torch.randn(2, 3, 5, 4, dtype=dtype), torch.randn(3, dtype=dtype), 0.2, 1.4, None
    yield torch.randn(2, 3, 5, 4, dtype=dtype), None, 0.2, 1.4, 0.8
    yield torch.randn(3, 7, dtype=dtype), torch.randn(7, dtype=dtype), 1.0, 1.0, 1.1


def empty(dtype: torch.dtype) -> tuple[Any, ...]:
    return torch.randn(0, 3, 5, 4, dtype=dtype), torch.randn(3, dtype=dtype), 0.2, 1.4, None


def test_the_published_numbers(goldens: Path) -> None:
    data = np.load(goldens / "rosinality_fork_ops.npz", allow_pickle=False)
    x, b, y = (torch.from_numpy(data[k]) for k in ("ufd/x", "flrelu/b", "flrelu/y"))
    torch.testing.assert_close(ops.bias_act(x, b), y, rtol=0, atol=1e-6)


def test_the_formula_by_hand() -> None:
    x = torch.tensor([[-1.0, 2.0]])
    y = ops.bias_act(x, torch.tensor([0.5, 1.0]), slope=0.1, gain=2.0, clamp=4.0)
    torch.testing.assert_close(y, torch.tensor([[-0.1, 4.0]]))
    torch.testing.assert_close(ops.bias_act(x), torch.tensor([[-0.2, 2.0]]) * math.sqrt(2))


@pytest.mark.parametrize(
    "changed, error, message",
    [
        ({"x": torch.ones(2, 3, dtype=torch.int64)}, TypeError, "x must be of a floating-point"),
        ({"x": torch.randn(3)}, ValueError, r"x must be \[N, C, ...\], got \[3\]"),
        ({"bias": torch.randn(4)}, ValueError, r"bias must be \[C\] with C = 3, got \[4\]"),
        ({"slope": 0.0}, ValueError, "slope must be a positive finite number, got 0.0"),
        ({"gain": -1.0}, ValueError, "gain must be a positive"),
        ({"clamp": math.inf}, ValueError, "clamp must be a positive finite"),
    ],
)
def test_mistakes_are_named(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match="bias_act: " + message):
        ops.bias_act(**{"x": torch.randn(2, 3), **changed})
