"""The public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import steerx

NAMES = [
    "CheckpointError",
    "Directions",
    "GANSpace",
    "Generator",
    "InterFaceGAN",
    "Scores",
    "SeFa",
    "augment",
    "correlate",
    "edit",
    "effects",
    "faces",
    "lerp",
    "load",
    "ops",
    "project",
    "score",
    "slerp",
    "sweep",
    "tune",
]


def test_the_public_names_are_these() -> None:
    assert sorted(steerx.__all__) == NAMES
    for name in NAMES:
        assert getattr(steerx, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = steerx.nothing


def test_importing_steerx_loads_nothing_heavy_and_prints_nothing() -> None:
    code = (
        "import sys, steerx; steerx.__version__; "
        "heavy = {'torch', 'numpy', 'sklearn', 'PIL', 'typer'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "" and done.stderr == ""
