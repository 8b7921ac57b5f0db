"""What a bulk job costs beside its rendering and encoding: the engine, its plan, its memory, and exports.

    python -m bench.augmenting --out bench/results [--pictures 20000] [--samples 192]

Seconds are CPU time of this process, which a busy machine moves less than the clock; one thread where a case says
so. Exports read a data set whose pictures are 22 KB of noise, so that nothing but the copy is measured.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import io
import json
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import steerx
from bench.peers.network import random_generator
from bench.ratios import commit, machine
from steerx.augmentation import Folder, Pictures, export, make_plan, run
from steerx.augmentation.encoding import encode
from steerx.augmentation.making import pixels_of
from steerx.augmentation.reading import read_shard
from steerx.augmentation.records import record
from steerx.augmentation.samples import samples_of
from steerx.directions import Directions
from steerx.generators import Generator
from steerx.generators.renderers import install

PICTURE = 22 * 1024  # bytes: a face of 256 px as JPEG
FORMS = ("webdataset", "stylegan-zip", "imagefolder", "parquet")
_MEMORY = """
from bench.augmenting import pictures
from bench.growth import resident
from steerx.augmentation import Folder
pictures(1)
before = resident()
job = pictures({count})
pending = Folder("{folder}", job.plan).pending()
print(resident() - before)
"""


def pictures(count: int, G: Generator | None = None, **policy: Any) -> Pictures:
    """A job of `faces`, or another, with one direction: two samples of each source."""
    G = G or steerx.load("faces", renderer="native")
    vector = torch.nn.functional.normalize(torch.ones(1, G.w_dim), dim=1)
    one = Directions(vector, space="w", names=["smile"], model_id=G.model_id)
    return Pictures(make_plan(G, [one], alphas="uniform:-2,2", count=count, **policy), G, [one])


def cpu_seconds(call: Callable[[], object]) -> float:
    """CPU time of this process, its threads and the system on its behalf."""
    gc.collect()
    started = time.process_time()
    call()
    return time.process_time() - started


def medians(
    sides: dict[str, Callable[[], object]],
    rounds: int,
    after: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """Median seconds of every side; all run in every round, in turn, with `after` behind each, not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    shuffle = random.Random(0).sample
    for _ in range(rounds):
        for name in shuffle(list(sides), len(sides)):
            seconds[name].append(cpu_seconds(sides[name]))
            after()
    return {name: statistics.median(found) for name, found in seconds.items()}


def filled(folder: Path, count: int) -> Path:
    """A finished data set of noise that says it is JPEG."""
    job = pictures(count, keep_original=False)
    noise = random.Random(0).randbytes(1 << 20)
    with Folder.working(folder, job.plan) as made:
        for shard in range(job.plan.shards):
            with made.shard(shard) as writer:
                samples = samples_of(job.plan, job.plan.span(shard))
                for place, number in enumerate(job.plan.span(shard)):
                    about = record(job.plan, samples, place) | {"sha256": "0" * 64}
                    first = number * 131 % (len(noise) - PICTURE)
                    data = noise[first : first + PICTURE]
                    writer.add(job.plan.sample_name(number), data, "jpg", about)
        made.finish(lambda count: f"{count} pictures of noise\n")
    return folder


def by_tarfile(folder: Path, out: Path) -> None:
    """The same archive by the standard library, of the same samples read in the same way."""
    job = Folder.read(folder)
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
        for shard in range(job.plan.shards):
            for sample in read_shard(job, shard):
                for suffix, data in (("jpg", sample.picture), ("json", sample.about)):
                    member = tarfile.TarInfo(f"{sample.name}.{suffix}")
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))


