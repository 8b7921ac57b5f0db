"""The README's Python and commands run as they are printed, without a warning."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import steerx
from steerx.cli import app

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_ten_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(block.replace("2000", "400"), str(README), "exec"), {})  # fewer pictures
    smile = steerx.Directions.load(tmp_path / "smile.safetensors")
    assert smile.names == ("smile",) and smile.unit == "sigma"
    with Image.open(tmp_path / "smile.png") as grid:
        assert grid.height > 4 * 64 * 2


def test_the_commands_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```\n(steerx doctor.*?)```", README.read_text(), re.DOTALL)
    lines = [line.split("#")[0] for line in block.strip().splitlines()]
    assert len(lines) > 10
    monkeypatch.chdir(tmp_path)
    for line in lines:
        fewer = line.replace("20000", "2000").replace("0-999", "0-199")
        tool, *words = shlex.split(fewer)
        assert tool == "steerx"
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, f"{line}\n{result.output}"
    pictures = sorted(p.name for p in (tmp_path / "out" / "faces").glob("*.png"))
    assert pictures == [f"seed{n:04d}.png" for n in range(8)]
    for made in ("sweep/index.html", "found.html", "walk.webp", "faces.pt", "edited/job.yaml"):
        assert (tmp_path / "out" / made).stat().st_size, made
