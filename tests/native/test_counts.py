"""The gate that counts instructions: what it must refuse, and a slowdown of 5 % planted in the kernels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.native import counts

KEPT: dict[str, Any] = {"compiler": "gcc 12", "instructions": {"block": 1000, "tails": 500}}
LOOP = "  for (int64_t i = 0; i < rows; ++i)\n    for (int64_t j = 0; j < columns; ++j) {"


def test_counts_within_the_tolerance_pass() -> None:
    for change in (0.981, 1.0, 1.019):
        found = {"block": round(1000 * change), "tails": 500}
        assert counts.findings(found, KEPT, "gcc 12") == []


@pytest.mark.parametrize("block, said", [(1050, "5.0% more than the 1000"), (950, "5.0% fewer")])
def test_a_count_further_off_is_named(block: int, said: str) -> None:
    (finding,) = counts.findings({"block": block, "tails": 500}, KEPT, "gcc 12")
    assert finding.startswith("block: ") and said in finding


def test_another_compiler_has_a_wider_tolerance() -> None:
    assert counts.findings({"block": 1200, "tails": 500}, KEPT, "gcc 13") == []
    (finding,) = counts.findings({"block": 1300, "tails": 500}, KEPT, "gcc 13")
    assert "30.0% more" in finding and "25% are let pass with another compiler" in finding


def test_a_run_without_a_number_and_a_number_without_a_run() -> None:
    (finding,) = counts.findings({"block": 1000}, KEPT, "gcc 12")
    assert finding == "tails: counted or written, not both; counts.py --write"


def test_every_run_has_its_number() -> None:
    kept = json.loads(counts.COUNTS.read_text())
    assert kept["isa"] == counts.ISA and set(kept["instructions"]) == set(counts.RUNS)
    assert all(1_000_000 < count < 100_000_000 for count in kept["instructions"].values())


def test_a_slowdown_of_five_percent_is_seen(tmp_path: Path) -> None:
    """Every twelfth point is multiplied once more than it must be."""
    valgrind = counts.tool(counts.ROOT / ".venv" / "valgrind")
    kept = json.loads(counts.COUNTS.read_text())
    if valgrind is None or counts.compiler() != kept["compiler"]:
        pytest.skip("no valgrind, or another compiler than the numbers are of")
    csrc = tmp_path / "csrc"
    shutil.copytree(counts.ROOT / "csrc", csrc)
    text = (csrc / "cpu" / "winograd.cpp").read_text()
    assert text.count(LOOP) == 1
    again = "  int64_t times = 0;\n" + LOOP.replace("++j", "j += ++times % 12 != 0")
    (csrc / "cpu" / "winograd.cpp").write_text(text.replace(LOOP, again))
    found = counts.counted(counts.build(tmp_path, csrc), valgrind)
    assert found["tails"] == kept["instructions"]["tails"]
    assert 1.03 < found["block"] / kept["instructions"]["block"] < 1.07
    (finding,) = counts.findings(found, kept, counts.compiler())
    assert finding.startswith("block: ") and "more than the" in finding
