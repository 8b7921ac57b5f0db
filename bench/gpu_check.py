"""One command for a machine with a GPU: the first-run checklist and the numbers that decide the plan.

    python -m bench.gpu_check --out bench/results          make gpu-check
    python -m bench.gpu_check --rehearse                   every step on the CPU, at tiny sizes

Writes <gpu>.json after every step and prints a table. A step that fails does not stop the others; the exit
status says whether one did. What the time does not suffice for is named, not dropped silently.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import steerx
from bench import gpu_checklist as checklist
from bench import gpu_questions as questions
from bench.gpu_device import Device
from bench.ratios import machine

SECONDS = 450  # after them no further step begins; the longest one takes half a minute
Step = Callable[[], dict[str, Any]]


def steps(device: Device) -> dict[str, Step]:
    """In the order of worth: what must hold, then what decides, then what is good to know."""
    real = device.real
    size, batches = (1024, (1, 8)) if real else (16, (1, 2))
    elements = 2**31 + 2**20 if real else 2**16
    return {
        "registration": lambda: checklist.registration(device),
        "agreement": lambda: checklist.agreement(device),
        "runtimes": lambda: checklist.runtimes(device, 1000 if real else 10),
        "streams": lambda: checklist.streams(device),
        "graphs": lambda: checklist.graphs(device),
        "fork": lambda: checklist.fork(device),
        "upsampling": lambda: questions.upsampling(device, size, batches),
        "bandwidth": lambda: questions.bandwidth(device, size, batches[-1]),
        "precision": lambda: questions.precision(device, 16 if real else 1),
        "pictures": lambda: questions.pictures(device, size, batches),
        "big": lambda: checklist.big(device, elements),
        "out_of_memory": lambda: checklist.out_of_memory(device),
        "simt": lambda: checklist.simt(device),
        "suite": lambda: checklist.suite(device),
        "sanitizer": lambda: checklist.sanitizer(device, 60),
    }


def judged(step: Step) -> dict[str, Any]:
    """What a step answered, or how it failed."""
    start = time.perf_counter()
    try:
        answer = step()
        status = "skipped" if "skipped" in answer else "passed"
    except Exception as error:
        lines = traceback.format_exc().splitlines()
        answer = {"error": f"{type(error).__name__}: {error}"[:600], "at": lines[-4:-1]}
        status = "failed"
    return {"status": status, "seconds": round(time.perf_counter() - start, 1), **answer}


def summary(name: str, answer: dict[str, Any]) -> str:
    """A step's line of the table."""
    said = answer.get("error") or answer.get("skipped") or ""
    if name == "pictures" and not said:
        best = [
            f"batch {row['batch']}: {min(v for k, v in row.items() if k.startswith('fused'))} ms"
            for row in answer["ms_per_picture"]
        ]
        said = ", ".join(best)
    if name == "bandwidth" and not said:
        said = f"at most {max(r['style_epilogue']['GB/s'] for r in answer['sizes'])} GB/s"
    if name == "upsampling" and not said:
        dense = sum(row["faster"] == "dense" for row in answer["layers"])
        said = f"dense is faster in {dense} of {len(answer['layers'])} layers"
    return f"{name:14s} {answer['status']:8s} {answer['seconds']:7.1f} s  {said}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder of the JSON")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, at tiny sizes")
    parser.add_argument("--only", help="steps, separated by commas")
    options = parser.parse_args(arguments)
    if not options.rehearse and not torch.cuda.is_available():
        print("gpu_check: there is no CUDA device; --rehearse runs every step on the CPU")
        return 1
    device = Device("cpu", 2) if options.rehearse else Device("cuda", 20)
    gpu = "rehearsal" if options.rehearse else torch.cuda.get_device_name()
    result: dict[str, Any] = {
        "check": "gpu", "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "steerx": steerx.__version__, **machine(), "rehearsal": options.rehearse, "steps": {},
    }  # fmt: skip
    start, all_steps = time.perf_counter(), steps(device)
    names = options.only.split(",") if options.only else list(all_steps)
    for name in names:
        if time.perf_counter() - start > SECONDS:
            answer = {"status": "skipped", "seconds": 0.0, "skipped": "no time was left for it"}
        else:
            answer = judged(all_steps[name])
        result["steps"][name] = answer
        print(summary(name, answer), flush=True)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            slug = re.sub(r"\W+", "-", gpu.lower()).strip("-")
            (options.out / f"{slug}.json").write_text(json.dumps(result, indent=2) + "\n")
    failed = [name for name, answer in result["steps"].items() if answer["status"] == "failed"]
    print(f"{len(names)} steps, {len(failed)} failed, {time.perf_counter() - start:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
