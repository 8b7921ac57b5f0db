"""Attack files for tests. Every payload is harmless: it would create an empty marker file."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

from tests.checkpoints.writers import (
    Call,
    Name,
    Persistent,
    Raw,
    dumps,
    nvlabs_kwargs,
    nvlabs_network,
    nvlabs_state,
    nvlabs_tree,
    persistent,
    random_tensors,
    tiny_config,
)

MAGIC = 0x1950A86A20F9469CFC6C
FORBIDDEN = {"forbidden-global", "bad-opcode", "bad-structure"}


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def short(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def callables(marker: str) -> dict[str, bytes]:
    """Opcodes that push one value, and run something in a real unpickler on the way."""
    command = f"touch {marker}"
    python = f"open({marker!r}, 'w').close()"
    one = text(command) + b"\x85R"
    return {
        "global": b"cposix\nsystem\n" + one,
        "stack-global": short("os") + short("system") + b"\x93" + one,
        "stack-global-memo": short("os") + b"\x94" + short("system") + b"\x93" + one,
        "inst": b"(" + text(command) + b"ios\nsystem\n",
        "obj": b"(cos\nsystem\n" + text(command) + b"o",
        "newobj": b"csubprocess\nPopen\n" + b"](" + text("touch") + text(marker) + b"e\x85\x81",
        "newobj-ex": b"csubprocess\nPopen\n](" + text("touch") + text(marker) + b"e\x85}\x92",
        "eval": b"cbuiltins\neval\n" + text(python) + b"\x85R",
        "exec": b"cbuiltins\nexec\n" + text(python) + b"\x85R",
        "python2-eval": b"c__builtin__\neval\n" + text(python) + b"\x85R",
        "getattr": b"cbuiltins\ngetattr\ncos\nsystem\n" + text("__call__") + b"\x86R" + one,
        "import": b"cbuiltins\n__import__\n" + text("antigravity") + b"\x85R",
        "runpy": b"crunpy\n_run_code\n" + text(python) + b"}\x86R",
        "dotted": short("torch.serialization") + short("os.system") + b"\x93" + one,
        "split-name": short("torch") + short("serialization.os.system") + b"\x93" + one,
        "known-module": short("torch._utils") + short("sys.modules") + b"\x93",
        "known-prefix": short("collections") + short("OrderedDict.fromkeys") + b"\x93)R",
        "shifted-dot": short("torch") + short("storage._load_from_bytes") + b"\x93",
        "torch-load": b"ctorch\nload\n" + text("x") + b"\x85R",
        "numpy-load": b"cnumpy\nload\n" + text("x") + b"\x85R",
        "codecs-decode": b"c_codecs\ndecode\nC\x01x" + text("rot13") + b"\x86R",
        "build-global": b"ccollections\nOrderedDict\n}" + text("x") + b"Nsb",
        "build-dict": b"ccollections\nOrderedDict\n)R}" + text("__class__") + b"Nsb",
        "build-slots": b"ccollections\nOrderedDict\n)RN}" + text("keys") + b"Ns\x86b",
        "call-value": text("os.system") + one,
        "call-class": b"cargparse\nNamespace\n" + one,
        "call-storage": b"ctorch\nFloatStorage\n" + one,
        "persistent-text": b"Pstorage\n",
        "persistent": text("storage") + b"Q",
        "ext": b"\x82\x01",
        "encode-other": b"c_codecs\nencode\n" + text("x") + text("rot13") + b"\x86R",
        "object-dtype": b"cnumpy\ndtype\n" + text("O8") + b"\x89\x88\x87R",
        "nested-pickle": b"ctorch.storage\n_load_from_bytes\n"
        + _bytes(b"\x80\x02cposix\nsystem\n" + one + b".")
        + b"\x85R",
    }


def _bytes(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


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


def nested(data: bytes) -> Call:
    """A nested torch stream."""
    return Call(Name("torch.storage", "_load_from_bytes"), (data,))


def snapshot(**changes: Any) -> dict[str, Any]:
    """A small honest NVlabs tree."""
    config = tiny_config(resolution=4, channels={4: 2}, z_dim=2, w_dim=2, mapping_layers=1)
    state = nvlabs_state(config, random_tensors(config))
    return nvlabs_tree(config, state, kwargs=nvlabs_kwargs(config)) | changes


def placed(code: bytes) -> Iterator[tuple[str, bytes]]:
    """Files that hold the opcodes `code` at every kind of place."""
    value = Raw(code)
    yield "bare", dumps(value, 2)
    yield "bare-list", dumps([1, value], 4)
    yield "top", dumps(snapshot(extra=value), 4)
    yield "skipped-network", dumps(snapshot(D=nvlabs_network({"x": value})), 4)
    yield "kwargs", dumps(snapshot(G_ema=nvlabs_network({}, kwargs={"z_dim": value})), 3)
    yield "weights", dumps(snapshot(G_ema=nvlabs_network({"a.weight": value})), 5)
    yield "class-name", dumps(snapshot(G=persistent({}, name=value)), 4)
    yield "zip", zipped(dumps({"g_ema": {"conv1.conv.weight": value}}, 2))
    parts = stream_parts({"g_ema": {}}, [])
    hidden = dumps(value, 2)
    inner = stream_parts(storage(), ["0"])
    for i in range(5):
        yield f"legacy-{i}", b"".join([*parts[:i], hidden, *parts[i + 1 :]])
        data = b"".join([*inner[:i], hidden, *inner[i + 1 :]]) + FOUR
        yield f"nested-{i}", dumps({"G_ema": nested(data)}, 4)


def lies() -> Iterator[tuple[str, bytes]]:
    """Files whose numbers lie, or that cost their reader more than they are worth."""
    for length in (2**31, 2**40, 2**63, 2**64 - 1):
        wide = struct.pack("<Q", length)
        for name, code in {"bytes8": b"\x8e", "text8": b"\x8d", "frame": b"\x95"}.items():
            yield f"{name}-{length}", b"\x80\x04" + code + wide + b"N."
    for name, code in {"bytes": b"B", "text": b"X", "put": b"Nr", "get": b"j"}.items():
        yield f"{name}-4", b"\x80\x03" + code + b"\xff\xff\xff\xff" + b"N."
    yield "long1", b"\x80\x02\x8a\xff" + b"\x7f" * 255 + b"."
    four = stream_parts(storage(), ["0"])
    yield "nested-good-but-alone", dumps(nested(b"".join(four) + FOUR), 4)
    for numel in (-1, 5, 2**40, 2**63 - 1):
        head = b"".join(stream_parts(storage(numel=numel), ["0"]))
        yield f"storage-{numel}", dumps(nested(head + struct.pack("<q", numel) + b"abc"), 4)
        yield f"count-{numel}", legacy(storage(), data=struct.pack("<q", numel) + bytes(16))
        yield f"zip-{numel}", zipped(dumps(_zip_id(numel), 2), {"0": bytes(16)})
    yield "storage-twice", legacy([storage(), storage(numel=3)])
    yield "storage-missing", legacy([storage(), storage(key="1")])
    yield "storage-extra", legacy(storage(), keys=("0", "1"), data=FOUR + FOUR)
    yield "storage-repeated", legacy(storage(), keys=("0", "0"), data=FOUR + FOUR)
    yield "storage-view", legacy(storage(view=("1", 0, 2)))
    yield "storage-unknown", legacy(storage(kind="QInt8Storage"))
    yield "storage-key", legacy(storage(key=0))
    yield "appended", legacy(storage()) + b"\0"
    yield "big-endian", legacy(storage(), little_endian=False)
    for name, facts in {
        "past-end": (1, (4,), (1,)),
        "stride-0": (0, (100_000,), (0,)),
        "negative-stride": (3, (4,), (-1,)),
        "negative-size": (0, (-4,), (1,)),
        "overflow": (0, (2**31, 2**31, 2**31), (1, 1, 1)),
        "ndim-64": (0, (1,) * 64, (1,) * 64),
        "ndim-unequal": (0, (4, 1), (1,)),
        "float-size": (0, (4.0,), (1,)),
        "bool-size": (0, (True,), (1,)),
    }.items():
        yield f"tensor-{name}", legacy({"a": tensor(storage(), *facts)})
    yield "alias-bomb", legacy([storage(numel=2**20), *_aliases()], data=_many(2**20))
    yield from _costs()


def _zip_id(numel: int) -> Persistent:
    return Persistent(("storage", Name("torch", "FloatStorage"), "0", "cpu", numel))


def _aliases() -> list[Call]:
    shared = storage(numel=2**20)
    return [tensor(shared, 0, (2**20,), (1,)) for _ in range(40)]


def _many(count: int) -> bytes:
    return struct.pack("<q", count) + bytes(4 * count)


def _costs() -> Iterator[tuple[str, bytes]]:
    again = b"h\x01\x85R"
    big = b"](" + b"N" * 60_000 + b"eq\x01"
    pairs = b"](" + b"K\x01K\x02\x86q\x02" + b"h\x02" * 60_000 + b"eq\x01"
    long = text("a" * 60_000) + b"q\x01"
    calls = 60_000
    for name, setup, function, use in (
        ("set", big, b"cbuiltins\nset\n", again),
        ("ordered", pairs, b"ccollections\nOrderedDict\n", again),
        ("encode", long, b"c_codecs\nencode\n", b"h\x01" + text("latin1") + b"\x86R"),
    ):
        setup = b"\x80\x04(" + function + b"q\x00" + setup
        yield f"work-{name}", setup + (b"h\x00" + use) * calls + b"t."
    yield "opcodes", b"\x80\x02" + b"(" + b"N" * 1_100_000 + b"t."
    yield "marks", b"\x80\x02" + b"(" * 5_000 + b"t." * 5_000
    yield "nested-tuples", b"\x80\x02N" + b"\x85" * 300_000 + b"."
    yield "nested-lists", b"\x80\x02" + b"]" * 300_000 + b"a" * 299_999 + b"."
    itself: list[Any] = []
    itself.append(itself)
    yield "self", dumps(snapshot(G_ema=_with_kwargs({"x": itself})), 4)
    yield "self-reference", b"\x80\x02}q\x00" + text("G_ema") + b"h\x00s."
    yield "tuple-key", b"\x80\x02}K\x01\x85K\x01s."
    yield "long-key", b"\x80\x02}" + text("k" * 600) + b"Ns."
    yield "big-int-key", b"\x80\x02}\x8a\x05\xff\xff\xff\xff\x7fNs."
    shared: Any = nvlabs_network({})
    for _ in range(40):  # every level holds the one below twice: 2^40 paths
        shared = persistent(
            {"_parameters": {}, "_buffers": {}, "_modules": {"a": shared, "b": shared}}
        )
    yield "shared-modules", dumps({"G_ema": shared}, 4)
    yield "latin-aliases", _latin_aliases()
    settings: Any = [1] * 8
    for _ in range(10):
        settings = [settings] * 8
    yield "shared-settings", dumps(snapshot(G_ema=_with_kwargs({"x": settings})), 4)


def _latin_aliases() -> bytes:
    """Every tensor of a network over one storage that is decoded anew for each."""
    count = 300_000
    shared = nested(b"".join(stream_parts(storage(numel=count), ["0"])) + _many(count))
    config = tiny_config(resolution=128, channels={4 << i: 2 for i in range(6)})
    state = nvlabs_state(config, random_tensors(config))
    aliases = {n: tensor(shared, 0, tuple(t.shape), t.stride()) for n, t in state.items()}
    return dumps({"G_ema": nvlabs_network(aliases)}, 2)


def _with_kwargs(kwargs: dict[str, Any]) -> Call:
    config = tiny_config(resolution=4, channels={4: 2}, z_dim=2, w_dim=2, mapping_layers=1)
    return nvlabs_network(nvlabs_state(config, random_tensors(config)), kwargs=kwargs)


def headers() -> Iterator[tuple[str, bytes]]:
    """Damaged safetensors files."""
    good = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    for name, header, data in (
        ("length", None, struct.pack("<Q", 2**40) + b"{}"),
        ("cut", json.dumps(good), b""),
        ("hole", json.dumps({"a": {**good["a"], "data_offsets": [8, 16]}}), bytes(16)),
        ("size", json.dumps({"a": {**good["a"], "shape": [2**40]}}), bytes(8)),
        ("negative", json.dumps({"a": {**good["a"], "shape": [-2]}}), bytes(8)),
        ("extra", json.dumps(good), bytes(9)),
        ("repeated", '{"a":1,"a":2}', b""),
        ("deep", '{"a":' * 50_000, b""),
        ("number", '{"a":' + "9" * 10_000 + "}", b""),
        ("nan", '{"a":NaN}', b""),
        ("bare", json.dumps(good), bytes(8)),
        ("list", "{]", b""),
    ):
        if header is None:
            yield f"safetensors-{name}", data
        else:
            yield f"safetensors-{name}", struct.pack("<Q", len(header)) + header.encode() + data


def corpus(marker: str) -> Iterator[tuple[str, bytes]]:
    """Every attack file with its name."""
    codes = callables(marker)
    for name, code in codes.items():
        yield f"bare/{name}", dumps(Raw(code), 2)
        yield f"nested/{name}", dumps({"G_ema": nested(dumps(Raw(code), 2))}, 4)
        yield f"zip/{name}", zipped(dumps(Raw(code), 2))
    for name in ("global", "stack-global", "build-global", "eval"):
        for place, data in placed(codes[name]):
            yield f"{place}/{name}", data
    yield from lies()
    yield from headers()
