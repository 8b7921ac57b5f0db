"""Two or more sides timed in turn, so that a busy machine is busy for all of them; medians, as ratios."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import random
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from steerx import ops


@dataclass(frozen=True)
class Side:
    """One way to compute the same thing."""

    name: str
    call: Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """One shape."""

    name: str
    args: tuple[Any, ...]


def compiled(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """torch.compile of a function, None where there is no C++ compiler for it."""
    if shutil.which("g++") is None and not torch.cuda.is_available():
        return None
    return torch.compile(function, dynamic=False)


def _seconds(call: Callable[..., Any], args: tuple[Any, ...], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call(*args)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats


@torch.no_grad()
def interleaved(sides: list[Side], case: Case, rounds: int, seconds: float) -> dict[str, float]:
    """Median time of every side, in microseconds; each round runs all sides, each time in another order."""
    repeats, times = {}, {side.name: [] for side in sides}
    for side in sides:
        for _ in range(3):  # warm up, compile
            side.call(*case.args)
        repeats[side.name] = max(
            1, int(seconds / rounds / max(_seconds(side.call, case.args, 3), 1e-7))
        )
    shuffle = random.Random(0).sample  # who runs before whom decides what is left in cache and heap
    for _ in range(rounds):
        for side in shuffle(sides, len(sides)):
            times[side.name].append(_seconds(side.call, case.args, repeats[side.name]))
    return {name: statistics.median(values) * 1e6 for name, values in times.items()}


def machine() -> dict[str, Any]:
    """What a number is worth nothing without."""
    processor = platform.processor() or platform.machine()
    for line in (
        Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    ):
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    return {
        "processor": processor,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "native": ops.build_info() or None,
    }


def commit() -> str | None:
    run = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return run.stdout.strip() or None


def main(name: str, table: list[tuple[list[Side], Case]]) -> None:
    """Time every case with its sides, print ratios to the first side, and write them where asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, help="folder of the dated JSON")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--seconds", type=float, default=1.0, help="per side and case")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    rows = []
    for sides, case in table:
        first = sides[0].name
        medians = interleaved(sides, case, options.rounds, options.seconds)
        ratios = {k: round(v / medians[first], 2) for k, v in medians.items() if k != first}
        said = ", ".join(f"{v:.2f}x {k}" for k, v in ratios.items())
        print(f"{case.name}: {medians[first]:.1f} us; the others take {said}")
        rounded = {k: round(v, 1) for k, v in medians.items()}
        rows.append({"case": case.name, "median_us": rounded, f"time / {first}": ratios})
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    result = {"bench": name, "date": today, "commit": commit(), **machine(), "cases": rows}
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        file = options.out / f"{name}-{today}-{options.threads}threads.json"
        file.write_text(json.dumps(result, indent=2) + "\n")
        print(f"written: {file}")
