"""What a side's process is told, and what a side is: data, so that both ends of the pipe know the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

Call = Callable[[], Any]  # -> pictures: a torch tensor or a NumPy array
Precision = Literal["fp32", "bf16"]
Allocator = Literal["as shipped", "tuned"]
Family = Literal["decisive", "compiled", "others"]  # which case asks a side


@dataclass(frozen=True)
class Job:
    """One side of one case.

    Attributes:
        side: its name.
        folder: of the network's files and the codes.
        batch: pictures at once.
        threads: of every library in the process; None = each library's own default.
        checkout: folder of the peer, for those that need one.
        layers: first w slot that a sweep moves; None = no sweep.
        grid: directions and alphas of a sweep.
        isa: "avx2" holds every library in the process to it; None = what the processor has.
    """

    side: str
    folder: str
    batch: int
    threads: int | None
    checkout: str | None = None
    layers: int | None = None
    grid: tuple[int, int] = (10, 7)
    isa: str | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        data = json.loads(text)
        return cls(**data | {"grid": tuple(data["grid"])})

    @property
    def pictures(self) -> int:
        """How many one call makes."""
        directions, alphas = (1, 1) if self.layers is None else self.grid
        return self.batch * directions * alphas

    def path(self, name: str) -> Path:
        return Path(self.folder) / name

    def codes(self) -> np.ndarray:
        """[N, L, D], w_plus."""
        return np.load(self.path("codes.npy"))[: self.batch]


@dataclass(frozen=True)
class Side:
    """One way to get the same pictures.

    Attributes:
        name: as it stands in the table.
        precision: of the convolutions.
        build: makes the call that is timed, in the side's own process.
        modules: what it imports; memory is counted above them.
        package: of the index, which must be installed.
        checkout: option that names the folder it comes from.
        torch: its temporaries come from malloc, so a tuned one is measured too.
        held: whether it can be held to AVX2.
        family: which case asks it.
        loop: of a sweep it renders the first direction alone: each of its pictures costs the same.
    """

    name: str
    precision: Precision
    build: Callable[[Job], Call]
    modules: tuple[str, ...] = ("torch", "steerx.generators")
    package: str | None = None
    checkout: str | None = None
    torch: bool = True
    held: bool = True
    family: Family = "others"
    loop: bool = False

    def tolerance(self, job: Job) -> float:
        """Largest relative L2 distance to what is expected.

        A sweep's pictures are in grey levels, 0 ... 255, whose distances are small: one that forgot its edits
        is 1-3e-2 away.
        """
        if self.precision == "bf16":
            return 6e-2 if job.layers is None else 6e-3
        return 2e-5 if job.layers is None else 1e-3
