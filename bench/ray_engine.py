"""A bulk job by actors of a Ray cluster of this machine, beside the same by processes: two workers, in turns.

    python -m bench.ray_engine --out bench/results

Needs Ray (pip install "steerx[ray]"). Time is counted from the first committed shard to the last, so that starting
is left out; what is told is the median of the ratios, beside the seconds of both and the start of each.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import statistics
import tempfile
import time
from pathlib import Path

import steerx
from bench.ratios import machine
from steerx.augmentation import Crew, Pictures, make_plan, run
from steerx.generators.renderers import fastest, install

SIDES = {"processes": None, "ray": "local"}


def once(pictures: Pictures, ray: str | None) -> tuple[float, float]:
    """Seconds until the first shard, and from there to the last."""
    crew = Crew("faces", ("cpu", "cpu"), ray=ray)
    with tempfile.TemporaryDirectory() as folder:
        started = time.time()
        made = run(pictures, folder, crew=crew)
        assert made.shards == pictures.plan.shards and not made.failed
        lines = (Path(folder) / "events.jsonl").read_text(encoding="utf-8").splitlines()
    times = [event["time"] for event in map(json.loads, lines) if event["event"] == "shard"]
    return min(times) - started, max(times) - min(times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", type=int, default=200)
    parser.add_argument("--each", type=int, default=32, help="pictures in a shard")
    parser.add_argument("--out", type=Path, help="folder of the dated JSON")
    options = parser.parse_args()
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    G = steerx.load("faces")
    install(G, fastest(G))
    (direction,) = steerx.SeFa(k=1).fit(G).directions_
    size = {"count": options.shards * options.each, "shard_size": options.each}
    plan = make_plan(G, [direction], alphas="uniform:-3,3", keep_original=False, **size)
    pictures = Pictures(plan, G, [direction])
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    for number in range(options.rounds):
        order = list(SIDES.items())
        for name, ray in order if number % 2 else order[::-1]:
            rounds[name].append(once(pictures, ray))
            print(name, *(round(seconds, 2) for seconds in rounds[name][-1]), flush=True)
    ratios = [b[1] / a[1] for a, b in zip(rounds["processes"], rounds["ray"], strict=True)]
    case = {
        "shards": plan.shards,
        "pictures": plan.samples,
        "ray / processes, after start-up": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        **{
            f"start s, {k}": round(statistics.median(t[0] for t in v), 2) for k, v in rounds.items()
        },
        **{
            f"shards s, {k}": round(statistics.median(t[1] for t in v), 2)
            for k, v in rounds.items()
        },
    }
    print(case)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    versions = {"ray": importlib.metadata.version("ray")}
    result = {"bench": "ray_engine", "date": today, **machine(), **versions, "case": case}
    if options.out is not None:
        (options.out / f"ray_engine-{today}.json").write_text(
            json.dumps(result, indent=2) + "\n", encoding="ascii"
        )


if __name__ == "__main__":
    main()
