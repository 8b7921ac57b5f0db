"""`--dry-run`: what a command would write and how long it would take; nothing is written."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from .progress import duration


@dataclass(frozen=True)
class Cost:
    """What a command would do.

    Attributes:
        files: how many it would write.
        bytes: their size together, estimated.
        pictures: how many it would render.
        seconds: how long the work would take, from a probe; None = not measured.
    """

    files: int
    bytes: int
    pictures: int = 0
    seconds: float | None = None


def tell(cost: Cost, where: Path) -> None:
    """Say what would be written to a folder or file, and whether it fits."""
    folder = where
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    parts = [f"{cost.pictures} pictures"] if cost.pictures else []
    parts += [f"{cost.files} files", f"about {size(cost.bytes)}"]
    if cost.seconds is not None:
        parts.append(f"about {duration(cost.seconds)}")
    typer.echo(
        f"would write to {where}: {', '.join(parts)} ({size(free)} free); nothing was written"
    )
    if cost.bytes > free:
        typer.secho("warning: ", fg="yellow", nl=False, err=True)
        typer.echo(
            "it does not fit on this disk; choose another place, or fewer pictures", err=True
        )


def measured(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes, after a first run that warms caches up."""
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def side_by_side(rendering: float, encoding: float) -> float:
    """Seconds of both together, where encoding is done behind rendering: on a processor of its own, or in turn."""
    import torch

    spare = (os.cpu_count() or 1) > torch.get_num_threads() or torch.cuda.is_available()
    return max(rendering, encoding) if spare else rendering + encoding


def size(count: float) -> str:
    """Bytes as people say them."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
