"""Workers as programs: nothing but messages on their output, and what ends their task reaches the driver in words."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from steerx.checkpoints import CheckpointError
from steerx.checkpoints.errors import Kind
from steerx.working import Stop
from steerx.working.serving import done

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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CheckpointError(Kind.TRUNCATED, "half a file"), "truncated: half a file"),
        (FileNotFoundError(2, "No such file", "x.pkl"), "x.pkl: No such file"),
        (OSError(28, "write: the disk is full"), "write: the disk is full"),
    ],
)
def test_what_concerns_all_workers_is_said(error: Exception, said: str) -> None:
    told: list[dict[str, Any]] = []

    def task(*_: object) -> None:
        raise error

    assert done(task, "", (), Stop(), lambda **message: told.append(message))
    assert [(one["fatal"], one["kind"]) for one in told] == [(said, type(error).__name__)]


def test_nobody_may_listen_any_more() -> None:
    def task(*_: object) -> None:
        raise ValueError

    def say(**_: object) -> None:
        raise BrokenPipeError

    assert done(task, "", (), Stop(), say)
