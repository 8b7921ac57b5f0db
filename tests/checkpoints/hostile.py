"""Pieces of checkpoints that lie: streams, archives, storages and tensors as a test asks for them."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

from tests.checkpoints.writers import (
    Call,
    Name,
    Persistent,
    dumps,
    nvlabs_kwargs,
    nvlabs_network,
    nvlabs_state,
    nvlabs_tree,
    random_tensors,
    tiny_config,
)

MAGIC = 0x1950A86A20F9469CFC6C


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def short(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def storage(*, kind: str = "FloatStorage", key: Any = "0", numel: Any = 4, **more: Any) -> Any:
    """A persistent id; `view` makes it one of a stream, which has six items."""
    view = (more["view"],) if more else (None,)
    return Persistent(("storage", Name("torch", kind), key, "cpu", numel, *view))


def tensor(of: Any, offset: Any = 0, size: Any = (4,), stride: Any = (1,)) -> Call:
    """A tensor over the storage `of`."""
    arguments = (of, offset, size, stride, False, Call(Name("collections", "OrderedDict"), ()))
    return Call(Name("torch._utils", "_rebuild_tensor_v2"), arguments)


def stream_parts(value: Any, keys: Any, **facts: Any) -> list[bytes]:
    """The five pickles of a torch stream."""
    known = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    return [dumps(part, 2) for part in (MAGIC, 1001, known | facts, value, keys)]


FOUR = struct.pack("<q4f", 4, 1, 2, 3, 4)  # count and bytes of a storage of four numbers


def legacy(value: Any, keys: Any = ("0",), data: bytes = FOUR, **facts: Any) -> bytes:
    """A legacy archive."""
    return b"".join(stream_parts(value, list(keys), **facts)) + data


def zipped(pickled: bytes, storages: dict[str, bytes] | None = None, **more: bytes) -> bytes:
    """A zip archive as torch lays it out, entries stored."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, data in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", data)
        for name, data in more.items():
            archive.writestr(f"archive/{name}", data)
    return buffer.getvalue()


def nested(data: Any) -> Call:
    """A nested torch stream."""
    return Call(Name("torch.storage", "_load_from_bytes"), (data,))


def snapshot(**changes: Any) -> dict[str, Any]:
    """A small honest NVlabs tree."""
    config = tiny_config(resolution=4, channels={4: 2}, z_dim=2, w_dim=2, mapping_layers=1)
    state = nvlabs_state(config, random_tensors(config))
    return nvlabs_tree(config, state, kwargs=nvlabs_kwargs(config)) | changes


def with_settings(settings: Any, *, without: str = "") -> Call:
    """A small honest generator whose arguments are `settings`, without one of its tensors."""
    config = tiny_config(resolution=4, channels={4: 2}, z_dim=2, w_dim=2, mapping_layers=1)
    state = nvlabs_state(config, random_tensors(config))
    state.pop(without, None)
    return nvlabs_network(state, kwargs=settings)


def many(count: int) -> bytes:
    """Count and bytes of a storage of `count` zeros."""
    return struct.pack("<q", count) + bytes(4 * count)


def zip_storage(*, kind: str = "FloatStorage", key: Any = "0", numel: Any = 4) -> Persistent:
    """A persistent id as zip archives have it, of five items."""
    return Persistent(("storage", Name("torch", kind), key, "cpu", numel))
