"""verify: whether a folder holds what its receipts say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

from .encoding import SUFFIX
from .errors import DamageError
from .folder import MANIFEST, SUCCESS, Folder
from .tar import members


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
                _check(folder, shard)
                good += 1
            except (DamageError, OSError) as error:
                damaged[shard] = str(error)
        watch(1)
    return Found(good, tuple(missing), damaged, _finished(folder))


def mend(folder: Folder, found: Found) -> None:
    """Take away the receipts of damaged shards, so that the next run makes them again."""
    if found.damaged or found.missing:
        folder.unfinish()
    for shard in found.damaged:
        path = folder.shard_path(shard)
        path.with_name(f"{path.name}.json").unlink(missing_ok=True)


class _Hashed:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle, self.sha256 = handle, hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        """Bytes, as the file gives them."""
        data = self._handle.read(count)
        self.sha256.update(data)
        return data


def _check(folder: Folder, shard: int) -> None:
    """Refuse a shard that is not what its receipt says.

    Raises:
        DamageError, OSError: what is wrong.
    """
    path, receipt = folder.shard_path(shard), folder.receipt(shard)
    if receipt is None:
        raise DamageError(f"the receipt of {path.name} is torn or of another plan")
    suffix, plan = SUFFIX[folder.plan.codec.format], folder.plan
    wanted = [
        f"{plan.sample_name(sample)}.{end}"
        for sample in plan.span(shard)
        if sample not in receipt.left_out
        for end in (suffix, "json")
    ]
    with path.open("rb") as handle:
        hashed = _Hashed(handle)
        names = [name for name, _ in members(cast("BinaryIO", hashed), where=path.name)]
    if hashed.sha256.hexdigest() != receipt.sha256:
        raise DamageError(f"{path.name} has other bytes than its receipt says")
    if names != wanted:
        raise DamageError(f"{path.name} does not hold the samples of its receipt")


def _finished(folder: Folder) -> bool:
    try:
        told = (folder.path / SUCCESS).read_bytes()
        held = (folder.path / MANIFEST).read_bytes()
    except OSError:
        return False
    return told.strip() == hashlib.sha256(held).hexdigest().encode()
