"""What is compared, by name: a case is one table, made in a few minutes, by itself or with all the others.

A case asks the sides that decide; what it is called with "-others" or "-compiled" asks the rest, which take long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from bench.peers.job import Family, Job

Kind = Literal["time", "memory", "threads"]
THREADS = {"": 1, "-default": None}  # as a name ends: threads
FAMILIES: dict[str, Family] = {"": "decisive", "-others": "others", "-compiled": "compiled"}
STILL = {"256-b1": (256, 1), "256-b8": (256, 8), "1024-b1": (1024, 1)}  # px, batch
SWEEPS = {"sweep-8": 8, "sweep-12": 12}  # first layer moved, at 256 px
MEMORY, TWO = "memory-1024", "threads-256"
SMALL = {256: 64, 1024: 64}  # px
GRID, SMALL_GRID = (10, 7), (2, 3)  # directions, alphas


@dataclass(frozen=True)
class Case:
    """What is rendered, and under which conditions.

    Attributes:
        name: by which it is asked for.
        resolution: pixels of a side.
        job: batch, threads, instruction set, layers of a sweep; its side and checkout are filled in.
        family: of the sides that are asked.
        rounds: measurements of each side, in turn: at most.
        group: sides beside steerx that are alive at once.
        seconds: after which no new round begins, once there were three; of every group.
        kind: "time"; "memory": MB are asked for; "threads": two threads beside two processes.
    """

    name: str
    resolution: int
    job: Job
    family: Family = "decisive"
    rounds: int = 7
    group: int = 10
    seconds: float = 120.0
    kind: Kind = "time"

    @property
    def title(self) -> str:
        if self.kind == "threads":
            return f"{self.resolution} px, batch {self.job.batch}, two threads beside two processes"
        threads = "default threads" if self.job.threads is None else f"{self.job.threads} thread"
        held = f", held to {self.job.isa.upper()}" if self.job.isa else ""
        what = f"{self.resolution} px, batch {self.job.batch}"
        if self.job.layers is not None:
            grid = f"{self.job.grid[0]} directions x {self.job.grid[1]} alphas"
            what = f"sweep of layers {self.job.layers}+ at {self.resolution} px, {grid}"
        words = "" if self.family == "decisive" else f": {self.family}"
        return f"{'memory, ' if self.kind == 'memory' else ''}{what}, {threads}{held}{words}"


def _all() -> dict[str, Case]:
    found = []
    for end, count in THREADS.items():
        for kind, family in FAMILIES.items():
            for name, (px, batch) in STILL.items():
                if family == "decisive" or (name == "256-b1" and count == 1):
                    job = Job("", "", batch, count)
                    found.append(Case(f"{name}{end}{kind}", px, job, family))
        for name, first in SWEEPS.items():
            job = Job("", "", 1, count, layers=first, grid=GRID)
            found.append(Case(f"{name}{end}", 256, job))
    for name in ("256-b8-others", "1024-b1-others"):
        px, batch = STILL[name.removesuffix("-others")]
        found.append(Case(name, px, Job("", "", batch, 1), "others"))
    found.append(Case(MEMORY, 1024, Job("", "", 1, 1), kind="memory"))
    found.append(Case(TWO, 256, Job("", "", 1, 2), kind="threads"))
    return {case.name: case for case in found}


CASES = _all()


def chosen(names: list[str], *, small: bool, isa: str | None) -> list[Case]:
    """The named ones, all where none is named; in their own order, so that networks are made once.

    Raises:
        ValueError: a name that there is none of.
    """
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise ValueError(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    wanted = [CASES[name] for name in (names or CASES)]
    if isa and not names:
        wanted = [case for case in wanted if case.kind == "time"]
    held = [replace(case, job=replace(case.job, isa=isa)) for case in wanted]
    return [made_small(case) for case in held] if small else held


def made_small(case: Case) -> Case:
    """The same at 64 px, for seeing whether it runs."""
    layers = None if case.job.layers is None else case.job.layers // 2
    job = replace(case.job, batch=min(case.job.batch, 2), layers=layers, grid=SMALL_GRID)
    return replace(case, resolution=SMALL[case.resolution], job=job)
