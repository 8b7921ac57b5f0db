"""verify: whether a folder holds what its receipts say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from .errors import DamageError
from .folder import MANIFEST, SUCCESS, Folder
from .reading import read_shard


@dataclass(frozen=True)
class Found:
    """What `verify` saw.

    Attributes:
        good: shards whose bytes are those of their receipt.
        missing: shards without a receipt: not made yet.
        damaged: the others, and what is wrong.
        finished: whether manifest and _SUCCESS are there and agree.
    """

    good: int
    missing: tuple[int, ...]
    damaged: dict[int, str]
    finished: bool


def verify(folder: Folder, *, watch: Callable[[int], object] = lambda shards: None) -> Found:
    """Read every shard again: hash, size, and its samples, each once and in order."""
    good, missing, damaged = 0, [], {}
    for shard in range(folder.plan.shards):
        path = folder.shard_path(shard)
        if not path.with_name(f"{path.name}.json").exists():
            missing.append(shard)
        else:
            try:
                for _ in read_shard(folder, shard):
                    pass
                good += 1
            except (DamageError, OSError) as error:
                damaged[shard] = str(error)
        watch(1)
    return Found(good, tuple(missing), damaged, finished(folder))


def mend(folder: Folder, found: Found) -> None:
    """Take away the receipts of damaged shards, so that the next run makes them again."""
    if found.damaged or found.missing:
        folder.unfinish()
    for shard in found.damaged:
        path = folder.shard_path(shard)
        path.with_name(f"{path.name}.json").unlink(missing_ok=True)


def finished(folder: Folder) -> bool:
    """Whether manifest and _SUCCESS are there and agree."""
    try:
        told = (folder.path / SUCCESS).read_bytes()
        held = (folder.path / MANIFEST).read_bytes()
    except OSError:
        return False
    return told.strip() == hashlib.sha256(held).hexdigest().encode()
