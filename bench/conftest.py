"""Ratios behind pytest-benchmark's table: how many times the others take as long as ours."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    groups: dict[str, list[Any]] = defaultdict(list)
    for bench in session.benchmarks if session else []:
        if not bench.has_error and "side" in bench.extra_info:
            groups[bench.group].append(bench)
    if not groups:
        return
    say = terminalreporter.write_line
    terminalreporter.section("time of the others / time of steerx, medians of this run")
    for case, benches in groups.items():
        (ours,) = [b for b in benches if b.extra_info["ours"]] or [None]
        if ours is None:
            continue
        said = [
            f"{bench.stats.median / ours.stats.median:.2f}x {bench.extra_info['side']}"
            for bench in benches
            if bench is not ours
        ]
        say(f"{case:46s} {ours.stats.median * 1e3:9.3f} ms   {', '.join(said) or 'no baseline'}")
