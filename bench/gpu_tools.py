"""Programs beside ours: the tests, compute-sanitizer, Nsight Compute. What is not installed is skipped."""

from __future__ import annotations

import csv
import re
import shutil
import sys
from collections.abc import Iterator
from typing import Any

from bench.gpu_device import Device
from bench.gpu_process import Late, ran

Answer = dict[str, Any]
_SMALL = """
from bench.gpu_agreement import agreement
from bench.gpu_device import Device
print(agreement(Device({name!r}, 1), small=True))
"""
_METRICS = {  # of Nsight Compute
    "memory_percent": "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed",
    "arithmetic_percent": "sm__throughput.avg.pct_of_peak_sustained_elapsed",
    "occupancy_percent": "sm__warps_active.avg.pct_of_peak_sustained_active",
    "bank_conflicts": "l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum",
}


def suite(device: Device) -> Answer:
    """`pytest -m cuda`, where a missing device is a failure."""
    environment = {"FAIL_WITHOUT_CUDA": "1" if device.real else "0"}
    where = "tests" if device.real else "tests/ops/test_edit_styles.py"
    options = ["-q", "-m", "cuda", "-p", "no:cacheprovider"]
    try:
        status, said = ran(
            [sys.executable, "-m", "pytest", *options, where], device.left(100), environment
        )
    except Late as late:
        return {"skipped": str(late)}
    last = (said.strip().splitlines() or [f"exit status {status}"])[-1]
    failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if status:
        raise AssertionError("; ".join([last, *failed[:5]]))
    return {"said": re.sub(r" in [\d.]+s.*", "", last)}


def sanitizer(device: Device, seconds: float) -> Answer:
    """compute-sanitizer's four tools over small comparisons, and torch's own for streams; survives without them."""
    program = shutil.which("compute-sanitizer")
    if program is None and not device.real:
        return {"skipped": "no compute-sanitizer on the PATH"}
    answer: Answer = {}
    runs: dict[str, tuple[list[str], dict[str, str]]] = {}
    if device.real:
        runs["streams"] = ([], {"TORCH_CUDA_SANITIZER": "1"})
    for tool in ("memcheck", "racecheck", "initcheck", "synccheck"):
        if program is None:
            answer[tool] = "no compute-sanitizer on the PATH"
            continue
        environment = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
        runs[tool] = ([program, "--tool", tool, "--error-exitcode", "9"], environment)
    wrong = []
    for tool, (command, environment) in runs.items():
        command += [sys.executable, "-c", _SMALL.format(name=device.name)]
        try:
            status, said = ran(command, device.left(seconds), environment)
        except Late as late:
            answer[tool] = str(late)
            continue
        answer[tool] = "clean" if status == 0 else said.strip()[-400:]
        wrong += [] if status == 0 else [f"{tool}: {answer[tool]}"]
    return answer | ({"wrong": wrong} if wrong else {})


def profile(device: Device, seconds: float) -> Answer:
    """Nsight Compute on our kernels: what bounds them, occupancy, bank conflicts; survives without it.

    Beside `docs/kernels.md`, which says what should bound each.
    """
    program = shutil.which("ncu")
    if program is None:
        return {"skipped": "no ncu on the PATH"}
    work = "from bench.gpu_plan import once; from bench.gpu_device import Device; "
    work += f"once(Device({device.name!r}, 1))"
    command = [program, "--csv", "--metrics", ",".join(_METRICS.values())]
    command += ["--kernel-name-base", "demangled", "--kernel-name", "regex:steerx::"]
    try:
        status, said = ran([*command, sys.executable, "-c", work], device.left(seconds))
    except Late as late:
        return {"skipped": str(late)}
    if "ERR_NVGPUCTRPERM" in said:
        return {"skipped": "ncu may not read the counters of this GPU; an administrator can allow"}
    found = dict(_profiled(said))
    if status or not found:
        return {"skipped": f"ncu gave no numbers: {said.strip()[-200:]}"}
    return {"kernels": found}


def _profiled(said: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Metrics by kernel, of ncu's table: one line for each kernel's launch and metric."""
    lines = [line for line in said.splitlines() if line.startswith('"')]
    metrics: dict[str, dict[str, float]] = {}
    short = {name: key for key, name in _METRICS.items()}
    for row in csv.DictReader(lines):
        name, value = row.get("Metric Name") or "", (row.get("Metric Value") or "").replace(",", "")
        if name in short and re.fullmatch(r"[\d.]+", value):
            kernel = re.sub(r"^void |\(steerx::.*", "", row.get("Kernel Name") or "")
            metrics.setdefault(kernel, {})[short[name]] = float(value)
    yield from metrics.items()
