"""docs/performance.md is that of its results; targets are judged by what the results say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench import performance
from bench.peers.cases import CASES
from bench.performance_targets import FASTER, SWEPT, targets

NOTHING: dict[str, Any] = dict.fromkeys(performance.KINDS)


def case(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "rows": rows}


def row(side: str, ratio: float, allocator: str = "as shipped") -> dict[str, Any]:
    ratios = {"time / steerx fp32": ratio, "time / steerx bf16": ratio}
    return {"side": side, "allocator": allocator, **ratios}


def test_the_page_in_docs_is_that_of_its_results() -> None:
    text = performance.PAGE.read_text()
    names = set(re.findall(r"bench/results/([\w-]+\.json)", text))
    files = {}
    for kind, (pattern, _) in performance.KINDS.items():
        of_kind = [name for name in names if re.fullmatch(rf"{pattern}\.json", name)]
        assert len(of_kind) <= 1
        if of_kind:
            files[kind] = performance.RESULTS / of_kind[0]
    assert len(files) == len(names) > 0
    assert performance.page(files) == text, "make performance"


def test_every_case_of_a_target_can_be_run() -> None:
    asked = {name for goals in (*FASTER.values(), SWEPT) for name in goals}
    assert asked | {"threads-256", "memory-1024"} <= set(CASES)


def test_the_best_of_a_peer_counts() -> None:
    rows = [row("OpenVINO bf16: shared weights", 1.02), row("OpenVINO bf16: stylegan2-ada", 1.4)]
    (found,) = [
        target
        for target in targets(NOTHING | {"peers": {"cases": [case("256-b1", rows)]}})
        if target.reached is not None
    ]
    assert (found.found, found.reached, found.said) == (1.02, False, "1.02x")
    assert found.what.startswith("bf16, 256 px, batch 1: beside OpenVINO bf16")
    assert "(shared weights)" in found.what


def test_allocators_are_different_rows() -> None:
    rows = [row("stylegan2-ada fp32", 5.5), row("stylegan2-ada fp32", 2.1, "tuned")]
    found = targets(NOTHING | {"peers": {"cases": [case("1024-b1", rows)]}})
    judged = {(t.goal, t.said): t.reached for t in found if t.found is not None}
    assert judged == {
        (">= 5.00x", "5.50x"): True,
        (">= 2.20x", "2.10x"): False,
        (">= 6.50x", "5.50x"): False,
    }


def test_memory_growth_and_threads() -> None:
    def used(side: str, building: float, rendering: float) -> dict[str, Any]:
        counted = {"building_MB": building, "rendering_MB": rendering}
        return {"side": side, "allocator": "as shipped", **counted}

    memory = [used("steerx fp32", 300, 500), used("steerx bf16", 300, 250)]
    cases = [
        case("memory-1024", [*memory, used("stylegan2-ada fp32", 100, 400)]),
        case("threads-256", [{"side": "steerx fp32", "share": 0.95}]),
    ]
    grown = {
        "growth of time over the run": 0.01,
        "its standard error": 0.02,
        "pictures": 10_000,
        "MB at the beginning": 490.0,
        "MB at the end": 492.0,
    }
    found = targets(NOTHING | {"peers": {"cases": cases}, "growth": grown})
    judged = {target.said: target.reached for target in found if target.reached is not None}
    assert judged == {
        "125.0% (500 of 400 MB)": False,
        "75.0% (300 of 400 MB)": False,
        "95.0%": True,
        "1.0% +- 2.0%, over 10000; 490 to 492 MB": False,
    }


def test_a_page_without_results_names_the_commands(tmp_path: Path) -> None:
    text = performance.page(performance.newest(tmp_path))
    for _, command in performance.KINDS.values():
        assert f"`{command}`" in text
    assert "0 of 23 are reached" in text and "nan" not in text


@pytest.mark.parametrize("kind", performance.KINDS)
def test_the_newest_of_a_kind_is_taken(tmp_path: Path, kind: str) -> None:
    end = "-avx2" if kind == "peers-avx2" else ""
    stem = kind.removesuffix("-avx2")
    for day in ("2026-01-02", "2026-03-01", "2025-12-31"):
        (tmp_path / f"{stem}-{day}{end}.json").write_text(json.dumps({}))
    assert performance.newest(tmp_path) == {kind: tmp_path / f"{stem}-2026-03-01{end}.json"}
