"""The README's Python runs as it is printed, without a warning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

import steerx

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_ten_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(block.replace("2000", "400"), str(README), "exec"), {})  # fewer pictures
    smile = steerx.Directions.load(tmp_path / "smile.safetensors")
    assert smile.names == ("smile",) and smile.unit == "sigma"
    with Image.open(tmp_path / "smile.png") as grid:
        assert grid.height > 4 * 64 * 2
