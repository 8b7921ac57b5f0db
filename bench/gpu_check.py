"""One command for a machine with a GPU: the first-run checklist and the numbers that decide the plan.

    python -m bench.gpu_check --out bench/results          make gpu-check
    python -m bench.gpu_check --rehearse                   every step on the CPU, at tiny sizes
    ... --stylegan2-ada FOLDER                             with a checkout of NVlabs' programs as a peer

Writes <gpu>.json after every step and prints a table. A step that fails does not stop the others; the exit
status says whether one did. After a fault on the device the steps left get processes of their own; a kernel that
hangs ends the check, with the traceback and the step's name in the file. What the time does not suffice for is
named, not dropped silently. At the end stands what the numbers were to be, with "not measured" where they were not.
"""

from __future__ import annotations

import argparse
import datetime
import faulthandler
import json
import re
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import steerx
from bench import gpu_checklist as checklist
from bench import gpu_peers, gpu_pictures, gpu_plan, gpu_targets, gpu_tools
from bench.gpu_agreement import agreement
from bench.gpu_device import Device
from bench.gpu_mining import mining
from bench.gpu_process import apart
from bench.gpu_sides import verdict
from bench.gpu_simt import simt
from bench.ratios import machine

SECONDS = 440  # after them no further step begins, and processes of steps end; other steps take half a minute
MINED = ("eigh", "components", "moments", "weight_covariance")
ALONE = ("bench.gpu_check", "alone")
Step = Callable[[], dict[str, Any]]


def steps(device: Device, ada: str | None = None) -> dict[str, Step]:
    """In the order of worth: what must hold, then what decides, then what is good to know."""
    real = device.real
    size, batches = (1024, (1, 8)) if real else (16, (1, 2))
    elements = 2**31 + 2**20 if real else 2**16
    shape: dict[str, Any] = {"resolution": size, "batches": batches}
    return {
        "registration": lambda: checklist.registration(device),
        "agreement": lambda: agreement(device),
        "runtimes": lambda: checklist.runtimes(device, 1000 if real else 10),
        "streams": lambda: checklist.streams(device),
        "graphs": lambda: checklist.graphs(device),
        "fork": lambda: checklist.fork(device),
        "upsampling": lambda: gpu_plan.upsampling(device, size, batches),
        "whole_layers": lambda: gpu_plan.whole_layers(device, size, batches),
        "bandwidth": lambda: gpu_plan.bandwidth(device, size, batches[-1]),
        "precision": lambda: gpu_pictures.precision(device, 16 if real else 1),
        "pictures": lambda: gpu_pictures.pictures(device, size, batches),
        "mining": lambda: mining(device, size),
        "big": lambda: checklist.big(device, elements),
        "out_of_memory": lambda: checklist.out_of_memory(device),
        "simt": lambda: simt(device),
        "suite": lambda: gpu_tools.suite(device),
        "stylegan2_ada": lambda: peer(device, "stylegan2_ada", {**shape, "folder": ada}, 120),
        "compiled": lambda: peer(device, "compiled", {**shape, "batches": batches[1:]}, 90),
        "compiled_1": lambda: peer(device, "compiled", {**shape, "batches": (1,)}, 60),
        "tensorrt": lambda: peer(device, "tensorrt", {**shape, "batches": batches[1:]}, 60),
        "profile": lambda: gpu_tools.profile(device, 40),
        "sanitizer": lambda: gpu_tools.sanitizer(device, 40),
    }


