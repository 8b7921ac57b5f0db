"""One case: its sides agree first, then they are timed in turn, in groups that share steerx as their baseline.

A group keeps few processes alive at once, so that networks of 1024 px fit into memory; ratios are taken within it.
"""

from __future__ import annotations

import random
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.peers import sides as known
from bench.peers.cases import Case
from bench.peers.job import Allocator, Job, Side
from bench.peers.processes import Process, SideError, export

SETTLE = 0.02  # seconds: the threads of whoever ran before have gone to sleep
LEAST = 0.05  # seconds of one measurement
LONG = 2.0  # seconds of a first call, from which on one call is a measurement
FEWEST = 3  # rounds, however long they take


@dataclass(frozen=True)
class Contender:
    """A side under an allocator."""

    side: Side
    allocator: Allocator


def contenders(case: Case, *, tuned: bool = True, only: str = "") -> list[Contender]:
    """steerx first, then whom the case asks, each under the allocators that matter to it."""
    found = known.RENDERING if case.job.layers is None else known.SWEEPING
    words = [word.strip().lower() for word in only.split(",") if word.strip()]
    chosen = []
    for name, side in found.items():
        if name not in known.OURS:
            if case.kind == "threads":
                continue
            if side.family != case.family or (case.kind == "memory" and side.package):
                continue
            if words and not any(word in name.lower() for word in words):
                continue
        chosen.append(Contender(side, "as shipped"))
        if side.torch and tuned:
            chosen.append(Contender(side, "tuned"))
    return chosen


