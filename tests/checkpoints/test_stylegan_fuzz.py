"""Mutated files of PGGAN, StyleGAN and StyleGAN3: only `CheckpointError` leaves the reader."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steerx import checkpoints
from steerx.checkpoints import Config
from tests.checkpoints import progressive_writers as progressive
from tests.checkpoints import stylegan3_writers as stylegan3
from tests.checkpoints import writers
from tests.checkpoints.test_fuzz import SEED, mutate, outcome

MUTATIONS = 120
SMALL: dict[str, Any] = {"resolution": 8, "channels": {4: 2, 8: 2}, "z_dim": 2}


def write_stylegan(path: Path) -> None:
    config = progressive.tiny_stylegan(**SMALL, w_dim=2, mapping_layers=1)
    state = progressive.stylegan_state(config, progressive.random_tensors(config))
    writers.write_torch(path, {"generator_smooth": state})


def write_pggan(path: Path) -> None:
    config = progressive.tiny_pggan(**SMALL)
    state = progressive.pggan_state(config, progressive.random_tensors(config))
    writers.write_torch(path, {"generator_smooth": state}, container="legacy")


WRITERS: dict[str, Callable[[Path], object]] = {
    "stylegan": write_stylegan,
    "pggan": write_pggan,
    "stylegan3": lambda path: stylegan3.write(path, stylegan3.tiny()),
}
CONFIGS: dict[str, Config] = {
    "stylegan": progressive.tiny_stylegan(),
    "pggan": progressive.tiny_pggan(),
    "stylegan3": stylegan3.tiny(),
}


@pytest.mark.parametrize("family", WRITERS)
def test_mutations_end_in_checkpoint_errors_or_are_read(tmp_path: Path, family: str) -> None:
    generator = random.Random(SEED)
    WRITERS[family](tmp_path / "honest")
    honest = (tmp_path / "honest").read_bytes()
    assert checkpoints.read(tmp_path / "honest").family == family
    seen = set()
    for _ in range(MUTATIONS):
        data = bytearray(honest)
        for _ in range(generator.choice((1, 1, 1, 2, 5))):
            mutate(data, generator)
        seen.add(outcome(tmp_path / "mutated", bytes(data)))
    assert len(seen) >= 4, seen


@pytest.mark.parametrize("family", CONFIGS)
def test_mutated_metadata_of_our_own_files(tmp_path: Path, family: str) -> None:
    generator = random.Random(SEED)
    config, path = CONFIGS[family], tmp_path / "a.safetensors"
    checkpoints.write(path, progressive.checkpoint(config))
    length = int.from_bytes(path.read_bytes()[:8], "little")
    data = path.read_bytes()[8 + length :]
    header = json.loads(path.read_bytes()[8 : 8 + length])
    values = [None, True, -1, 0, 3, 10**30, 1.5, "x", [], {}, [1, 2], [[1]], {"4": 2}, [{}], 4]
    for _ in range(60):
        told = json.loads(header["__metadata__"]["steerx"])
        targets = [told, told["config"], *told["config"].get("layers", [])]
        target = generator.choice(targets)
        target[generator.choice([*target, "surprise"])] = generator.choice(values)
        changed = header | {"__metadata__": {"steerx": json.dumps(told)}}
        raw = json.dumps(changed).encode()
        outcome(path, len(raw).to_bytes(8, "little") + raw + data)


def test_mutated_attributes_of_a_snapshot(tmp_path: Path) -> None:
    generator = random.Random(SEED)
    config, path = stylegan3.tiny(), tmp_path / "a.pkl"
    values = [
        None,
        True,
        -1,
        0,
        3,
        10**30,
        1.5,
        float("inf"),
        "x",
        [],
        {},
        [1] * 4,
        ["x"] * 4,
        (0, 0),
    ]
    honest = stylegan3.attributes(config)
    seen = set()
    for _ in range(40):
        module = generator.choice(sorted(honest))
        name = generator.choice(sorted(honest[module]))
        change = {module: {name: generator.choice(values)}}
        seen.add(outcome(path, stylegan3.write(path, config, changes=change).read_bytes()))
    assert {"read", "bad-structure"} <= seen
