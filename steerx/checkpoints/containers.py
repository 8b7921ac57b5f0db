"""Which container a file is, and the inert values inside it; nothing is loaded yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from steerx.checkpoints.archive import read_archive
from steerx.checkpoints.budget import Budget
from steerx.checkpoints.cursor import Cursor
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.machine import Machine
from steerx.checkpoints.source import FileSource
from steerx.checkpoints.tensor_file import read_tensor_file
from steerx.checkpoints.torch_stream import MAGIC, NestedStreams, Storages, read_stream


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        container: "pickle", "torch legacy", "torch zip" or "safetensors".
        tree: plain data and records; for safetensors a dict of tensor records.
        metadata: texts beside the tensors of a safetensors file.
        budget: what is left of it, for whoever walks the tree.
        sources: sha256 of every source text the file carried, in order; none was run.
    """

    container: str
    tree: object
    budget: Budget
    metadata: dict[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


def read_contents(source: FileSource) -> Contents:
    """Recognise the container and read its structure.

    Raises:
        CheckpointError: the file is hostile, damaged or of another kind.
    """
    budget = Budget(source.size)
    head = source.read(0, min(source.size, 512))
    # safetensors first: the low bytes of a header's length may be those of any other container, while
    # no pickle or archive both announces a length that fits the file and has its brace behind it.
    if head[8:9] == b"{" and 8 + int.from_bytes(head[:8], "little") <= source.size:
        tensors, metadata = read_tensor_file(source)
        contents = Contents("safetensors", tensors, budget, metadata)
    elif head[:2] == b"PK":
        contents = _zip(source, budget)
    elif head[:1] == b"\x80":
        contents = _pickle(source, budget)
    elif head[8:9] == b"{":
        raise CheckpointError(Kind.TRUNCATED, "a safetensors header longer than the file", 0)
    elif head[257:262] == b"ustar":
        raise CheckpointError(
            Kind.UNSUPPORTED, "a tar file; unpack it, or save it again with a recent torch"
        )
    else:
        raise CheckpointError(
            Kind.UNSUPPORTED, f"not a checkpoint: it starts with {shown(repr(head[:8]))}", 0
        )
    budget.check_tensor_bytes()
    return contents


def _pickle(source: FileSource, budget: Budget) -> Contents:
    """A bare pickle (NVlabs), or the legacy torch container, which starts with the magic number."""
    digests: dict[object, str] = {}
    cursor = Cursor(source)
    nested = NestedStreams(budget, digests)
    value = Machine(cursor, budget, digests=digests, nested=nested).run()
    if type(value) is int and value == MAGIC:
        tree = read_stream(cursor, budget, digests)
        return Contents("torch legacy", tree, budget, sources=_each_once(digests))
    if cursor.remaining:
        raise CheckpointError(
            Kind.BAD_STRUCTURE, f"{cursor.remaining} bytes follow the pickle", cursor.offset
        )
    return Contents("pickle", value, budget, sources=_each_once(digests))


def _zip(source: FileSource, budget: Budget) -> Contents:
    entries = read_archive(source)
    order = entries.get("byteorder")
    if order is not None and source.read(order.start, min(order.length, 16)).strip() != b"little":
        raise CheckpointError(Kind.UNSUPPORTED, "an archive that is not little-endian", order.start)
    digests: dict[object, str] = {}
    storages = Storages(budget, items=5)
    place = entries["data.pkl"]
    cursor = Cursor(source, place.start, place.start + place.length)
    tree = Machine(cursor, budget, digests=digests, persistent=storages.declare).run()
    if cursor.remaining:
        raise CheckpointError(
            Kind.BAD_STRUCTURE, f"{cursor.remaining} bytes follow the pickle", cursor.offset
        )
    stored = {name[5:]: entry for name, entry in entries.items() if name.startswith("data/")}
    if stored.keys() != storages.by_key.keys():
        raise CheckpointError(Kind.BAD_ARCHIVE, "the entries of data/ are not the storages")
    for key, entry in stored.items():
        storage = storages.by_key[key]
        if storage.nbytes != entry.length:
            what = f"the storage {shown(key)} needs {storage.nbytes} bytes, has {entry.length}"
            raise CheckpointError(Kind.BAD_TENSOR, what, entry.start)
        storage.source, storage.start = source, entry.start
    return Contents("torch zip", tree, budget, sources=_each_once(digests))


def _each_once(digests: dict[object, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(digests.values()))
