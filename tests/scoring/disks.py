"""Disks that fill up while a journal is written."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from steerx.scoring import journal


def fails(monkeypatch: pytest.MonkeyPatch, path: Path, name: str, code: int, after: int) -> None:
    """Let the calls of an os function that concern the journal fail after some."""
    inner, calls = getattr(os, name), itertools.count()

    def function(descriptor: int, *arguments: bytes) -> int:
        ours = path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())
        if ours and next(calls) >= after:
            for part in arguments:  # a full disk takes some of it
                inner(descriptor, part[: len(part) // 2])
            raise OSError(code, os.strerror(code))
        return inner(descriptor, *arguments)

    monkeypatch.setattr(journal.os, name, function)
