"""Mutated files of PGGAN, StyleGAN and StyleGAN3: only `CheckpointError` leaves the reader."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from steerx import checkpoints
from steerx.checkpoints import Config
from tests.checkpoints import progressive_writers as progressive
from tests.checkpoints import stylegan3_writers as stylegan3
from tests.checkpoints.test_fuzz import outcome

SEED = 20240229
CONFIGS: dict[str, Config] = {
    "stylegan": progressive.tiny_stylegan(),
    "pggan": progressive.tiny_pggan(),
    "stylegan3": stylegan3.tiny(),
}


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
