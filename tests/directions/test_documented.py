"""docs/directions.md shows the file that steerx writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from safetensors import safe_open

import steerx

PAGE = Path(__file__).resolve().parents[2] / "docs" / "directions.md"


def test_the_example_is_a_real_file(tmp_path: Path) -> None:
    (block,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    shown = json.loads(block)
    G = steerx.load("faces")
    steerx.SeFa(layers="0-2", k=2).fit(G).directions_.save(tmp_path / "sefa.safetensors")
    with safe_open(tmp_path / "sefa.safetensors", framework="pt") as file:
        written = json.loads(file.metadata()["steerx"])
    assert written["fields"]["model_id"] == G.model_id
    written["fields"]["model_id"] = shown["fields"]["model_id"]
    assert written == shown
    table = set(
        re.findall(r"`([a-z_]+)`", "".join(re.findall(r"\n\| (`.*?) \|", PAGE.read_text())))
    )
    assert set(shown["fields"]) - table <= {"names", "style_sizes", "provenance"}
