"""A side's own process: builds its call, then answers what the parent asks, a line of JSON each.

A process of its own gives every side the allocator, the threads and the instruction set that the case asks for,
and lets its memory be counted. What libraries print goes to standard error.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.peers import checkouts, sides
from bench.peers.job import Job, Side
from steerx import ops

PACKAGES = ("torch", "numpy", "openvino", "onnxruntime", "onnx")
STATUS, FRESH = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def megabytes(field: str) -> float | None:
    """VmRSS or VmHWM of this process; None where the system does not tell."""
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return next((int(y.split()[1]) / 1024 for y in lines if y.startswith(field)), None)


def allocator() -> str:
    """Who serves malloc: the C library, unless another one was loaded before it."""
    maps = Path("/proc/self/maps")
    loaded = maps.read_text() if maps.exists() else ""
    for name in ("jemalloc", "tcmalloc", "mimalloc"):
        if f"/lib{name}" in loaded:
            return name
    return " ".join(platform.libc_ver()).strip() or platform.system()


def facts(job: Job) -> dict[str, Any]:
    """What a measurement of this process is worth nothing without."""
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "allocator": allocator(),
        "threads": job.threads or torch.get_num_threads(),
        "torch_isa": torch.backends.cpu.get_cpu_capability(),
        "steerx_isa": (ops.build_info() or {}).get("isa"),
        "versions": versions,
    }


class Answers:
    """The requests a side's process knows, by name."""

    def __init__(self, job: Job, side: Side) -> None:
        for name in side.modules:
            checkouts.imported(job, name) if job.checkout else importlib.import_module(name)
        self.imported = megabytes("VmRSS")
        self.call = side.build(job)

    def output(self, path: str) -> dict[str, Any]:
        """Pictures, as a file; the seconds are those of a first call, which packs and compiles."""
        start = time.perf_counter()
        pictures = np.asarray(self.call())
        seconds = time.perf_counter() - start
        np.save(path, pictures)
        return {"first_s": seconds}

    def time(self, repeats: int, before: int = 0) -> dict[str, Any]:
        """Seconds per call, after some that are not counted: on the clock, and of all processors together."""
        for _ in range(before):
            self.call()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            self.call()
        seconds = (time.perf_counter() - wall, time.process_time() - cpu)
        return {"wall": seconds[0] / repeats, "cpu": seconds[1] / repeats}

    def memory(self) -> dict[str, Any]:
        """MB above what the imports took: while building, and while rendering three times thereafter."""
        built = megabytes("VmHWM")
        with contextlib.suppress(OSError):
            FRESH.write_text("5")  # the peak is counted anew
        for _ in range(3):
            self.call()
        peak, before = megabytes("VmHWM"), self.imported
        if built is None or peak is None or before is None:
            return {"building_MB": None, "rendering_MB": None}
        return {"building_MB": built - before, "rendering_MB": peak - before}


def main() -> None:
    """Serve one side until the parent closes the pipe."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    job = Job.from_json(sys.argv[1])
    side = (sides.RENDERING if job.layers is None else sides.SWEEPING)[job.side]
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    ops.hold_isa(job.isa)  # type: ignore[arg-type]
    asked: dict[str, Callable[..., dict[str, Any]]] = {}
    with torch.no_grad():
        try:
            answers = Answers(job, side)
            asked = {"output": answers.output, "time": answers.time, "memory": answers.memory}
            channel.write(json.dumps(facts(job)) + "\n")
            for line in sys.stdin:
                name, *rest = json.loads(line)
                channel.write(json.dumps(asked[name](*rest)) + "\n")
        except Exception as error:
            channel.write(json.dumps({"error": f"{type(error).__name__}: {error}"[:300]}) + "\n")
            raise


if __name__ == "__main__":
    main()
