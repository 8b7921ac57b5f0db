"""Starting a side's process under an allocator and an instruction set, and asking it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.peers.job import Allocator, Job

# Big temporaries stay with the process instead of being mapped, zeroed and unmapped at every use.
TUNED = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


class SideError(RuntimeError):
    """A side's process could not do what it was asked; says why in one line."""


def command(job: Job, allocator: Allocator) -> list[str]:
    """`env` gives the process its variables; nothing that the caller's shell sets about threads stays."""
    told = dict(TUNED) if allocator == "tuned" else {}
    told |= AVX2 if job.isa == "avx2" else {}
    told |= {"OMP_NUM_THREADS": str(job.threads)} if job.threads else {}
    cleared = [part for name in (*TUNED, "OMP_NUM_THREADS") for part in ("-u", name)]
    return ["env", *cleared, *(f"{name}={value}" for name, value in told.items()), sys.executable]


class Process:
    """A running side. Use it as a context."""

    def __init__(self, job: Job, allocator: Allocator, log: Path) -> None:
        self.job, self.allocator, self.log = job, allocator, log
        line = [*command(job, allocator), "-m", "bench.peers.worker", job.to_json()]
        with log.open("wb") as errors:
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=errors, text=True)
        self.facts: dict[str, Any] = {}

    def ready(self) -> None:
        """Wait until the side is built.

        Raises:
            SideError: it could not be.
        """
        self.facts = self.answer()

    def ask(self, name: str, *arguments: Any) -> dict[str, Any]:
        """One request of `worker.Answers`.

        Raises:
            SideError: it failed.
        """
        self.send(name, *arguments)
        return self.answer()

    def send(self, name: str, *arguments: Any) -> None:
        """A request whose answer is read later: others work at the same time."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
            raise SideError(f"its process ended ({self.process.wait()}): {' '.join(last)[:300]}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SideError(answer["error"])
        return answer

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate()


def export(job: Job, form: str) -> None:
    """Write an exported graph, in a process that ends.

    Raises:
        SideError: the exporter failed.
    """
    line = [sys.executable, "-m", "bench.peers.runtimes", job.to_json(), form]
    run = subprocess.run(line, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SideError(" ".join(run.stderr.strip().splitlines()[-1:])[:300])
