"""Cut and mutated files end in CheckpointError or are read; nothing else leaves the reader."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind
from tests.checkpoints import hostile, writers

MUTATIONS = 700  # of each container
SEED = 20240229


def config() -> checkpoints.StyleGAN2Config:
    return writers.tiny_config(resolution=4, channels={4: 2}, z_dim=2, w_dim=2, mapping_layers=1)


def genforce_tree() -> dict[str, object]:
    return {"generator": writers.genforce_state(config(), writers.random_tensors(config()))}


def write_own(path: Path) -> None:
    tensors = writers.random_tensors(config())
    checkpoints.write(path, checkpoints.Checkpoint("stylegan2", config(), tensors, "", {}))


WRITERS: dict[str, Callable[[Path], object]] = {
    "nvlabs-2": lambda path: path.write_bytes(writers.dumps(hostile.snapshot(), 2)),
    "nvlabs-4": lambda path: path.write_bytes(writers.dumps(hostile.snapshot(), 4)),
    "zip": lambda path: writers.write_torch(path, genforce_tree()),
    "legacy": lambda path: writers.write_torch(path, genforce_tree(), container="legacy"),
    "own": write_own,
}


@pytest.fixture(params=list(WRITERS))
def honest(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    path = tmp_path / "honest"
    WRITERS[request.param](path)
    checkpoints.read(path)
    return path.read_bytes()


def outcome(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    try:
        checkpoints.read(path)
    except CheckpointError as error:
        assert "\n" not in str(error)
        return str(error.kind)
    return "read"


def test_a_cut_file_is_refused_wherever_it_is_cut(honest: bytes, tmp_path: Path) -> None:
    cuts = {*range(1, 40), *range(40, len(honest), 1 + len(honest) // 200), len(honest) - 1}
    for cut in sorted(cuts):
        kind = outcome(tmp_path / "cut", honest[:cut])
        assert kind != "read", f"cut at {cut}"
        assert kind in (Kind.TRUNCATED, Kind.UNSUPPORTED), f"cut at {cut}: {kind}"


def test_bytes_behind_the_end_are_refused(honest: bytes, tmp_path: Path) -> None:
    for tail in (b"\0", b".", b"PK", bytes(1000), honest):
        assert outcome(tmp_path / "longer", honest + tail) != "read"


def test_mutations_end_in_checkpoint_errors_or_are_read(honest: bytes, tmp_path: Path) -> None:
    generator = random.Random(SEED)
    seen = set()
    for _ in range(MUTATIONS):
        data = bytearray(honest)
        for _ in range(generator.choice((1, 1, 1, 2, 5))):
            mutate(data, generator)
        seen.add(outcome(tmp_path / "mutated", bytes(data)))
    assert len(seen) >= 4, seen  # the mutations reached different checks


def mutate(data: bytearray, generator: random.Random) -> None:
    at = generator.randrange(len(data))
    kind = generator.randrange(6)
    if kind == 0:
        data[at] ^= 1 << generator.randrange(8)
    elif kind == 1:
        data[at] = generator.choice((0, 1, 0x7F, 0x80, 0xFF, generator.randrange(256)))
    elif kind == 2:
        del data[at : at + generator.randrange(1, 20)]
    elif kind == 3:
        data[at:at] = generator.randbytes(generator.randrange(1, 9))
    elif kind == 4:
        source = generator.randrange(len(data))
        data[at:at] = data[source : source + generator.randrange(1, 40)]
    else:
        data[at : at + 8] = b"\xff" * 8


@pytest.mark.parametrize("seed", range(3))
def test_mutated_metadata_of_our_own_files(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    path = tmp_path / "a.safetensors"
    write_own(path)
    length = int.from_bytes(path.read_bytes()[:8], "little")
    data = path.read_bytes()[8 + length :]
    header = json.loads(path.read_bytes()[8 : 8 + length])
    values = [None, True, -1, 0, 3, 10**30, 1.5, "x", [], {}, [1, 2], {"4": 2}, {"8": 1}]
    for _ in range(60):
        told = json.loads(header["__metadata__"]["steerx"])
        target = generator.choice((told, told["config"]))
        target[generator.choice([*target, "surprise"])] = generator.choice(values)
        changed = header | {"__metadata__": {"steerx": json.dumps(told)}}
        raw = json.dumps(changed).encode()
        outcome(path, len(raw).to_bytes(8, "little") + raw + data)


def test_storages_of_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    tree = genforce_tree()
    state = tree["generator"]
    assert isinstance(state, dict)
    state["mapping.dense0.bias"] = torch.ones(2, dtype=torch.int64)
    path = writers.write_torch(tmp_path / "a.pth", tree)
    with pytest.raises(CheckpointError, match=r"'mapping\.dense0\.bias' holds i8") as caught:
        checkpoints.read(path)
    assert caught.value.kind == Kind.BAD_TENSOR
