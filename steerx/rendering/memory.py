"""How much memory there is, and how much a piece of work took at its peak. None where the system does not say."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch

_PROCESS, _SYSTEM, _GROUP = Path("/proc/self"), Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def free_memory(device: torch.device) -> int | None:
    """Bytes that may still be taken on a device; on the CPU within the limit of the control group too."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    system = _field(_SYSTEM, "MemAvailable:")
    if device.type != "cpu" or system is None:
        return None
    limit, taken = (_number(_GROUP / name) for name in ("memory.max", "memory.current"))
    if limit is None or taken is None:
        return system * 1024
    cached = _field(_GROUP / "memory.stat", "inactive_file") or 0  # given back on demand
    return min(system * 1024, limit - taken + cached)


def forget_peak(device: torch.device) -> None:
    """Let `peak_memory` begin from what is taken now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(
        OSError
    ):  # then the peak is that of the process: it says less, nothing wrong
        (_PROCESS / "clear_refs").write_text("5", encoding="ascii")


def peak_memory(device: torch.device) -> int | None:
    """Most bytes that were taken at once, by this process, since `forget_peak`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    kilobytes = _field(_PROCESS / "status", "VmHWM:") if device.type == "cpu" else None
    return None if kilobytes is None else kilobytes * 1024


def _field(path: Path, name: str) -> int | None:
    """The number behind a name at the beginning of a line."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(name)]
    return int(found[0]) if found else None


def _number(path: Path) -> int | None:
    """The number that a file holds; none where it says "max"."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
