"""Programs that bench.gpu_check starts: ended in time, read rightly, and no loss where they are absent."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bench import gpu_plan, gpu_tools
from bench.gpu_device import Device
from bench.gpu_process import Late, apart, ran

CPU = Device("cpu", 1)
NCU = """#!/bin/sh
echo '==PROF== Connected to process 7'
echo '"ID","Kernel Name","Metric Name","Metric Unit","Metric Value"'
k='void steerx::style_epilogue_kernel<float, (int)4, (bool)0>(steerx::StyleEpilogueParams)'
echo "\\"0\\",\\"$k\\",\\"gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed\\",\\"%\\",\\"81.5\\""
echo "\\"0\\",\\"$k\\",\\"l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum\\",\\"\\",\\"1,024\\""
echo "\\"0\\",\\"$k\\",\\"sm__warps_active.avg.pct_of_peak_sustained_active\\",\\"%\\",\\"n/a\\""
"""
SANITIZER = """#!/bin/sh
[ "$2" = racecheck ] && echo 'a hazard in style_layer' && exit 9
[ "$2" = synccheck ] && sleep 20
exit 0
"""


def program(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_profile_is_read_by_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "ncu", NCU, monkeypatch)
    kernel = "steerx::style_epilogue_kernel<float, (int)4, (bool)0>"
    numbers = {"memory_percent": 81.5, "bank_conflicts": 1024.0}
    assert gpu_tools.profile(CPU, 9) == {"kernels": {kernel: numbers}}


@pytest.mark.parametrize("said", ["echo ERR_NVGPUCTRPERM; exit 1", "exit 3", "exit 0", "sleep 9"])
def test_a_profiler_that_may_not_or_cannot_is_no_failure(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "ncu", f"#!/bin/sh\n{said}\n", monkeypatch)
    assert set(gpu_tools.profile(CPU, 1)) == {"skipped"}


def test_what_is_profiled_runs() -> None:
    gpu_plan.once(CPU, resolution=16, batch=1)


def test_a_hazard_is_named_with_its_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "compute-sanitizer", SANITIZER, monkeypatch)
    answer = gpu_tools.sanitizer(CPU, 1)
    assert answer["wrong"] == ["racecheck: a hazard in style_layer"]
    assert answer["memcheck"] == answer["initcheck"] == "clean"
    assert answer["synccheck"] == "not done in 1 s"


def test_without_the_programs_there_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert set(gpu_tools.profile(CPU, 1)) == set(gpu_tools.sanitizer(CPU, 1)) == {"skipped"}


def test_a_process_ends_in_its_time_with_all_it_started() -> None:
    start = time.perf_counter()
    with pytest.raises(Late, match="not done in 0"):
        ran(["sh", "-c", "sleep 30 & sleep 30"], 0.3)
    assert time.perf_counter() - start < 10


def test_a_function_answers_from_a_process_of_its_own() -> None:
    way = {"matrices": [(1, 4)]}
    answer = apart(CPU, "bench.gpu_mining", "eigenproblems", way, 100)
    assert answer["rows"][0]["matrices"] == "1 of n = 4"
    assert set(apart(CPU, "bench.gpu_mining", "mining", {}, 0.1)) == {"skipped"}
