"""The tables in Markdown, from the numbers in the JSON."""

from __future__ import annotations

from typing import Any

from bench.peers.sides import OURS


def page(result: dict[str, Any]) -> str:
    """Every case as a table, what was skipped, and what it was measured with."""
    machine = result["machine"]
    lines = [
        "# steerx beside its peers",
        "",
        f"{result['date']}. {machine['processor']}, {machine['cores']} cores;"
        f" {', '.join(f'{k} {v}' for k, v in result['versions'].items())}.",
        "Medians; in every round all sides of a group run in turn, each in a process of its own; before a time"
        " of pictures is taken each renders once, uncounted. `x` is the time of a side over that of steerx in"
        " the same group: above 1, steerx is faster. With one thread CPU time counts, else time on the clock;"
        " times are per picture. L2 is the relative distance to the plain float32 renderer (of sweeps: to the"
        " loop in the papers' form, in grey levels). A loop renders the first direction alone: each of its"
        " pictures costs the same.",
        f"Allocator: {result['allocator']}; tuned = {_told(result['tuned'])}.",
        *([f"Held by {_told(result['held'])}. {_own_kernels(result)}"] if result["held"] else []),
    ]
    for case in result["cases"]:
        lines += ["", f"## {case['case']}", "", _circumstances(case), ""]
        lines += table(case)
        lines += ["", *(f"- not compared: {k}: {v}" for k, v in case["skipped"].items())]
    text = "\n".join(lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def table(case: dict[str, Any]) -> list[str]:
    """One case's rows."""
    first = (case["rows"] or [{}])[0]
    return (_memory if "building_MB" in first else _threads if "share" in first else _times)(case)


def _circumstances(case: dict[str, Any]) -> str:
    rounds = sorted({len(row["all_ms"]) for row in case["rows"] if "all_ms" in row})
    said = [f"commit {case['commit']}", f"load {case['load']} before it"]
    said += [f"{' to '.join(map(str, {rounds[0], rounds[-1]}))} rounds"] if rounds else []
    return f"{', '.join(said)}.{' Note: ' + case['note'] + '.' if case['note'] else ''}"


def _told(variables: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in variables.items())


def _own_kernels(result: dict[str, Any]) -> str:
    """What the kernels of steerx ran with."""
    rows = [row for case in result["cases"] for row in case["rows"]]
    found = {row["process"]["steerx_isa"] for row in rows if row["side"] in OURS} - {None}
    return f"steerx's own kernels, held by `ops.hold_isa`, ran with {', '.join(sorted(found))}."


def _times(case: dict[str, Any]) -> list[str]:
    lines = [
        f"| side | allocator | CPU ms | ms | {' | '.join(f'x {name}' for name in OURS)} | L2 |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in case["rows"]:
        ratios = (row.get(f"time / {name}") for name in OURS)
        said = " | ".join("-" if ratio is None else f"{ratio:.2f}" for ratio in ratios)
        lines.append(
            f"| {row['side']} | {row['allocator']} | {_ms(row['cpu_ms'])} | {_ms(row['wall_ms'])} "
            f"| {said} | {row['relative_L2']:.1e} |"
        )
    return lines


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _memory(case: dict[str, Any]) -> list[str]:
    lines = [
        "MB above what the imports take, at most: while the network is loaded, and while it renders.",
        "",
        "| side | allocator | loading | rendering |",
        "|---|---|---|---|",
    ]
    for row in case["rows"]:
        counted = (row["building_MB"], row["rendering_MB"])
        said = " | ".join("-" if mb is None else f"{mb:.0f}" for mb in counted)
        lines.append(f"| {row['side']} | {row['allocator']} | {said} |")
    return lines


def _threads(case: dict[str, Any]) -> list[str]:
    lines = [
        "ms on the clock per picture; the share is of the two processes' pictures per second.",
        "",
        "| side | one process, two threads | two processes, one thread each | share |",
        "|---|---|---|---|",
    ]
    for row in case["rows"]:
        counted = (row["two_threads_ms"], row["two_processes_ms"])
        lines.append(f"| {row['side']} | {' | '.join(map(_ms, counted))} | {row['share']:.0%} |")
    return lines
