"""docs/performance.md from the newest results: make performance.

    python -m bench.performance [--results bench/results] [--page docs/performance.md]

The page says which files it is made of; a test makes it again from them and compares.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from bench import roofline
from bench.peers import table as peers
from bench.performance_targets import Result, Target, targets

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGE = ROOT / "bench" / "results", ROOT / "docs" / "performance.md"
KINDS = {  # of results: how their files are named, and the command that makes them
    "peers": (
        r"peers-[\d-]+",
        "python -m bench.peers --out bench/results --stylegan2-ada FOLDER --stylegan3 FOLDER --genforce FOLDER",
    ),
    "peers-avx2": (
        r"peers-[\d-]+-avx2",
        "python -m bench.peers --out bench/results --isa avx2 --case 256-b1,256-b8 --stylegan2-ada FOLDER",
    ),
    "roofline": (r"roofline-[\d-]+", "python -m bench.roofline --out bench/results"),
    "sweep_costs": (
        r"sweep_costs-[\d-]+",
        "python -m bench.sweep_costs --directions 10 --out bench/results",
    ),
    "growth": (r"growth-[\d-]+", "python -m bench.growth --pictures 50000 --out bench/results"),
}
HEAD = """# Performance on the CPU

What `load(renderer="native")` and `steerx.sweep` take, beside what a user could pick instead: measured side by
side in one run, every side a process of its own, with the same weights and codes, pictures compared before
anything is timed. How: [bench/README.md](../bench/README.md). This page is written from the results by `make
performance`, and a test holds it to them."""
READING = """## How to read it

- *x steerx fp32*, *x steerx bf16*: the time of a side over that of steerx in the same group of the same run.
  2.00: steerx takes half of it. Compare ratios, not milliseconds: on a shared machine times move by a factor of
  two within an hour, both sides alike.
- With one thread the process's CPU time counts, with each side's default threads the clock; times are per
  picture.
- *as shipped* is the C library's allocator as it comes. It maps and clears big temporaries anew for every use,
  which torch's programs pay for and steerx, whose activations live in memory that it keeps, does not. *tuned*
  is the same library told to keep them.
- Of OpenVINO the better graph counts: the rewritten network with shared weights, which nobody ships, or the
  published one exported as it is.
- The network has random weights: times do not depend on them, errors do. L2 is that of these weights."""
LIMITS = """## What is not compared

- Programs that render another network instead (distilled, pruned, quantised to 8 bit): their pictures are
  others.
- Programs for GPUs: [kernels.md](kernels.md) says what is known of those kernels without one.
- ONNX Runtime cannot be held to AVX2, nor is bfloat16 of interest there."""


def newest(folder: Path) -> dict[str, Path]:
    """The latest file of every kind that is there."""
    found = {}
    for kind, (pattern, _) in KINDS.items():
        files = [f for f in folder.glob("*.json") if re.fullmatch(rf"{pattern}\.json", f.name)]
        if files:
            found[kind] = max(files, key=lambda file: file.name)
    return found


def page(files: dict[str, Path]) -> str:
    """The page of these files, by kind; a kind without one is named with its command."""
    results: dict[str, Result | None] = {
        kind: json.loads(files[kind].read_text()) if kind in files else None for kind in KINDS
    }
    parts = [HEAD, made_of(files), promised(targets(results)), READING]
    parts.append("## Beside its peers\n\n" + compared(results["peers"], "peers"))
    parts.append("## Both sides held to AVX2\n\n" + compared(results["peers-avx2"], "peers-avx2"))
    parts.append(f"## The roofline share of every layer\n\n{ROOFLINE}\n\n{layers(results)}")
    parts.append(f"## Sweeps and the times of their layers\n\n{costs(results['sweep_costs'])}")
    parts.append(LIMITS)
    return "\n\n".join(part.strip() for part in parts) + "\n"


def made_of(files: dict[str, Path]) -> str:
    lines = ["| results | made by, on a quiet machine |", "|---|---|"]
    for kind, (_, command) in KINDS.items():
        name = f"bench/results/{files[kind].name}" if kind in files else "not measured yet"
        lines.append(f"| {name} | `{command}` |")
    return "\n".join(lines)


def promised(found: list[Target]) -> str:
    """The targets, and those that are missed in words."""
    lines = ["## Targets", "", "| target | goal | measured | reached |", "|---|---|---|---|"]
    for target in found:
        kept = {True: "yes", False: "**no**", None: "-"}[target.reached]
        lines.append(f"| {target.what} | {target.goal} | {target.said} | {kept} |")
    missed = [f"- {t.what}: {t.said}, promised {t.goal}" for t in found if t.reached is False]
    unknown = sum(t.reached is None for t in found)
    lines += ["", f"{sum(t.reached is True for t in found)} of {len(found)} are reached."]
    if missed:
        lines += ["", "Not yet reached:", "", *missed]
    if unknown:
        lines += ["", f"{unknown} were not measured in these results."]
    return "\n".join(lines)


def compared(result: Result | None, kind: str) -> str:
    """Every case's table."""
    if result is None:
        return f"Not measured yet: `{KINDS[kind][1]}`."
    # The headings of the page that bench.peers writes, one level down.
    text = peers.page(result).split("\n", 2)[2]
    return re.sub(r"^## ", "### ", text, flags=re.M)


ROOFLINE = """A layer's floor is the larger of two times: the FLOPs of its direct convolution at the best rate of the
library's large products on this machine, and its inputs, outputs and weights, each moved once, at the rate of a
copy. The share is that floor over the time. Layers made by *filtering* (Winograd's F(4x4, 3x3), four times
fewer products; layers that upsample, `conv0`, 1.8 times fewer) may be above 100 %: they do not multiply what
the direct convolution does. *One product* and *matrix units* are direct kernels of ours. Layers of few pixels are
far below: their weights are read for little work. What a layer's time holds: its convolution, and all that
follows it. The best rate of bfloat16 is that of numbers at random, as they are in layers: matrix units slow down
under them, and reach a third more on zeros."""


def layers(results: dict[str, Any]) -> str:
    found = results["roofline"]
    return roofline.page(found) if found else f"Not measured yet: `{KINDS['roofline'][1]}`."


def costs(result: Result | None) -> str:
    """Predicted against measured."""
    if result is None:
        return f"Not measured yet: `{KINDS['sweep_costs'][1]}`."
    ratios = [key for key in result["cases"][0] if key.endswith("/ measured")]
    lines = [
        f"{result['date']}, 256 px, native renderer in float32, one thread.",
        "",
        f"| layers | directions x alphas | ms per picture | {' | '.join(ratios)} |",
        "|---" * (3 + len(ratios)) + "|",
    ]
    for row in result["cases"]:
        grid = f"{row['directions']} x {row['alphas']}"
        said = " | ".join(f"{row[ratio]:.2f}" for ratio in ratios)
        lines.append(f"| {row['layers']} | {grid} | {row['ms per picture']} | {said} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(argv)
    files = newest(options.results)
    options.page.write_text(page(files))
    print(f"written: {options.page}, from {', '.join(file.name for file in files.values())}")


if __name__ == "__main__":
    main()
