"""Cases that are no contest of seconds: megabytes of each side, and what a second thread is worth to steerx."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.peers.cases import Case
from bench.peers.comparing import LEAST, Contender, job_of, prepared
from bench.peers.processes import Process, SideError


def memory(
    case: Case, contenders: list[Contender], folders: dict[str, str], work: Path
) -> dict[str, Any]:
    """MB above import of each side, one process after the other."""
    rows, skipped = [], dict[str, str]()
    for contender in contenders:
        side = contender.side
        if not prepared(case, side, folders, skipped):
            continue
        job = job_of(case, side, folders)
        try:
            with Process(job, contender.allocator, work / "memory.log") as process:
                process.ready()
                counted = process.ask("memory")
        except SideError as failure:
            skipped[f"{side.name}, {contender.allocator}"] = str(failure)
            continue
        facts = {"process": process.facts}
        rows.append({"side": side.name, "allocator": contender.allocator, **counted, **facts})
    return {"name": case.name, "case": case.title, "rows": rows, "skipped": skipped}


def threads(
    case: Case, contenders: list[Contender], folders: dict[str, str], work: Path
) -> dict[str, Any]:
    """Pictures per second of one process with two threads, and of two with one that run at once."""
    rows: list[dict[str, Any]] = []
    for side in dict.fromkeys(contender.side for contender in contenders):
        job = job_of(case, side, folders)
        counts = (job.threads or 2, 1, 1)
        with ExitStack() as stack:
            started = [
                Process(replace(job, threads=count), "as shipped", work / f"{number}.log")
                for number, count in enumerate(counts)
            ]
            together, *alone = [stack.enter_context(process) for process in started]
            for process in (together, *alone):
                process.ready()
                process.ask("time", 1)  # packs
            repeats = max(3, round(LEAST / together.ask("time", 1)["wall"]))
            seconds: list[tuple[float, float]] = []
            for _ in range(case.rounds):
                one = together.ask("time", repeats, 1)["wall"]
                for process in alone:
                    process.send("time", repeats, 1)
                rate = sum(1 / process.answer()["wall"] for process in alone)
                seconds.append((one / job.pictures, 1 / rate / job.pictures))
            facts = {"process": together.facts}
        rows.append(
            {
                "side": side.name,
                "two_threads_ms": 1e3 * statistics.median(one for one, _ in seconds),
                "two_processes_ms": 1e3 * statistics.median(both for _, both in seconds),
                "share": statistics.median(both / one for one, both in seconds),
                **facts,
            }
        )
    return {"name": case.name, "case": case.title, "rows": rows, "skipped": {}}
