"""Cut and mutated files end in CheckpointError or are read; nothing else leaves the reader."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind
from tests.checkpoints import hostile, writers

MUTATIONS = 20_000
ROOT = Path(__file__).resolve().parents[2]


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


def test_mutations_end_in_checkpoint_errors_or_are_read() -> None:
    command = [sys.executable, "-m", "tests.checkpoints.fuzz", "--count", str(MUTATIONS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    last = done.stdout.splitlines()[-1]
    assert f"{MUTATIONS} mutations, 0 wrong" in last
    for kind in ("read", *Kind):  # the mutations reached every kind of check
        assert f"{kind} " in last, last


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
