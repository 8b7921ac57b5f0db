"""Scorings that are killed with SIGKILL, one process after the other, until one comes to its end.

Run as `python killed.py JOURNAL OUTPUT MOMENTS...`: each moment is how many bytes the journal has grown by
when its process is killed. torch is imported once; each scoring is a fork.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import torch

import steerx
from tests.tiny import tiny_generator

SEEDS, BATCH = range(100, 141), 4


def scorer(images: torch.Tensor) -> torch.Tensor:
    time.sleep(0.005)
    return torch.stack((images.mean((1, 2, 3)), images.amax((1, 2, 3))), dim=1)


def scored(journal: str | None = None, **options: object) -> torch.Tensor:
    return steerx.score(
        tiny_generator(), scorer, seeds=SEEDS, psi=0.7, batch=BATCH, journal=journal, **options
    )


def main(journal: Path, output: Path, moments: list[int]) -> None:
    torch.set_num_threads(1)
    for growth in [*moments, None]:
        size = journal.stat().st_size if journal.exists() else 0
        child = os.fork()
        if child == 0:
            torch.save(scored(str(journal)), output)
            os._exit(0)
        while growth is not None:
            ended, _ = os.waitpid(child, os.WNOHANG)
            assert not ended, "the scoring ended before it was killed"
            if journal.exists() and journal.stat().st_size >= size + growth:
                os.kill(child, signal.SIGKILL)
                break
            time.sleep(0.0005)
        _, status = os.waitpid(child, 0)
        print(os.WTERMSIG(status), len(journal.read_bytes().splitlines()) - 1, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(word) for word in sys.argv[3:]])
