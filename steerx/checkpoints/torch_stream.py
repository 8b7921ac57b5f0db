"""Torch's five-part stream: the legacy `.pt` container, and what NVlabs pickles hold per tensor.

Back to back: the magic number, the version 1001, facts about the machine, the object, the list of
storage keys; then, per key, an int64 count and the raw little-endian numbers. Nothing may follow.
"""

from __future__ import annotations

from steerx.checkpoints.budget import Budget
from steerx.checkpoints.builders import STORAGE_TYPES
from steerx.checkpoints.cursor import Cursor
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.machine import Machine
from steerx.checkpoints.records import Global, LatinBytes, Slice, Storage
from steerx.checkpoints.source import LatinSource, MemorySource, Source

MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001


class Storages:
    """The storages a torch archive declares by persistent ids, each named once.

    Args:
        budget: of the whole file.
        items: entries of a persistent id: 6 in a stream (the last is a view, always None), 5 in a
            zip archive.
    """

    def __init__(self, budget: Budget, *, items: int) -> None:
        self.by_key: dict[str, Storage] = {}
        self._budget = budget
        self._items = items

    def declare(self, identity: object, offset: int) -> Storage:
        """The storage behind a persistent id `("storage", type, key, location, numel[, view])`."""
        if type(identity) is not tuple or len(identity) != self._items:
            raise _bad(f"a persistent id is not a tuple of {self._items}", offset)
        word, kind, key, location, numel = identity[:5]
        dtype = STORAGE_TYPES.get(kind.key) if isinstance(kind, Global) else None
        if word != "storage" or dtype is None:
            raise _bad("a persistent id that is not a storage", offset)
        if any(part is not None for part in identity[5:]):
            raise _bad("a storage that is a view of another", offset)
        if type(key) is not str or not 0 < len(key) <= 64 or type(location) is not str:
            raise _bad("a storage without key and location", offset)
        if type(numel) is not int or not 0 <= numel < 1 << 48:
            raise CheckpointError(Kind.BAD_TENSOR, "a storage with an impossible count", offset)
        known = self.by_key.get(key)
        if known is None:
            known = self.by_key[key] = Storage(key, dtype, numel)
            self._budget.add_storage(known.nbytes, offset=offset)
        elif (known.dtype, known.numel) != (dtype, numel):
            raise _bad(f"the storage {shown(key)} is declared in two ways", offset)
        return known


def read_stream(
    cursor: Cursor, budget: Budget, digests: dict[object, str], *, kept: Source | None = None
) -> object:
    """Read the parts behind the magic number, up to the end of the cursor.

    Args:
        cursor: stands behind the magic number's pickle.
        budget: of the whole file.
        digests: of the whole file.
        kept: what the storages shall point into where the cursor's own source is transient.
    """
    version = Machine(cursor, budget, digests=digests).run()
    if type(version) is not int or version != _VERSION:
        raise _bad("a torch stream of an unknown version", cursor.offset)
    machine_facts = Machine(cursor, budget, digests=digests).run()
    if type(machine_facts) is not dict or machine_facts.get("little_endian") is not True:
        raise CheckpointError(
            Kind.UNSUPPORTED, "a torch stream that is not little-endian", cursor.offset
        )
    storages = Storages(budget, items=6)
    value = Machine(cursor, budget, digests=digests, persistent=storages.declare).run()
    keys = Machine(cursor, budget, digests=digests).run()
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise _bad("a torch stream without a list of keys", cursor.offset)
    if len(keys) != len(storages.by_key) or set(keys) != set(storages.by_key):
        raise _bad("the keys of a torch stream are not its storages", cursor.offset)
    for key in keys:
        _place(storages.by_key[key], cursor, kept or cursor.source)
    if cursor.remaining:
        raise _bad(f"{cursor.remaining} bytes follow the last storage", cursor.offset)
    return value


class NestedStreams:
    """Reads the torch streams inside byte strings of an NVlabs pickle, one level deep."""

    def __init__(self, budget: Budget, digests: dict[object, str]) -> None:
        self._budget = budget
        self._digests = digests

    def __call__(self, data: bytes | Slice | LatinBytes, offset: int) -> Storage:
        """The one storage of the stream in `data`."""
        kept: Source | None = None
        if isinstance(data, Slice):
            self._budget.spend("work", data.length, offset=offset)
            cursor = Cursor(data.source, data.start, data.start + data.length)
        elif isinstance(data, LatinBytes):
            text = data.text
            kept = LatinSource(text.source, text.start, text.length, self._budget)
            cursor = Cursor(MemorySource(kept.decoded(), origin=offset))
        else:
            self._budget.spend("work", len(data), offset=offset)
            cursor = Cursor(MemorySource(data, origin=offset))
        magic = Machine(cursor, self._budget, digests=self._digests).run()
        if type(magic) is not int or magic != MAGIC:
            raise _bad("a nested torch stream without the magic number", offset)
        value = read_stream(cursor, self._budget, self._digests, kept=kept)
        if not isinstance(value, Storage):
            raise _bad("a nested torch stream that is not one storage", offset)
        return value


def _place(storage: Storage, cursor: Cursor, source: Source) -> None:
    """Tie a storage to its bytes; the count in the stream must be the count of the pickle."""
    offset = cursor.offset
    numel = int.from_bytes(cursor.take(8), "little", signed=True)
    if numel != storage.numel:
        raise CheckpointError(
            Kind.BAD_TENSOR, f"a storage of {storage.numel} numbers holds {numel}", offset
        )
    storage.start = cursor.skip(storage.nbytes)
    storage.source = source


def _bad(what: str, offset: int) -> CheckpointError:
    return CheckpointError(Kind.BAD_STRUCTURE, what, offset)
