"""The mutation runner: it changes what it must, leaves declarations alone, and its excuses are not stale."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.native import equivalents, mutants

KERNEL = """
template <int kRows>
SIMT_KERNEL void k(float* out, int64_t n) {
  float sum[4], other[2 + 1][4];
  double total[kPack][kPack] = {};
  const int64_t i = int64_t(blockIdx.x) * 32 + threadIdx.x;  // + 1
  if (i < 0 || i >= n) return;
  simt::cp_async_wait<1>();
  __syncthreads();
  for (int l = 0; l < 4; ++l) sum[l] += out[i] / 4;
  out[lane / 4 + 8] = tile[row - 1 + tap];
}
"""


def after(change: str) -> set[str]:
    return {m.after for m in mutants.mutants("k.cuh", KERNEL) if m.change == change}


@pytest.mark.parametrize(
    "change, line",
    [
        ("bound check gone", ""),
        ("|| to &&", "if (i < 0 && i >= n) return;"),
        (">= to >", "if (i < 0 || i > n) return;"),
        ("no wait", ""),
        ("waits for a group less", "simt::cp_async_wait<2>();"),
        ("no barrier", ""),
        ("< to <=", "for (int l = 0; l <= 4; ++l) sum[l] += out[i] / 4;"),
        ("sum becomes its last term", "for (int l = 0; l < 4; ++l) sum[l] = out[i] / 4;"),
        ("index + 1", "for (int l = 0; l < 4; ++l) sum[l] += out[i + 1] / 4;"),
        ("- 1 gone", "out[lane / 4 + 8] = tile[row  + tap];"),
        ("fragment row or column gone", "out[lane / 4 ] = tile[row - 1 + tap];"),
        ("division gone", "out[lane  + 8] = tile[row - 1 + tap];"),
    ],
)
def test_a_change_is_made(change: str, line: str) -> None:
    assert line in after(change)


def test_declarations_and_comments_are_left_alone() -> None:
    found = list(mutants.mutants("k.cuh", KERNEL))
    assert not [m for m in found if m.line in (2, 3, 4, 5)]
    assert all("+ 1" in m.after or "// + 1" not in m.before for m in found)
    assert len({(m.line, m.after) for m in found}) == len(found)


def test_every_kernel_is_mutated() -> None:
    assert {path.name for path in mutants.CUDA.glob("*.cuh")} == set(mutants.TESTS)
    for test in {test for tests in mutants.TESTS.values() for test in tests}:
        assert (mutants.ROOT / "tests" / "native" / f"{test}.cpp").is_file()
        assert all((mutants.CUDA / f"{n}.cu").is_file() for n in mutants.launchers_of(test))


def test_every_excuse_is_of_one_mutant_that_there_is() -> None:
    there = Counter(m.key for file in mutants.TESTS for m in mutants.mutants(file))
    assert {key: there[key] for key in equivalents.EQUIVALENT if there[key] != 1} == {}
    assert all(len(why) > 10 for why in equivalents.EQUIVALENT.values())


def test_a_launcher_is_compiled_again_only_where_it_includes_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.cu").write_text('#include "a.cuh"\n')
    (tmp_path / "a.cuh").write_text('#include "deep.cuh"\n#include "steerx/a.h"\n')
    (tmp_path / "deep.cuh").write_text("")
    assert mutants.includes(tmp_path / "a.cu", tmp_path) == {"a.cu", "a.cuh", "deep.cuh"}
