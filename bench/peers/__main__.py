"""steerx's CPU renderers and sweep beside their peers: all cases, or some by name.

    python -m bench.peers --list
    python -m bench.peers --out bench/results --stylegan2-ada FOLDER --stylegan3 FOLDER ...     make peers
    python -m bench.peers --out bench/results --add --case 256-b8 --stylegan2-ada FOLDER        minutes
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
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.peers import network
from bench.peers.cases import CASES, Case, chosen
from bench.peers.comparing import compare, contenders
from bench.peers.counting import memory, threads
from bench.peers.processes import AVX2, TUNED
from bench.peers.sides import OURS
from bench.peers.table import page
from bench.ratios import commit, machine

CHECKOUTS = {  # and the file that each of them is known by
    "stylegan2-ada": "training/networks.py",
    "stylegan3": "training/networks_stylegan2.py",
    "rosinality": "model.py",
    "genforce": "models/stylegan2_generator.py",
}
FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_tile")
MOST, SMALL_MOST = 512, 32  # channels
KINDS = {"time": compare, "memory": memory, "threads": threads}


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("--case", default="", help="some of them: a,b (default: all)")
    parser.add_argument("--out", type=Path, help="folder of the dated Markdown and JSON")
    parser.add_argument("--add", action="store_true", help="to the file of today, not a new one")
    parser.add_argument("--work", type=Path, help="folder that keeps networks and graphs")
    for name in CHECKOUTS:
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help="a checkout of it")
    parser.add_argument("--small", action="store_true", help="64 px and few channels: does it run?")
    parser.add_argument("--isa", choices=["avx2"], help="hold everybody to AVX2 who can be held")
    parser.add_argument("--only", default="", help="sides whose names hold one of these words: a,b")
    parser.add_argument("--rounds", type=int, default=7, help="at most")
    parser.add_argument("--seconds", type=float, default=120, help="after which rounds are enough")
    parser.add_argument("--group", type=int, default=10, help="peers alive at once")
    parser.add_argument("--no-tuned", action="store_true", help="no tuned allocator")
    parser.add_argument("--note", default="", help="what else ran, for the record")
    options = parser.parse_args(argv)
    names = [name.strip() for name in options.case.split(",") if name.strip()]
    try:
        options.cases = chosen(names, small=options.small, isa=options.isa)
    except ValueError as error:
        parser.error(str(error))
    for name, file in CHECKOUTS.items():
        folder = getattr(options, name.replace("-", "_"))
        if folder is not None and not (folder / file).is_file():
            parser.error(f"--{name}: {folder} is no checkout of it, it has no {file}")
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
    }


def run(options: argparse.Namespace, scratch: Path) -> Iterator[dict[str, Any]]:
    """Every case, as it is done."""
    named = {name: getattr(options, name.replace("-", "_")) for name in CHECKOUTS}
    folders = {name: str(folder.resolve()) for name, folder in named.items() if folder}
    most = SMALL_MOST if options.small else MOST
    largest = max(case.job.batch for case in CASES.values())
    tuned = not (options.no_tuned or options.small)
    for asked in options.cases:
        work = scratch / f"{asked.resolution}-{most}"
        if not (work / network.CODES).exists():
            work.mkdir(parents=True, exist_ok=True)
            network.write(work, asked.resolution, most, largest)
        case: Case = replace(
            asked,
            job=replace(asked.job, folder=str(work.resolve())),
            rounds=options.rounds,
            group=options.group,
            seconds=options.seconds,
        )
        load = round(os.getloadavg()[0], 2)
        found = contenders(case, tuned=tuned, only=options.only)
        made = KINDS[case.kind](case, found, folders, work)
        print(f"{case.title}: {len(made['rows'])} sides, {len(made['skipped'])} not compared")
        yield made | {"load": load, "commit": commit(), "note": options.note}


def summary(options: argparse.Namespace, cases: list[dict[str, Any]]) -> dict[str, Any]:
    """What is written of the cases so far."""
    processes = [row["process"] for case in cases for row in case["rows"]]
    versions = {k: v for process in processes for k, v in process["versions"].items()}
    return {
        "bench": "peers",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine_facts(),
        "versions": versions,
        "allocator": processes[0]["allocator"] if processes else None,
        "tuned": TUNED,
        "held": AVX2 if options.isa else None,
        "small": options.small,
        "cases": cases,
    }


def main(argv: list[str] | None = None) -> int:
    """Measure, print the tables, and write them where asked: after every case.

    Returns:
        0 where all cases have rows and steerx itself rendered what is expected in all of them, else 1.
    """
    options = arguments(argv)
    if options.list:
        print("\n".join(f"{case.name:20s} {case.title}" for case in options.cases))
        return 0
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    ends = f"{'-avx2' if options.isa else ''}{'-small' if options.small else ''}"
    file = options.out / f"peers-{today}{ends}.json" if options.out else None
    cases: dict[str, dict[str, Any]] = {}
    if file and options.add and file.exists():
        cases = {case["name"]: case for case in json.loads(file.read_text())["cases"]}
    done = []
    with ExitStack() as stack:
        scratch = options.work or stack.enter_context(tempfile.TemporaryDirectory(prefix="peers-"))
        for case in run(options, Path(scratch)):
            done.append(case)
            cases[case["name"]] = case
            if file:
                order = [cases[name] for name in CASES if name in cases]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(summary(options, order), indent=1) + "\n")
                file.with_suffix(".md").write_text(page(summary(options, order)))
    print("\n" + page(summary(options, done)))
    if file:
        print(f"written: {file} and .md")
    started = [f"{name}, {kind}" for name in OURS for kind in ("as shipped", "tuned")]
    failed = [name for name in started if any(name in case["skipped"] for case in done)]
    if failed:
        print(f"steerx itself was not compared everywhere: {', '.join(failed)}")
    return 0 if not failed and all(case["rows"] for case in done) else 1


if __name__ == "__main__":
    raise SystemExit(main())
