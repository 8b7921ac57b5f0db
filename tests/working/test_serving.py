"""Modules that are run as workers: nothing but messages on their output, and nothing of Python's on the terminal."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

KINDS = ("augmentation", "directions", "scoring")


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_is_told_nonsense_says_so_in_a_message(kind: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-m", f"steerx.{kind}.worker"],
        input='{"network": 3}\n',
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    (line,) = ran.stdout.splitlines()
    assert "validation error" in json.loads(line)["fatal"]
    assert ran.stderr == ""
