"""Mean and covariance of a stream: float32 products in float64 sums against float64 throughout, and NumPy.

pytest bench/bench_moments.py                      # pytest-benchmark's table
python -m bench.bench_moments --out bench/results  # interleaved ratios as a dated JSON
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from bench.ratios import Case, Side, main
from steerx.ops._moments import moments, reference

SHAPES = {"10,000 x 512": (10_000, 512), "1,000 x 512": (1_000, 512), "10,000 x 64": (10_000, 64)}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def rows(n: int, d: int) -> Tensor:
    torch.manual_seed(0)
    return (1 + torch.randn(n, d) * torch.logspace(0, -2, d)).to(DEVICE)


def sums(d: int) -> tuple[Tensor, Tensor]:
    wide = torch.zeros(d + 1, d, dtype=torch.float64, device=DEVICE)
    return wide[0], wide[1:]


def covariance(n: int, sum: Tensor, products: Tensor) -> Tensor:
    return (products - torch.outer(sum, sum) / n) / (n - 1)


def operator(x: Tensor) -> Tensor:
    sum, products = sums(x.shape[1])
    moments(x, x[0], sum, products)
    return covariance(len(x), sum, products)


def plain(x: Tensor) -> Tensor:
    sum, products = sums(x.shape[1])
    reference(x, x[0], sum, products)
    return covariance(len(x), sum, products)


def float64(x: Tensor) -> Tensor:
    centred = x.double() - x.mean(0, dtype=torch.float64)
    return centred.mT @ centred / (len(x) - 1)


def six_lines(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return (centred.mT @ centred).double() / (len(x) - 1)


def numpy(x: Tensor) -> Tensor:
    return torch.from_numpy(np.cov(x.cpu().numpy(), rowvar=False))


def sides() -> list[Side]:
    found = [Side("operator", operator), Side("plain torch", plain), Side("float64", float64)]
    return [*found, Side("float32 throughout", six_lines), Side("numpy.cov", numpy)]


def cases() -> list[Case]:
    return [Case(name, (rows(*shape),)) for name, shape in SHAPES.items()]


@pytest.mark.parametrize("case", cases(), ids=lambda c: c.name)
@pytest.mark.parametrize("side", sides(), ids=lambda s: s.name)
def test_moments(benchmark: BenchmarkFixture, case: Case, side: Side) -> None:
    benchmark.group = f"moments, {case.name}"
    benchmark.extra_info.update(side=side.name, ours=side.name == "operator")
    truth = float64(*case.args).cpu()
    ours = side.call(*case.args).cpu().double()
    torch.testing.assert_close(ours, truth, rtol=1e-4, atol=1e-5 * float(truth.max()))
    benchmark(side.call, *case.args)


if __name__ == "__main__":
    main("moments", [(sides(), case) for case in cases()])
