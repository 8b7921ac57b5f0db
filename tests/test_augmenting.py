"""The worked example of docs/augmenting.md runs as it is printed, smaller."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "augmenting.md"


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    sizes = r"^FACES, TEST, REPEATS, STEPS, MINED = .*$"
    smaller, count = re.subn(
        sizes, "FACES, TEST, REPEATS, STEPS, MINED = 8, 40, 2, 20, 100", block, flags=re.MULTILINE
    )
    assert count == 1
    world: dict[str, Any] = {}
    exec(compile(smaller, str(PAGE), "exec"), world)
    table = world["table"]
    assert table.shape == (2, 5) and (table >= 0).all() and (table <= 1).all()
    _, labels = world["edited"]
    assert 0 < float(labels.mean()) < 1  # faces with eyeglasses, and without
    assert len(world["kept"][0]) <= 16 and capsys.readouterr().out
