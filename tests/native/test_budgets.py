"""The gates of the machine code, each shown what it must refuse; `make gates` shows them the kernels."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.native import gates

GOOD = gates.Compiled("k<float, 4>", "sm_80", registers=40, stack=0, shared=1024, tensor=8)
BUDGETS: gates.Budgets = {"k<float, 4>": {"sm_80": [40, 1024], "tensor_cores": True}}

PLANTED = """
#include "simt/simt.h"
SIMT_KERNEL void multiplies(float* out, const uint32_t* in) {
  SIMT_SHARED(kept, float[32]);
  float d[4] = {};
  const uint32_t a[4] = {in[0], in[1], in[2], in[3]}, b[2] = {in[4], in[5]};
  simt::mma_m16n8k16<simt::Half>(d, a, b);
  kept[threadIdx.x] = d[0];
  __syncthreads();
  out[threadIdx.x] = kept[31 - threadIdx.x];
}
"""
INDEXES_LOCALS = """
#include "simt/simt.h"
SIMT_KERNEL void indexes(float* out, const int* in) {
  float kept[64];
  for (int i = 0; i < 64; ++i) kept[in[i]] = float(i);
  out[threadIdx.x] = kept[in[threadIdx.x]];
}
"""


def kernels_of_the_text() -> set[str]:
    names: set[str] = set()
    for file in gates.CUDA.glob("*.cuh"):
        text = re.sub(r"__launch_bounds__\([^)]*\)", "", file.read_text())
        names |= set(re.findall(r"SIMT_KERNEL\s+void\s+(\w+)\s*\(", text))
    return names


def test_every_kernel_has_a_budget_and_every_budget_a_kernel() -> None:
    budgets = json.loads(gates.BUDGETS.read_text())
    assert {name.split("<")[0] for name in budgets} == kernels_of_the_text()
    assert all({"sm_80", "sm_90a"} <= line.keys() for line in budgets.values())
    assert gates.written(budgets) == gates.BUDGETS.read_text(), "written by hand; gates.py --write"


def test_a_kernel_within_its_budget_passes() -> None:
    assert gates.findings([GOOD], BUDGETS) == []
    assert gates.findings([replace(GOOD, registers=39)], BUDGETS) == []
    assert gates.findings([GOOD], gates.measured([GOOD])) == []


@pytest.mark.parametrize(
    "change, said",
    [
        ({"registers": 41}, "k<float, 4> on sm_80: 41 registers, the budget is 40"),
        ({"shared": 1025}, "1025 bytes of shared memory, the budget is 1024"),
        ({"stack": 8}, "8 bytes of stack and 0 local loads or stores, must be 0"),
        ({"local": 1}, "0 bytes of stack and 1 local loads or stores, must be 0"),
        ({"tensor": 0}, "promises tensor cores, has no matrix instruction"),
    ],
)
def test_a_kernel_that_breaks_a_rule_is_named(change: dict[str, int], said: str) -> None:
    (finding,) = gates.findings([replace(GOOD, **change)], BUDGETS)
    assert said in finding


def test_a_kernel_without_a_line_and_a_line_without_a_kernel() -> None:
    (finding,) = gates.findings([GOOD, replace(GOOD, arch="sm_90a")], BUDGETS)
    assert finding.startswith("k<float, 4> on sm_90a: no line in budgets.json")
    (finding,) = gates.findings([], BUDGETS)
    assert finding == "k<float, 4> on sm_80: a budget without a kernel; delete its line"


def test_a_file_that_calls_the_tensor_cores_must_reach_them(tmp_path: Path) -> None:
    file = tmp_path / "k.cuh"
    file.write_text("SIMT_KERNEL void k() { simt::mma_m16n8k16<simt::Half>(d, a, b); }")
    assert gates.unkept([GOOD], [file]) == []
    (finding,) = gates.unkept([replace(GOOD, tensor=0)], [file])
    assert finding.startswith("k.cuh: calls simt::mma_*")


@pytest.fixture
def home() -> Path:
    found = gates.toolkit()
    if found is None:
        pytest.skip("no CUDA toolkit")
    return found


def test_machine_code_is_read(tmp_path: Path, home: Path) -> None:
    source = tmp_path / "planted.cu"
    source.write_text(PLANTED)
    found = gates.read(gates.compile_kernels(tmp_path, home, [source]), home)
    assert [(k.name, k.arch) for k in found] == [("multiplies", "sm_80"), ("multiplies", "sm_90a")]
    for kernel in found:
        assert kernel.tensor == 1 and kernel.local == kernel.stack == 0
        assert kernel.shared >= 32 * 4 and kernel.registers > 0


def test_local_memory_does_not_compile(tmp_path: Path, home: Path) -> None:
    source = tmp_path / "indexes.cu"
    source.write_text(INDEXES_LOCALS)
    with pytest.raises(SystemExit, match="Local memory used for function"):
        gates.compile_kernels(tmp_path, home, [source])
