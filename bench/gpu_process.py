"""Work in processes of its own: what must not outlive its time, or not share this process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.gpu_device import Device

ROOT = Path(__file__).resolve().parents[1]
Answer = dict[str, Any]
_APART = """
import json
from bench.gpu_device import Device
from {module} import {function}
print()
print(json.dumps({function}(Device({name!r}, {rounds}), **{arguments!r})))
"""
_PLAIN = {"PYTHONWARNINGS": "ignore"}


class Late(Exception):
    """A process was not done in its time, and was ended with all that it had started."""


def ran(
    command: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit status and all output of a command in the repository's root.

    Its output goes to a file: a compiler that it started would keep a pipe open after its end.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Late(f"not done in {seconds:.0f} s") from None
        said.seek(0)
        return status, said.read()


def script(text: str, device: Device) -> None:
    """Run Python in a process of its own; an AssertionError where it fails."""
    status, said = ran(
        [sys.executable, "-c", text.format(name=device.name)], device.left(120), _PLAIN
    )
    if status:
        raise AssertionError(said.strip()[-400:] or f"exit status {status}")


def apart(
    device: Device, module: str, function: str, arguments: Mapping[str, Any], seconds: float
) -> Answer:
    """What a function of a bench module answers in a process of its own; skipped where it takes too long."""
    text = _APART.format(
        module=module, function=function, name=device.name, rounds=device.rounds,
        arguments=dict(arguments),
    )  # fmt: skip
    try:
        status, said = ran([sys.executable, "-c", text], device.left(seconds), _PLAIN)
    except Late as late:
        return {"skipped": str(late)}
    if status:
        raise AssertionError(said.strip()[-600:])
    found: Answer = json.loads(said.rstrip().splitlines()[-1])
    return found
