from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "sklearn", "PIL", "safetensors", "yaml")  # typer loads pydantic
SCRIPT = """
import sys
from steerx.cli import main
sys.argv = ["steerx", *{words!r}]
try:
    main()
except SystemExit as end:
    loaded = sorted(set({heavy!r}) & set(sys.modules))
    print("CODE", end.code, "LOADED", *loaded)
"""


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], [], ["sweep", "--help"], ["mine", "sefa", "-h"], ["swep"]]
)
def test_help_and_version_load_nothing_heavy(words: list[str]) -> None:
    code = SCRIPT.format(words=words, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = 2 if words == ["swep"] else 0
    assert done.stdout.splitlines()[-1] == f"CODE {expected} LOADED"


def test_module_runs_like_the_command() -> None:
    line = [sys.executable, "-m", "steerx.cli", "--version"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("steerx ")
