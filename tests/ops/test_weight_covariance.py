"""_weight_covariance is private: plain torch on the CPU, a kernel on CUDA."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from steerx.ops._weight_covariance import weight_covariance


def layers(*channels: int, d: int = 7) -> list[Tensor]:
    return [torch.randn(c, d) for c in channels]


def definition(weights: list[Tensor], normalize: bool) -> Tensor:
    found = []
    for weight in weights:
        total = torch.zeros(weight.shape[1], weight.shape[1], dtype=torch.float64)
        for row in weight.double():
            size = row.norm() if normalize and row.any() else 1.0
            total += torch.outer(row / size, row / size)
        found.append(total)
    return torch.stack(found)


@pytest.mark.parametrize("normalize", [True, False])
def test_every_layer_is_its_product(normalize: bool) -> None:
    weights = layers(5, 1, 0, 33)
    weights[3][4] = 0
    found = weight_covariance(weights, normalize=normalize)
    torch.testing.assert_close(found, definition(weights, normalize))


def test_the_trace_counts_channels_that_listen() -> None:
    weights = layers(6, 11)
    weights[1][3] = 0
    found = weight_covariance(weights)
    trace = found.diagonal(dim1=1, dim2=2).sum(1)
    torch.testing.assert_close(trace, torch.tensor([6.0, 10.0], dtype=torch.float64))
    scaled = [weights[0] * -3, weights[1] * 100]
    torch.testing.assert_close(weight_covariance(scaled), found)


def test_it_is_what_the_closed_form_solves() -> None:
    from steerx.directions.closed_form import eigen_directions

    weights = layers(6, 11, 9)
    values, rows = eigen_directions(weights)
    matrix = weight_covariance(weights).sum(0)
    torch.testing.assert_close(matrix @ rows.mT, rows.mT * values)


MISTAKES: list[tuple[Any, type[Exception], str]] = [
    ([], ValueError, "at least one layer"),
    ([torch.zeros(3)], ValueError, r"weights\[0\] must be \[C, D\], got \[3\]"),
    (layers(2) + layers(2, d=3), ValueError, r"weights\[1\] must be \[C, D\] with D = 7"),
    ([torch.zeros(2, 3).double()], TypeError, r"weights\[0\] must be float32"),
]


@pytest.mark.parametrize("wrong, error, message", MISTAKES)
def test_mistakes_are_named(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match="weight_covariance: .*" + message):
        weight_covariance(wrong)


@pytest.mark.cuda
@pytest.mark.parametrize("normalize", [True, False])
def test_cuda_layers(normalize: bool) -> None:
    weights = layers(5, 1, 0, 130, *[3] * 40, d=129)
    weights[3][4] = 0
    found = weight_covariance([w.cuda() for w in weights], normalize=normalize).cpu()
    torch.testing.assert_close(found, definition(weights, normalize), rtol=1e-5, atol=1e-5)
