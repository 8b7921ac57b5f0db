"""eigh against the library's batched call and a loop over it; on a GPU against the batched cuSOLVER call.

pytest bench/bench_eigh.py                      # pytest-benchmark's table
python -m bench.bench_eigh --out bench/results  # interleaved ratios as a dated JSON
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from bench.ratios import Case, Side, main
from steerx import ops

# Rayleigh-Ritz and top-k per layer are small batches of small matrices, SeFa and GANSpace single large ones.
SHAPES = {  # b matrices, n
    "64 of n = 8": (64, 8),
    "18 of n = 32": (18, 32),
    "64 of n = 64": (64, 64),
    "1 of n = 64": (1, 64),
    "18 of n = 256": (18, 256),
    "1 of n = 512": (1, 512),
}


def matrices(b: int, n: int) -> Tensor:
    torch.manual_seed(0)
    a = torch.randn(b, 2 * n, n) * torch.logspace(0, -1, n)
    return (a.mT @ a).to("cuda" if torch.cuda.is_available() else "cpu")


def bare(a: Tensor) -> Any:
    """Ascending, signs as they come: less than the operator gives."""
    return torch.linalg.eigh(a)


def looped(a: Tensor) -> Any:
    return [torch.linalg.eigh(one) for one in a]


def sides() -> list[Side]:
    operator = ops.REGISTRY["eigh"]
    return [
        Side("operator", operator.call),
        Side("plain torch", operator.reference),
        Side("torch.linalg.eigh, batched", bare),
        Side("torch.linalg.eigh, one by one", looped),
    ]


def cases() -> list[Case]:
    return [Case(name, (matrices(*shape),)) for name, shape in SHAPES.items()]


@pytest.mark.parametrize("case", cases(), ids=lambda c: c.name)
@pytest.mark.parametrize("side", sides(), ids=lambda s: s.name)
def test_eigh(benchmark: BenchmarkFixture, case: Case, side: Side) -> None:
    benchmark.group = f"eigh, {case.name}"
    benchmark.extra_info.update(side=side.name, ours=side.name == "operator")
    (a,) = case.args
    mine, bares = ops.eigh(a)[0], bare(a)[0].flip(-1)
    torch.testing.assert_close(mine, bares, rtol=1e-4, atol=1e-5 * float(bares.abs().max()))
    with torch.no_grad():
        benchmark(side.call, *case.args)


if __name__ == "__main__":
    main("eigh", [(sides(), case) for case in cases()])
