"""edit_styles against plain torch and, where a C++ compiler is found, torch.compile of the reference.

pytest bench/bench_edit_styles.py                      # pytest-benchmark's table
python -m bench.bench_edit_styles --out bench/results  # interleaved ratios as a dated JSON
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.ratios import Case, Side, compiled, main
from steerx import ops

# One row holds every style of a network; S of stock StyleGAN2 at 256 and 1024 pixels, and a small one.
SHAPES = {  # n codes, k directions, b rows, s channels
    "S = 1024, 8 rows": (8, 4, 8, 1024),
    "S = 4928, 32 rows": (8, 4, 32, 4928),
    "S = 9088, 64 rows": (8, 4, 64, 9088),
    "S = 9088, 512 rows": (16, 10, 512, 9088),
}


def arguments(n: int, k: int, b: int, s: int, device: str = "cpu") -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    base, steps, alphas = torch.randn(n, s), torch.randn(k, s), torch.randn(b)
    rows = torch.arange(b)
    return tuple(t.to(device) for t in (base, steps, alphas, rows % n, rows % k))


def sides() -> list[Side]:
    operator = ops.REGISTRY["edit_styles"]
    reference = operator.reference
    found = [Side("operator", operator.call), Side("plain torch", reference)]
    found.append(Side("operator behind its checks", ops.edit_styles))
    if (inductor := compiled(reference)) is not None:
        found.append(Side("torch.compile", inductor))
    return found


def cases() -> list[Case]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return [Case(name, arguments(*shape, device=device)) for name, shape in SHAPES.items()]


@pytest.mark.parametrize("case", cases(), ids=lambda c: c.name)
@pytest.mark.parametrize("side", sides(), ids=lambda s: s.name)
def test_edit_styles(benchmark: BenchmarkFixture, case: Case, side: Side) -> Any:
    benchmark.group = f"edit_styles, {case.name}"
    benchmark.extra_info.update(side=side.name, ours=side.name == "operator")
    with torch.no_grad():
        benchmark(side.call, *case.args)


if __name__ == "__main__":
    main("edit_styles", [(sides(), case) for case in cases()])