def job_of(case: Case, side: Side, folders: dict[str, str]) -> Job:
    """What the process of a side is told."""
    job = replace(case.job, side=side.name, checkout=folders.get(side.checkout or ""))
    return replace(job, grid=(1, job.grid[1])) if side.loop else job


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Relative L2 distance of pictures."""
    if found.shape != expected.shape:
        raise SideError(f"it gives {list(found.shape)}, not {list(expected.shape)}")
    gap = found.astype(np.float64) - expected
    return float(np.linalg.norm(gap) / np.linalg.norm(expected.astype(np.float64)))


def compare(
    case: Case, contenders: list[Contender], folders: dict[str, str], work: Path
) -> dict[str, Any]:
    """Rows of the sides that could be compared, and why the others could not."""
    skipped: dict[str, str] = {}
    ours = [
        name
        for name in known.OURS
        if not (case.job.isa and known.RENDERING[name].precision == "bf16")
    ]
    base = [c for c in contenders if c.side.name in ours and c.allocator == "as shipped"]
    others = [c for c in contenders if c not in base and prepared(case, c.side, folders, skipped)]
    expected = _expected(case, work)
    rows: list[dict[str, Any]] = []
    for start in range(0, max(len(others), 1), case.group):
        group = [*base, *others[start : start + case.group]]
        rows += _group(case, group, folders, expected, work, skipped)
    return {"name": case.name, "case": case.title, "rows": _merged(rows), "skipped": skipped}


def prepared(case: Case, side: Side, folders: dict[str, str], skipped: dict[str, str]) -> bool:
    """Whether a side has all it needs, an exported graph among it."""
    reason = known.missing(side, folders)
    if reason is None and case.job.isa and not (side.held and side.precision == "fp32"):
        reason = f"{case.job.isa.upper()} cannot be asked of it"
    form = known.graph_of(side)
    job = job_of(case, side, folders)
    if reason is None and form is not None and job.layers is None:
        marker = job.path(f"exported-{form}-{job.batch}")
        if not marker.exists():
            try:
                export(job, form)
                marker.write_text("")
            except SideError as error:
                marker.write_text(f"its export failed: {error}")
        reason = marker.read_text() or None
    if reason is not None:
        skipped.setdefault(side.name, reason)
    return reason is None


def _expected(case: Case, work: Path) -> np.ndarray:
    """The plain float32 renderer's pictures; of a sweep, those of the loop in the papers' form."""
    path = work / f"expected-{case.job.batch}-{case.job.layers}.npy"
    if not path.exists():
        still = case.job.layers is None
        oracle = known.RENDERING[known.ORACLE] if still else known.SWEEPING[known.LOOP]
        with torch.no_grad():
            np.save(path, np.asarray(oracle.build(case.job)()))
    return np.load(path)


def _group(
    case: Case,
    group: list[Contender],
    folders: dict[str, str],
    expected: np.ndarray,
    work: Path,
    skipped: dict[str, str],
) -> list[dict[str, Any]]:
    """Rows of sides whose processes are alive together."""
    alive: list[tuple[Contender, Process, dict[str, Any]]] = []
    with ExitStack() as stack:
        started = []
        for number, contender in enumerate(group):
            job = job_of(case, contender.side, folders)
            process = Process(job, contender.allocator, work / f"{number}.log")
            started.append((contender, stack.enter_context(process), work / f"{number}.npy"))
        for contender, process, output in started:
            side = contender.side
            try:
                process.ready()
                first = process.ask("output", str(output))
                some = expected[:, :1] if side.loop else expected  # [N, K, A, H, W, 3] of a sweep
                error = distance(np.load(output), some)
                if not error <= side.tolerance(case.job):
                    raise SideError(f"it renders something else: relative L2 {error:.2g}")
            except SideError as failure:
                skipped[f"{side.name}, {contender.allocator}"] = str(failure)
                continue
            alive.append((contender, process, {"relative_L2": error, **first}))
        _timed(case, alive)
    return [row for _, _, row in alive if "wall_ms" in row]


def _timed(case: Case, alive: list[tuple[Contender, Process, dict[str, Any]]]) -> None:
    """Fill in the medians and the ratios to steerx; each round asks all sides, in another order."""
    repeats = [
        1 if row["first_s"] > LONG else max(1, round(LEAST / process.ask("time", 1)["wall"]))
        for _, process, row in alive
    ]
    # Memory that has waited for its side's turn is slow at its first touch where the host of a virtual machine has
    # used its caches for others: twice the time of a picture was seen. A sweep is long enough to forget that.
    before = int(case.job.layers is None)
    seconds: list[list[dict[str, float]]] = [[] for _ in alive]
    shuffle = random.Random(0).sample
    started = time.perf_counter()
    for done in range(case.rounds):
        if done >= FEWEST and time.perf_counter() - started > case.seconds:
            break
        for i in shuffle(range(len(alive)), len(alive)):
            time.sleep(SETTLE)
            found = alive[i][1].ask("time", repeats[i], before)
            pictures = alive[i][1].job.pictures
            seconds[i].append({key: value / pictures for key, value in found.items()})
    medians = [
        {key: statistics.median(round_[key] for round_ in of_side) for key in ("wall", "cpu")}
        for of_side in seconds
    ]
    counted = "cpu" if case.job.threads == 1 else "wall"  # what ratios are of
    ours = {
        contender.side.name: median[counted]
        for (contender, _, _), median in zip(alive, medians, strict=True)
        if contender.side.name in known.OURS and contender.allocator == "as shipped"
    }
    for (contender, process, row), median, of_side in zip(alive, medians, seconds, strict=True):
        row |= {
            "side": contender.side.name,
            "precision": contender.side.precision,
            "allocator": contender.allocator,
            **{f"{key}_ms": 1e3 * value for key, value in median.items()},
            "all_ms": [round(1e3 * s[counted], 3) for s in of_side],
            "counted": counted,
            **{f"time / {name}": median[counted] / value for name, value in ours.items()},
            "process": process.facts,
        }


def _merged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a side: steerx is measured in every group, and its median over them is what is told."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["side"], row["allocator"]), []).append(row)
    merged = []
    for alike in found.values():
        numbers = [key for key, value in alike[0].items() if isinstance(value, float)]
        middle = {key: statistics.median(row[key] for row in alike) for key in numbers}
        merged.append(alike[0] | middle | {"groups": len(alike)})
    return merged
