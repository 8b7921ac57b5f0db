"""A bulk job by one process, two, and two actors of a Ray cluster of this machine, in turns; and the mining of a layer.

    RAY_worker_niceness=0 python -m bench.engines --out bench/results [--no-ray]

Ray is an extra (pip install "steerx[ray]"), which gives its workers niceness 15 where that is not told. Time is
counted from the first committed shard to the last, so that starting is left out. Told are medians of the rounds'
ratios, the seconds of each side and those of its start. The layer (act:3 of a 256 px network with 512 channels, 600
codes, read three times and summed) is read by this process on all its threads, by one worker, and by two.
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
from typing import Any

import torch

import steerx
from bench.peers.network import random_generator
from bench.ratios import commit, machine
from steerx.augmentation import Crew, Pictures, make_plan, run
from steerx.directions.activations import Layer
from steerx.directions.components import components
from steerx.directions.readers import reading
from steerx.directions.sampling import Sampling, parts
from steerx.generators.renderers import fastest, install
from steerx.generators.saving import save

ONE, TWO, RAY = "1 process", "2 processes", "2 Ray actors"
HERE, ONE_WORKER, TWO_WORKERS = "this process", "1 worker", "2 workers"
SIDES: dict[str, dict[str, Any]] = {
    ONE: {"devices": ("cpu",)},
    TWO: {"devices": ("cpu", "cpu")},
    RAY: {"devices": ("cpu", "cpu"), "ray": "local"},
}


def once(pictures: Pictures, crew: Crew) -> tuple[float, float]:
    """Seconds until the first shard, and from there to the last."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.time()
        made = run(pictures, folder, crew=crew)
        assert made.shards == pictures.plan.shards and not made.failed
        lines = (Path(folder) / "events.jsonl").read_text(encoding="utf-8").splitlines()
    times = [event["time"] for event in map(json.loads, lines) if event["event"] == "shard"]
    return min(times) - started, max(times) - min(times)


def measured(pictures: Pictures, sides: list[str], rounds: int) -> dict[str, Any]:
    """All sides in every round, in turning order."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in sides if number % 2 else sides[::-1]:
            found[name].append(once(pictures, Crew("faces", **SIDES[name])))
            print(name, *(round(seconds, 2) for seconds in found[name][-1]), flush=True)

    def ratio(a: str, b: str) -> dict[str, Any]:
        each = [x[1] / y[1] for x, y in zip(found[a], found[b], strict=True)]
        return {"median": round(statistics.median(each), 3), "all": [round(r, 3) for r in each]}

    told: dict[str, Any] = {"shards": pictures.plan.shards, "pictures": pictures.plan.samples}
    told[f"time of {ONE} / {TWO}"] = ratio(ONE, TWO)
    if RAY in sides:
        told[f"time of {RAY} / {TWO}"] = ratio(RAY, TWO)
    for name, times in found.items():
        start, shards = (statistics.median(t[i] for t in times) for i in (0, 1))
        told[name] = {"start_s": round(start, 2), "shards_s": round(shards, 2)}
    return told


def mined(folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds from the first codes that are read to the components, of each side; the workers load a file."""
    G, file = random_generator(256, 512), folder / "network.safetensors"
    save(G, file)
    G = steerx.load(file, renderer="native")
    layer = Layer(G, "act:3")
    sampling, drawn = Sampling(G, layer, None, 0), parts(range(600), layer.batch)
    crews = {
        HERE: None,
        ONE_WORKER: Crew(str(file), ("cpu",)),
        TWO_WORKERS: Crew(str(file), ("cpu", "cpu")),
    }
    found: dict[str, list[float]] = {name: [] for name in crews}
    for number in range(rounds):
        for name in list(crews) if number % 2 else list(crews)[::-1]:
            begun: list[float] = []
            with (
                torch.no_grad(),
                reading(
                    sampling, crews[name], lambda _, begun=begun: begun.append(time.time())
                ) as read,
            ):
                components(
                    lambda read=read: (rows for (rows,) in read(drawn)),
                    10, layer.features, "pca", seed=0, batch=layer.batch,
                )  # fmt: skip
            found[name].append(time.time() - begun[0])
            print(name, round(found[name][-1], 2), flush=True)
    told: dict[str, Any] = {name: round(statistics.median(s), 2) for name, s in found.items()}
    for other in (HERE, ONE_WORKER):
        each = [a / b for a, b in zip(found[other], found[TWO_WORKERS], strict=True)]
        told[f"time of {other} / {TWO_WORKERS}"] = round(statistics.median(each), 3)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", type=int, default=200)
    parser.add_argument("--each", type=int, default=32, help="pictures in a shard")
    parser.add_argument("--no-ray", action="store_true", help="leave Ray out")
    parser.add_argument("--out", type=Path, help="folder of the dated JSON")
    options = parser.parse_args()
    G = steerx.load("faces")
    install(G, fastest(G))
    (direction,) = steerx.SeFa(k=1).fit(G).directions_
    size = {"count": options.shards * options.each, "shard_size": options.each}
    plan = make_plan(G, [direction], alphas="uniform:-3,3", keep_original=False, **size)
    sides = [name for name in SIDES if name != RAY or not options.no_ray]
    case = measured(Pictures(plan, G, [direction]), sides, options.rounds)
    print(case)
    with tempfile.TemporaryDirectory() as folder:
        layer = mined(Path(folder), options.rounds)
    print(layer)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    result = {"bench": "engines", "date": today, "commit": commit(), **machine()}
    if RAY in sides:
        result["ray"] = importlib.metadata.version("ray")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        file = options.out / f"engines-{today}.json"
        file.write_text(
            json.dumps(result | {"case": case, "layer": layer}, indent=2) + "\n", encoding="utf-8"
        )
        print(f"written: {file}")


if __name__ == "__main__":
    main()