def peer(device: Device, name: str, arguments: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What `gpu_peers` answers; in a process of its own, unless it is rehearsed."""
    if "folder" in arguments and arguments["folder"] is None:
        return {"skipped": "no checkout was named; --stylegan2-ada FOLDER"}
    if device.real:
        return apart(device, "bench.gpu_peers", name, arguments, seconds)
    answer: dict[str, Any] = getattr(gpu_peers, name)(device, **arguments)
    return answer


def alone(device: Device, name: str, ada: str | None) -> dict[str, Any]:
    """A step in a process of its own: after a fault on the device no other process could go on."""
    return steps(device, ada)[name]()


def judged(step: Step) -> dict[str, Any]:
    """What a step answered, or how it failed."""
    start = time.perf_counter()
    try:
        answer = step()
        status = "skipped" if "skipped" in answer else "passed"
        if answer.get("wrong"):  # what is right beside it was measured
            status, answer = "failed", {**answer, "error": "; ".join(answer["wrong"])[:600]}
    except Exception as error:
        lines = traceback.format_exc().splitlines()
        answer = {"error": f"{type(error).__name__}: {error}"[:600], "at": lines[-4:-1]}
        status = "failed"
    return {"status": status, "seconds": round(time.perf_counter() - start, 1), **answer}


def summary(name: str, answer: dict[str, Any]) -> str:
    """A step's line of the table."""
    said = answer.get("error") or answer.get("skipped") or ""
    if name == "pictures" and not said:
        rows = answer["rows"]
        best = [f"batch {r['batch']}: {r['ms_per_picture']:.3f} ms a picture" for r in rows]
        said = f"{', '.join(best)}; against plain torch {verdict(rows)}"
    elif name == "bandwidth" and not said:
        said = f"at most {max(r['style_epilogue']['GB/s'] for r in answer['sizes'])} GB/s"
    elif name == "upsampling" and not said:
        dense = sum(row["faster"] == "dense" for row in answer["rows"])
        said = f"dense is faster in {dense} of {len(answer['rows'])} layers"
    elif name == "mining" and not said:
        kept = {key: part.get("rows", [part]) for key, part in answer.items() if key in MINED}
        said = "; ".join(f"{key}: {verdict(rows)}" for key, rows in kept.items())
    elif "rows" in answer and not said:
        said = verdict(answer["rows"])
    return f"{name:14s} {answer['status']:8s} {answer['seconds']:7.1f} s  {said}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder of the JSON")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, at tiny sizes")
    parser.add_argument(
        "--stylegan2-ada", type=Path, metavar="FOLDER", help="a checkout, to compare"
    )
    parser.add_argument("--only", help="steps, separated by commas")
    options = parser.parse_args(arguments)
    if not options.rehearse and not torch.cuda.is_available():
        print("gpu_check: there is no CUDA device; --rehearse runs every step on the CPU")
        return 1
    start = time.perf_counter()
    until = start + SECONDS
    device = Device("cpu", 2, until) if options.rehearse else Device("cuda", 20, until)
    gpu = "rehearsal" if options.rehearse else torch.cuda.get_device_name()
    result: dict[str, Any] = {
        "check": "gpu", "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "steerx": steerx.__version__, **machine(), "rehearsal": options.rehearse, "steps": {},
    }  # fmt: skip
    ada = None if options.stylegan2_ada is None else str(options.stylegan2_ada.resolve())
    all_steps = steps(device, ada)
    names = options.only.split(",") if options.only else list(all_steps)

    def save() -> None:
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            slug = re.sub(r"\W+", "-", gpu.lower()).strip("-")
            (options.out / f"{slug}.json").write_text(json.dumps(result, indent=2) + "\n")

    if device.real:  # a kernel that never ends would keep this process for ever
        faulthandler.dump_traceback_later(SECONDS + 40, exit=True, file=sys.__stderr__)
    alive = True
    for name in names:
        result["steps"][name] = {"status": "failed", "error": "did not come to an end"}
        save()
        if time.perf_counter() > until:
            answer = {"status": "skipped", "seconds": 0.0, "skipped": "no time was left for it"}
        elif alive:
            answer = judged(all_steps[name])
            alive = device.alive()
        else:
            answer = judged(lambda name=name: apart(device, *ALONE, {"name": name, "ada": ada}, 90))  # type: ignore[misc]
        result["steps"][name] = answer
        result["targets"] = [] if options.rehearse else gpu_targets.table(result["steps"])
        result["room"] = [] if options.rehearse else gpu_targets.room(result["steps"])
        print(summary(name, answer), flush=True)
        save()
    faulthandler.cancel_dump_traceback_later()
    for row in result["targets"]:
        print(gpu_targets.line(row))
    print(*result["room"], sep="\n", end="\n" if result["room"] else "")
    failed = [name for name, answer in result["steps"].items() if answer["status"] == "failed"]
    print(f"{len(names)} steps, {len(failed)} failed, {time.perf_counter() - start:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
