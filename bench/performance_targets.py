"""What was promised of the CPU renderer and the sweep, each target beside what the results say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Result = dict[str, Any]
PRECISIONS = ("fp32", "bf16")
FASTER = {  # precision, peer: case -> how many times as fast
    ("bf16", "OpenVINO bf16", "as shipped"): {"256-b1": 1.05, "256-b8": 1.1},
    ("fp32", "OpenVINO fp32", "as shipped"): {"256-b1": 1.8, "256-b8": 1.8},
    ("fp32", "stylegan2-ada fp32", "as shipped"): {"256-b1": 3, "256-b8": 5, "1024-b1": 5},
    ("fp32", "stylegan2-ada fp32", "tuned"): {"256-b1": 1.9, "256-b8": 2.5, "1024-b1": 2.2},
    ("bf16", "stylegan2-ada fp32", "as shipped"): {"256-b1": 3.3, "256-b8": 5.6, "1024-b1": 6.5},
}
SWEPT = {"sweep-8": 3.0, "sweep-12": 10.0}  # times as fast as the published loop
LOOP = "stylegan2-ada fp32, a loop"
PREDICTED, TWO_THREADS, GROWTH = 0.95, 0.9, 0.02
MEMORY = {"fp32": 1.0, "bf16": 0.7}  # of stylegan2-ada's


@dataclass(frozen=True)
class Target:
    """One line of the table.

    Attributes:
        what: in words.
        goal: what was promised, in words.
        found: what was measured; None where it was not.
        reached: whether it is kept; None where it was not measured.
        said: the number in words.
    """

    what: str
    goal: str
    found: float | None
    reached: bool | None
    said: str


def case(peers: Result | None, name: str) -> Result | None:
    """A case of the peers' results, None where it was not run."""
    return next((c for c in (peers or {}).get("cases", []) if c["name"] == name), None)


def least(found: Result | None, precision: str, peer: str, allocator: str) -> tuple[float, str]:
    """The smallest ratio over the sides whose names begin so, and the side: the best of them counts."""
    rows = [
        row
        for row in (found or {}).get("rows", [])
        if row["side"].startswith(peer) and row["allocator"] == allocator
    ]
    ratios = [(row[f"time / steerx {precision}"], row["side"]) for row in rows]
    return min(ratios, default=(float("nan"), ""))


def at_least(what: str, goal: float, found: float, said: Callable[[float], str]) -> Target:
    if found != found:
        return Target(what, f">= {said(goal)}", None, None, "not measured")
    return Target(what, f">= {said(goal)}", found, found >= goal, said(found))


def times(value: float) -> str:
    return f"{value:.2f}x"


def percent(value: float) -> str:
    return f"{value:.1%}"


def faster(peers: Result | None) -> Iterator[Target]:
    for (precision, peer, allocator), goals in FASTER.items():
        for name, goal in goals.items():
            found, side = least(case(peers, name), precision, peer, allocator)
            best = f" ({side.partition(': ')[2]})" if ": " in side else ""
            what = f"{precision}, {name.replace('-b', ' px, batch ')}: beside {peer}, {allocator}{best}"
            yield at_least(what, goal, found, times)
    for name, goal in SWEPT.items():
        for precision in PRECISIONS:
            found, _ = least(case(peers, name), precision, LOOP, "as shipped")
            layers = name.removeprefix("sweep-")
            what = (
                f"{precision}, sweep of layers {layers}+: beside stylegan2-ada's loop, as shipped"
            )
            yield at_least(what, goal, found, times)


def predicted(costs: Result | None) -> Iterator[Target]:
    rows = [row for row in (costs or {}).get("cases", []) if row["layers"] == "8-13"]
    found = rows[0]["predicted / measured"] if rows else float("nan")
    directions = rows[0]["directions"] if rows else 10
    what = (
        f"sweep of layers 8+, {directions} directions x 7 alphas: of what its layers' times predict"
    )
    yield at_least(what, PREDICTED, found, percent)


def counted(peers: Result | None) -> Iterator[Target]:
    rows = {row["side"]: row for row in (case(peers, "threads-256") or {}).get("rows", [])}
    for precision in PRECISIONS:
        found = rows.get(f"steerx {precision}", {}).get("share", float("nan"))
        what = f"{precision}, 256 px: two threads, of the throughput of two processes"
        yield at_least(what, TWO_THREADS, found, percent)
    memory = [
        row
        for row in (case(peers, "memory-1024") or {}).get("rows", [])
        if row["allocator"] == "as shipped" and row["rendering_MB"] is not None
    ]
    peak = {row["side"]: max(row["building_MB"], row["rendering_MB"]) for row in memory}
    for precision, goal in MEMORY.items():
        what = f"{precision}, 1024 px, batch 1: peak memory above import, of stylegan2-ada's"
        ours, theirs = peak.get(f"steerx {precision}"), peak.get("stylegan2-ada fp32")
        least_goal = f"< {percent(goal)}" if goal == 1 else f"<= {percent(goal)}"
        if ours is None or theirs is None:
            yield Target(what, least_goal, None, None, "not measured")
            continue
        share = ours / theirs
        said = f"{percent(share)} ({ours:.0f} of {theirs:.0f} MB)"
        yield Target(what, least_goal, share, share < goal if goal == 1 else share <= goal, said)


def growth(grown: Result | None) -> Iterator[Target]:
    what = "time per picture over 10,000 pictures of `faces`: growth by a regression"
    if grown is None:
        yield Target(what, f"< {percent(GROWTH)}", None, None, "not measured")
        return
    slope, error = grown["growth of time over the run"], grown["its standard error"]
    memory = f"{grown['MB at the beginning']:.0f} to {grown['MB at the end']:.0f} MB"
    said = f"{percent(slope)} +- {percent(error)}, over {grown['pictures']}; {memory}"
    yield Target(what, f"< {percent(GROWTH)}", slope, slope + error < GROWTH, said)


def targets(results: dict[str, Result | None]) -> list[Target]:
    """All of them, from the results by the kind of their file."""
    peers = results["peers"]
    return [
        *faster(peers),
        *predicted(results["sweep_costs"]),
        *counted(peers),
        *growth(results["growth"]),
    ]