def exports(folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Samples per second of CPU time, by form."""
    source, out = filled(folder / "set", count), folder / "out"
    job = Folder.read(source)

    def reading() -> None:
        for shard in range(job.plan.shards):
            for _ in read_shard(job, shard):
                pass

    def remove() -> None:
        shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)

    sides: dict[str, Callable[[], object]] = {"reading and comparing alone": reading}
    for to in FORMS:
        sides[to] = lambda to=to: export(source, to=to, out=out)
    sides["tar by the standard library"] = lambda: by_tarfile(source, out)
    found = medians(sides, rounds, remove)
    return {
        "pictures": count,
        "bytes_each": PICTURE,
        "per_second": {name: round(count / seconds) for name, seconds in found.items()},
        "time / webdataset": {
            name: round(seconds / found["webdataset"], 2) for name, seconds in found.items()
        },
    }


def overhead(folder: Path, G: Generator, samples: int, rounds: int) -> dict[str, Any]:
    """The engine beside rendering and encoding the same samples and no more."""
    job = pictures(samples // 2, G, batch=8)
    job.batch(range(8))  # packs weights
    names = iter(range(1 << 20))

    def alone() -> None:
        for first in range(0, samples, 8):
            for one in pixels_of(job, range(first, first + 8)).pixels:
                encode(one, job.plan.codec)

    def engine() -> None:
        run(job, folder / f"{G.resolution}-{next(names)}")

    found = medians({"alone": alone, "engine": engine}, rounds)
    each = {name: round(1e3 * seconds / samples, 2) for name, seconds in found.items()}
    return {
        "samples": samples,
        "cpu_ms_each": each,
        "engine / alone": round(found["engine"] / found["alone"], 3),
    }


def drawn(resolution: int) -> Generator:
    """Random weights and few channels: the cheaper a picture, the more the engine shows."""
    G = random_generator(resolution, 64)
    G.model_id = "random"
    install(G, "native")
    return G


def plan_of_a_million(rounds: int) -> dict[str, float]:
    """Seconds to plan a million samples and to list their shards, and to say what each of them is."""
    job = pictures(500_000)
    plan = job.plan

    def values() -> None:
        for shard in range(plan.shards):
            samples_of(plan, plan.span(shard))

    with tempfile.TemporaryDirectory() as folder:
        found = medians(
            {
                "plan": lambda: pictures(500_000).plan.plan_id,
                "pending": lambda: Folder(folder, plan).pending(),
                "samples": values,
            },
            rounds,
        )
    return {name: round(seconds, 3) for name, seconds in found.items()}


def memory(folder: Path) -> dict[str, float]:
    """MB that a process grows by when it plans a job and lists what is to be made, above a job of one source."""
    grown = {}
    for count in (5_000, 500_000):
        code = _MEMORY.format(count=count, folder=folder / "none")
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        grown[f"{2 * count} samples"] = round(float(done.stdout), 1)
    return grown


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="folder of the dated JSON")
    parser.add_argument("--work", type=Path, help="folder of the data sets; a disk with some GB")
    parser.add_argument("--pictures", type=int, default=10_000, help="that are exported")
    parser.add_argument("--samples", type=int, default=128, help="that the engine makes")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        folder = Path(name)
        measured = {
            "export": lambda: exports(folder, options.pictures, options.rounds),
            "engine, 256 px, 64 channels": lambda: overhead(
                folder, drawn(256), options.samples, options.rounds
            ),
            "engine, faces": lambda: overhead(
                folder, steerx.load("faces", renderer="native"), options.samples, options.rounds
            ),
            "a million samples, seconds": lambda: plan_of_a_million(options.rounds),
            "memory above a job of one source, MB": lambda: memory(folder),
        }
        cases: dict[str, Any] = {}
        for case, measure in measured.items():
            cases[case] = measure()
            print(f"{case}: {json.dumps(cases[case])}", flush=True)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    result = {"bench": "augmenting", "date": today, "commit": commit(), **machine(), "cases": cases}
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        file = options.out / f"augmenting-{today}.json"
        file.write_text(json.dumps(result, indent=2) + "\n")
        print(f"written: {file}")


if __name__ == "__main__":
    main()
