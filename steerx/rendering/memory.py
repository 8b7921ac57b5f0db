"""How much memory there is, and how much a piece of work took at its peak. None where the system does not say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch

_PROCESS, _SYSTEM, _GROUP = Path("/proc/self"), Path("/proc/meminfo"), Path("/sys/fs/cgroup")
# Of a control group, by version: its limit, what is taken, and of that what is given back on demand.
_FILES = {
    2: ("memory.max", "memory.current", "inactive_file"),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def free_memory(device: torch.device) -> int | None:
    """Bytes that may still be taken on a device; on the CPU within the limits of its control groups too."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    system = _field(_SYSTEM, "MemAvailable:")
    if device.type != "cpu" or system is None:
        return None
    return min((system * 1024, *_left_of_groups()))


def _left_of_groups() -> Iterator[int]:
    """Bytes left of the limit of every control group that this process is in."""
    try:
        lines = (_PROCESS / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        version, root = (1, _GROUP / "memory") if controllers else (2, _GROUP)
        limit_file, taken_file, cached_field = _FILES[version]
        # Within a container the group may be named as outside of it: then only the root is there.
        for group in (root / name.lstrip("/"), *(root / name.lstrip("/")).parents):
            limit, taken = _number(group / limit_file), _number(group / taken_file)
            if limit is not None and taken is not None:
                yield limit - taken + (_field(group / "memory.stat", cached_field) or 0)
            if group == root:
                break


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


def taken_memory(device: torch.device) -> int | None:
    """Bytes that this process has taken now."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    kilobytes = _field(_PROCESS / "status", "VmRSS:") if device.type == "cpu" else None
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
