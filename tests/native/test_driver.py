"""A driver older than the kernels' CUDA runtime: the reference serves, and it is said why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from steerx import ops

SHOW = (
    "from steerx import ops; print(ops.backend('edit_styles', 'cuda'), ops.build_info()['driver'])"
)


def with_driver(folder: Path, version: int) -> subprocess.CompletedProcess[str]:
    """A fresh process that finds a stand-in for the driver's library, of some version."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not ops.build_info().get("cuda"):
        pytest.skip("needs a C compiler and a library with CUDA kernels")
    source = folder / "driver.c"
    source.write_text(f"int cuDriverGetVersion(int *v) {{ *v = {version}; return 0; }}\n")
    library = str(folder / "libcuda.so.1")
    subprocess.run([compiler, "-shared", "-fPIC", str(source), "-o", library], check=True)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )


def test_an_old_driver_leaves_the_reference_and_warns_once(tmp_path: Path) -> None:
    run = with_driver(tmp_path, 12040)
    assert run.stdout.startswith("reference the CUDA driver runs CUDA 12.4, the kernels need CUDA ")
    assert run.stderr.count("CUDA kernels are not used") == 1


def test_a_new_driver_serves_the_kernels(tmp_path: Path) -> None:
    run = with_driver(tmp_path, 99000)
    assert run.stdout == "native None\n"
    assert run.stderr == ""
