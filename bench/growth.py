"""Does a long job slow down or swell: time per picture and memory over thousands of pictures of `faces`.

    python -m bench.growth --pictures 50000 --out bench/results

Minutes, so neither a test nor a part of `make bench`. Time is the process's, on one thread, and counted in times of
one convolution that is measured beside every point, because neighbours on the machine slow both alike. The growth is
that of a regression of time per picture on pictures, over the whole run, as a share of the mean.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import time
from pathlib import Path

import numpy as np
import torch

import steerx
from bench.ratios import machine

ALPHAS = (-2.0, -1.0, 0.0, 1.0, 2.0)
POINT = 1000  # pictures; the shared layers of some seeds come in batches, which made points of 200 differ by a third


def resident() -> float:
    """Megabytes of this process in memory."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def unit() -> float:
    """Milliseconds of the process for a fixed piece of work that keeps nothing."""
    x, weight = torch.ones(4, 64, 32, 32), torch.ones(64, 64, 3, 3)
    started = time.process_time()
    for _ in range(20):
        torch.nn.functional.conv2d(x, weight)
    return (time.process_time() - started) * 1e3


def points(pictures: int) -> list[tuple[int, float, float, float]]:
    """Pictures so far, milliseconds per picture since the last point, the fixed work's, megabytes."""
    G = steerx.load("faces", renderer="native")
    found = steerx.SeFa(layers="6-9", k=2).fit(G).directions_
    each = len(found) * (len(ALPHAS) - 1) + 1
    seeds = range(math.ceil(pictures / each))
    made, before, rows = 0, 0, []
    started = time.process_time()
    for batch in steerx.sweep(G, seeds=seeds, directions=found, alphas=ALPHAS):
        made += len(batch)
        if made - before >= POINT:
            now = time.process_time()
            rows.append((made, (now - started) / (made - before) * 1e3, unit(), resident()))
            before, started = made, time.process_time()
    return rows[2:]  # the first ones pack weights and warm caches up


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=50_000)
    parser.add_argument("--out", type=Path, help="folder of the dated JSON")
    options = parser.parse_args()
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)  # now, not after the minutes
    torch.set_num_threads(1)
    count, milliseconds, units, megabytes = np.array(points(options.pictures)).T
    span = count[-1] - count[0]
    slope, error = fit(count, milliseconds / units)
    mean = float(np.mean(milliseconds / units))
    result = {
        "bench": "growth",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **machine(),
        "pictures": int(count[-1]),
        "ms per picture, median": round(float(np.median(milliseconds)), 3),
        "growth of time over the run": round(slope * span / mean, 4),
        "its standard error": round(error * span / mean, 4),
        "MB at the beginning": round(float(megabytes[0]), 1),
        "MB at the end": round(float(megabytes[-1]), 1),
        "MB at most": round(float(megabytes.max()), 1),
    }
    print(json.dumps(result, indent=2))
    if options.out is not None:
        file = options.out / f"growth-{result['date']}.json"
        file.write_text(json.dumps(result, indent=2) + "\n", encoding="ascii")


def fit(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of a line through points, and its standard error."""
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    left = y - y.mean() - slope * centred
    return slope, float(np.sqrt(left @ left / (len(x) - 2) / (centred @ centred)))


if __name__ == "__main__":
    main()
