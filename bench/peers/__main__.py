"""steerx's CPU renderers and sweep beside their peers, in one command.

    python -m bench.peers --out bench/results --stylegan2-ada FOLDER --stylegan3 FOLDER ...     make peers
    python -m bench.peers --small                                       64 px, seconds, torch alone suffices

Peers of the package index are the extra `bench`; checkouts of published programs are the user's own. What is not
there is named and left out.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.peers import network, sides
from bench.peers.comparing import Case, Contender, compare, memory
from bench.peers.job import Job, Side
from bench.peers.processes import AVX2, TUNED
from bench.peers.table import page
from bench.ratios import commit, machine

CHECKOUTS = {  # and the file that each of them is known by
    "stylegan2-ada": "training/networks.py",
    "stylegan3": "training/networks_stylegan2.py",
    "rosinality": "model.py",
    "genforce": "models/stylegan2_generator.py",
}
FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_tile")
SIZES, SMALL = "256x1,256x8,1024x1", 64  # px x batch; px
MEMORY_SIZE = 1024
SWEPT = {256: (8, 12), SMALL: (4, 8)}  # px: first layers moved
MOST, SMALL_MOST = 512, 32  # channels


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--out", type=Path, help="folder of the dated Markdown and JSON")
    for name in CHECKOUTS:
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help="a checkout of it")
    parser.add_argument("--small", action="store_true", help="64 px and few channels: does it run?")
    parser.add_argument("--sizes", default=SIZES, help=f"px x batch (default {SIZES})")
    parser.add_argument("--threads", default="1,default", help="1, default or both")
    parser.add_argument("--isa", choices=["avx2"], help="hold everybody to AVX2 who can be held")
    parser.add_argument("--only", default="", help="sides whose names hold one of these words: a,b")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--group", type=int, default=6, help="peers alive at once")
    parser.add_argument("--no-tuned", action="store_true", help="no tuned allocator")
    parser.add_argument("--no-sweep", action="store_true")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--grid", default="10x7", help="directions x alphas of a sweep")
    parser.add_argument("--note", default="", help="what else ran, for the record")
    options = parser.parse_args(argv)
    for name, file in CHECKOUTS.items():
        folder = getattr(options, name.replace("-", "_"))
        if folder is not None and not (folder / file).is_file():
            parser.error(f"--{name}: {folder} is no checkout of it, it has no {file}")
    if options.small:
        options.sizes, options.threads, options.no_tuned = f"{SMALL}x2", "1", True
        options.grid = "2x3"
    return options


def machine_facts() -> dict[str, Any]:
    """The processor: its name, its cores and the instruction sets that decide."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    flags = next((y.split(":", 1)[1].split() for y in lines if y.startswith("flags")), [])
    found = machine()
    kept = ("processor", "python", "native")
    return {
        **{key: found[key] for key in kept},
        "cores": os.cpu_count(),
        "flags": [flag for flag in FLAGS if flag in flags],
        "load": round(os.getloadavg()[0], 2),
    }


def contenders(found: dict[str, Side], options: argparse.Namespace) -> list[Contender]:
    """steerx first, then who is asked for, each under the allocators that matter to it."""
    words = [word.strip().lower() for word in options.only.split(",") if word.strip()]
    chosen = []
    for name, side in found.items():
        if name in sides.OURS or not words or any(word in name.lower() for word in words):
            chosen.append(Contender(side, "as shipped"))
            if side.torch and not options.no_tuned:
                chosen.append(Contender(side, "tuned"))
    return chosen


def run(options: argparse.Namespace, scratch: Path) -> Iterator[dict[str, Any]]:
    """Every case, as it is done."""
    named = {name: getattr(options, name.replace("-", "_")) for name in CHECKOUTS}
    folders = {name: str(folder.resolve()) for name, folder in named.items() if folder}
    sizes = [tuple(map(int, size.split("x"))) for size in options.sizes.split(",")]
    directions, alphas = map(int, options.grid.split("x"))
    grid = (directions, alphas)
    most = SMALL_MOST if options.small else MOST
    threads = [None if word == "default" else int(word) for word in options.threads.split(",")]
    counted = 0 if options.no_memory else MEMORY_SIZE if not options.small else SMALL
    for px in dict.fromkeys([*(px for px, _ in sizes), *([counted] if counted else [])]):
        work = scratch / str(px)
        work.mkdir()
        batches = [batch for p, batch in sizes if p == px]
        network.write(work, px, most, max([*batches, 1]))

        def case(batch: int, count: int | None, layers: int | None = None) -> Case:
            job = Job("", str(work), batch, count, layers=layers, grid=grid)  # noqa: B023
            return Case(px, job, options.isa, options.rounds, options.group)  # noqa: B023

        rendering = contenders(sides.RENDERING, options)
        for count in threads:
            for batch in batches:
                yield told(compare(case(batch, count), rendering, folders, work))
            for layers in () if options.no_sweep or not batches else SWEPT.get(px, ()):
                swept = contenders(sides.SWEEPING, options)
                yield told(compare(case(1, count, layers), swept, folders, work))
        if px == counted:
            yield told(memory(case(1, 1), rendering, folders, work))


def told(case: dict[str, Any]) -> dict[str, Any]:
    """A case, after its progress was printed."""
    print(f"{case['case']}: {len(case['rows'])} sides, {len(case['skipped'])} not compared")
    return case


def summary(options: argparse.Namespace, cases: list[dict[str, Any]]) -> dict[str, Any]:
    """What is written of the cases so far."""
    processes = [row["process"] for case in cases for row in case["rows"] if "process" in row]
    reasons = [case["skipped"].items() for case in cases]
    everywhere = set(reasons[0]).intersection(*reasons) if reasons else set()
    cases = [
        case | {"skipped": {k: v for k, v in case["skipped"].items() if (k, v) not in everywhere}}
        for case in cases
    ]
    return {
        "bench": "peers",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "machine": machine_facts(),
        "versions": processes[0]["versions"] if processes else {},
        "allocator": processes[0]["allocator"] if processes else None,
        "tuned": TUNED,
        "held": AVX2 if options.isa else None,
        "run": {
            "rounds": options.rounds,
            "group": options.group,
            "small": options.small,
            "note": options.note,
        },
        "skipped": dict(sorted(everywhere)),
        "cases": cases,
    }


def main(argv: list[str] | None = None) -> int:
    """Measure, print the tables, and write them where asked: after every case, for a run takes an hour.

    Returns:
        0 where all cases have rows and steerx itself rendered what is expected in all of them, else 1.
    """
    options, cases = arguments(argv), []
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        for case in run(options, Path(folder)):
            cases.append(case)
            result = summary(options, cases)
            if options.out is not None:
                stem = f"peers-{result['date']}"
                stem += f"{'-avx2' if options.isa else ''}{'-small' if options.small else ''}"
                (options.out / f"{stem}.json").write_text(json.dumps(result, indent=1) + "\n")
                (options.out / f"{stem}.md").write_text(page(result))
    print("\n" + page(summary(options, cases)))
    if options.out is not None and cases:
        print(f"written: {options.out / stem}.json and .md")
    started = [f"{name}, {kind}" for name in sides.OURS for kind in ("as shipped", "tuned")]
    failed = [name for name in started if any(name in case["skipped"] for case in cases)]
    if failed:
        print(f"steerx itself was not compared everywhere: {', '.join(failed)}")
    return 0 if not failed and all(case["rows"] for case in cases) else 1


if __name__ == "__main__":
    raise SystemExit(main())
