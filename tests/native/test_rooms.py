"""Which include belongs in which folder: kernels know neither torch nor Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parents[2] / "csrc"
STANDARD = r"<[a-z_]+>"
OURS = r'"(steerx/|simt/)?[a-z_0-9]+\.(h|cuh)"'
# What is compiled once per instruction set takes declarations and intrinsics alone: a function of the standard
# library, compiled for one of them, could be the one that all others call.
ALONE = r"<(cstdint|immintrin\.h|sys/syscall\.h|unistd\.h)>"
ALLOWED = {
    "include": (ALONE, OURS),
    "cpu": (ALONE, OURS),
    "cuda": (r"<(cuda_\w+|dlfcn)\.h>", STANDARD, OURS),
    "simt": (r"<(cuda_\w+|pybind11/\w+|sys/mman|ucontext)\.h>", STANDARD, OURS),
    "torch": (r"<torch/(csrc/(stable|inductor/aoti_torch)|headeronly)/[\w/]+\.h>", STANDARD, OURS),
}
FILES = sorted(p for p in CSRC.rglob("*") if p.suffix in (".h", ".cpp", ".cu", ".cuh"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(CSRC)))
def test_a_file_includes_only_what_its_room_allows(path: Path) -> None:
    room = path.relative_to(CSRC).parts[0]
    allowed = [*ALLOWED[room], *(["<Python.h>"] if path.name == "module.cpp" else [])]
    for include in re.findall(r"^\s*#include\s+(\S+)", path.read_text(), re.M):
        assert any(re.fullmatch(pattern, include) for pattern in allowed), include


def test_there_are_files_in_every_room() -> None:
    assert {p.relative_to(CSRC).parts[0] for p in FILES} == set(ALLOWED)
