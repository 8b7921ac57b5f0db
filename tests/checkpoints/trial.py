"""Reads the whole corpus, each file in a process of its own, and tells what became of every one.

python -m tests.checkpoints.trial FOLDER [PART/PARTS] > outcomes.json
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from steerx import checkpoints
from steerx.checkpoints.numpy_file import npz_names, read_npy, read_npz
from steerx.checkpoints.source import MAX_FILE_BYTES, FileSource
from steerx.checkpoints.tensor_file import read_tensor_file
from tests.checkpoints import hostile, jail, writers
from tests.checkpoints import tensorflow_writers as tensorflow
from tests.checkpoints.corpus import Attack, corpus
from tests.checkpoints.corpus.archives import zipped
from tests.checkpoints.corpus.arrays import npy
from tests.checkpoints.corpus.damage import layouts, saved


def read(path: Path) -> str:
    """Read a file as what its name says it is; `read` where that goes well."""
    container = path.name.split("@")[1]
    if container == "npy":
        read_npy(path)
    elif container == "npz":
        read_npz(path, npz_names(path))
    elif container == "file":
        PLACES[path.name.split("@")[2]](path)
    else:
        if container == "safetensors":  # as `info` does, which asks for the kind first
            with FileSource(path) as source:
                read_tensor_file(source)
        checkpoints.read(path)
    return "read"


def _fifo(path: Path) -> None:
    os.mkfifo(path)
    checkpoints.read(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)
    checkpoints.read(path)


def _sparse(path: Path) -> None:
    with path.open("wb") as handle:
        handle.truncate(MAX_FILE_BYTES + 1)
    checkpoints.read(path)


def _empty(path: Path) -> None:
    path.touch()
    checkpoints.read(path)


def _changing(
    path: Path, change: Callable[[Path], object], read_it: Callable[[Path], object]
) -> None:
    """Change the file while it is read: between the last byte and the last look at it."""
    honest = {read_npy: _ARRAY, _npz: zipped(("w.npy", _ARRAY))}
    path.write_bytes(honest.get(read_it) or writers.dumps(hostile.snapshot(), 4))
    whole = FileSource.check_unchanged

    def changed(source: FileSource) -> None:
        change(path)
        whole(source)

    FileSource.check_unchanged = changed  # type: ignore[method-assign]
    read_it(path)


def _npz(path: Path) -> None:
    read_npz(path, npz_names(path))


def _shrinking(path: Path) -> None:
    path.write_bytes(bytes(5000))
    with FileSource(path) as source:
        os.truncate(path, 100)
        source.read(0, 4000)


_ARRAY = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }")
PLACES: dict[str, Callable[[Path], object]] = {
    "fifo": _fifo,
    "loop": _loop,
    "sparse": _sparse,
    "empty": _empty,
    "shrinking": _shrinking,
    "folder": lambda path: checkpoints.read(path.parent),
    "device": lambda path: checkpoints.read("/dev/zero"),
    "null": lambda path: checkpoints.read("/dev/null"),
    "changed": lambda path: _changing(path, lambda p: os.utime(p, (1, 1)), checkpoints.read),
    "told-changed": lambda path: _changing(
        path, lambda p: os.utime(p, (1, 1)), checkpoints.describe
    ),
    "npz-changed": lambda path: _changing(path, lambda p: os.utime(p, (1, 1)), _npz),
    "npy-changed": lambda path: _changing(path, lambda p: os.utime(p, (1, 1)), read_npy),
}


def attacks(folder: Path, families: list[str]) -> Iterator[Attack]:
    """The corpus, or some classes of it; the class `honest` are files of every layout, as they should be."""
    for attack in corpus(str(folder / "marker")):
        if not [f for f in families if f != "honest"] or attack.family in families:
            yield attack
    if "honest" in families:
        for layout, (container, state, write) in layouts().items():
            yield Attack(f"honest@{container}@{layout}", write(state))
        # Honest, but no network: large enough that its tensors must be held against its storages.
        large = np.zeros((3, 3, 1500, 1500), np.float32)
        yield Attack("honest@legacy@large", saved({"a": torch.from_numpy(large)}, zip_file=False))
        first = {"4x4/Dense/weight": np.zeros((1200, 16 * 1100), np.float32)}
        network = tensorflow.network(tensorflow.PGGAN, first, {})
        yield Attack("honest@pickle@large", writers.dumps((network,) * 3, 4))


def main(folder: Path, families: list[str], *, keep: bool) -> None:
    ready(folder / "first")
    found = {}
    for attack in attacks(folder, families):
        path = folder / attack.name.replace("/", "-")
        path.write_bytes(attack.data)
        found[path.name] = asdict(jail.alone(path, read))
        if not keep:
            path.unlink()
    for name in PLACES:
        path = folder / f"place@file@{name}"
        found[path.name] = asdict(jail.alone(path, read))
    json.dump({"found": found, "marker": (folder / "marker").exists()}, sys.stdout)


def ready(path: Path) -> None:
    """Read honest files, so that what reading imports late is imported now."""
    without_mean = hostile.with_settings({}, without="mapping.w_avg")
    for network in (hostile.with_settings({}), without_mean):
        path.write_bytes(writers.dumps({"G_ema": network}, 4))
        checkpoints.read(path)


if __name__ == "__main__":
    options = sys.argv[2:]
    main(Path(sys.argv[1]), [o for o in options if o != "--keep"], keep="--keep" in options)
