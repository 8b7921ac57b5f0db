"""Lengths that lie, and files that cost their reader more than they weigh."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from tests.checkpoints import hostile
from tests.checkpoints.corpus import Attack
from tests.checkpoints.corpus.code import legacy, nested_in, pickled, zip_of
from tests.checkpoints.hostile import many, nested, snapshot, storage, stream_parts, text
from tests.checkpoints.writers import (
    EASY_DICT,
    Call,
    Name,
    Raw,
    dumps,
    nvlabs_network,
    nvlabs_state,
    persistent,
    random_tensors,
    tiny_config,
)

_PLACES = {"pickle": pickled, "nested": nested_in, "legacy": legacy, "zip": zip_of}
_SKIPPED = {"pickle": 6, "nested": 3, "legacy": 5, "zip": 1}  # a place deep inside


def attacks() -> Iterator[Attack]:
    """Every lie and every cost as the first thing of a pickle, in each container that holds one."""
    for family, codes in (("length", lengths()), ("cost", costs())):
        for name, code in codes:
            for container, places in _PLACES.items():
                listed = list(places(Raw(code)))
                data = listed[_SKIPPED[container] if family == "length" else 0][2]
                yield Attack(f"{family}@{container}@{name}", data)
    for name, data in snapshots():
        yield Attack(f"cost@pickle@{name}", data)


def lengths() -> Iterator[tuple[str, bytes]]:
    """Opcodes that announce what is not there."""
    for length in (2**31, 2**40, 2**63, 2**64 - 1):
        wide = struct.pack("<Q", length)
        for name, code in {"bytes8": b"\x8e", "text8": b"\x8d", "frame": b"\x95"}.items():
            yield f"{name}-{length}", code + wide + b"N"
    for name, code in {"bytes4": b"B", "text4": b"X", "put": b"Nr", "get": b"j"}.items():
        yield name, code + b"\xff\xff\xff\xff" + b"N"
    yield "long-1", b"\x8a\xff" + b"\x7f" * 255
    yield "long-17", b"\x8a\x11" + b"\x7f" * 17
    yield "put-2000000", b"Nr" + struct.pack("<I", 2_000_000)
    yield "get-unset", b"h\x63"
    yield "long-name", b"c" + b"a" * 600 + b"\nb\n"
    yield "long-second-name", b"ca\n" + b"b" * 600 + b"\n"
    yield "text-not-utf-8", b"X\x01\x00\x00\x00\xff"
    yield "ascii-not-ascii", b"U\x01\xff"
    yield "name-not-utf-8", b"cnumpy\xff\ndtype\n"


def costs() -> Iterator[tuple[str, bytes]]:
    """Opcodes whose work, items or depth grow without their bytes."""
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
        yield f"work-{name}", b"(" + function + b"q\x00" + setup + (b"h\x00" + use) * calls + b"t"
    members = b"](" + b"".join(b"J" + struct.pack("<i", n) for n in range(60_000)) + b"eq\x00"
    yield "members", members + b"(" + b"cbuiltins\nset\nh\x00\x85R" * 12 + b"t"
    items = b"](" + b"".join(b"J" + struct.pack("<i", n) + b"N\x86" for n in range(60_000))
    yield "items", items + b"eq\x00(" + b"ccollections\nOrderedDict\nh\x00\x85R" * 12 + b"t"
    yield "opcodes", b"(" + b"N" * 1_100_000 + b"t"
    yield "stack", b"(" + b"N" * 990_000 + b"t"
    yield "marks", b"(" * 5_000 + b"t" * 5_000
    yield "tuples", b"N" + b"\x85" * 300_000
    yield "lists", b"]" * 300_000 + b"a" * 299_999
    yield "dicts", b"(" + b"}" * 200_000 + b"t"
    yield "self", b"}q\x00" + text("G_ema") + b"h\x00s"
    yield "self-list", b"]q\x00h\x00a"
    yield "tuple-key", b"}K\x01\x85K\x01s"
    yield "long-key", b"}" + text("k" * 600) + b"Ns"
    yield "big-int-key", b"}\x8a\x05\xff\xff\xff\xff\x7fNs"
    yield "float-key", b"}G" + struct.pack(">d", 0.5) + b"Ns"
    yield "tuple-member", b"\x8f(K\x01\x85\x90"
    yield "latin-text", b"c_codecs\nencode\n" + text("\u20ac") + text("latin1") + b"\x86R"


def snapshots() -> Iterator[tuple[str, bytes]]:
    """Networks whose tree, settings or tensors are larger than the file."""
    shared: Any = nvlabs_network({})
    for _ in range(40):  # every level holds the one below twice: 2^40 paths
        shared = persistent(
            {"_parameters": {}, "_buffers": {}, "_modules": {"a": shared, "b": shared}}
        )
    yield "shared-modules", dumps({"G_ema": shared}, 4)
    chain: list[Any] = [nvlabs_network({})]
    for _ in range(230):
        state = {"_parameters": {}, "_buffers": {}, "_modules": {"a": chain[-1]}}
        chain.append(persistent(state))
    yield "deep-modules", dumps({"chain": chain, "G_ema": chain[-1]}, 4)
    long: Any = nvlabs_network({})
    for _ in range(3):
        long = persistent({"_parameters": {}, "_buffers": {}, "_modules": {"a" * 300: long}})
    yield "long-names", dumps({"G_ema": long}, 4)
    settings: Any = [1] * 8
    for _ in range(10):
        settings = [settings] * 8
    yield "shared-settings", dumps(snapshot(G_ema=hostile.with_settings({"x": settings})), 4)
    depth: Any = 1
    for _ in range(20):
        depth = {"x": depth}
    yield "deep-settings", dumps(snapshot(G_ema=hostile.with_settings(depth)), 4)
    itself: list[Any] = []
    itself.append(itself)
    yield "self-settings", dumps(snapshot(G_ema=hostile.with_settings({"x": itself})), 4)
    yield "namespace", _namespace()
    yield "latin-aliases", _latin_aliases()
    yield "not-latin", dumps(Call(Name("_codecs", "encode"), ("\u20ac" * 30_000, "latin1")), 4)
    data = Call(Name("_codecs", "encode"), ("\u20ac" * 30_000, "latin1"))
    yield "not-latin-stream", dumps(Call(Name("torch.storage", "_load_from_bytes"), (data,)), 4)
    yield "many-tensors", _tensors()
    yield "shared-tables", _tables()
    yield "stream-again", _streams(60_000)
    yield "long-stream-again", _streams(90_000)
    yield "latin-arrays", _latin_arrays()
    yield "sources", _sources()


def _namespace() -> bytes:
    """One dict handed to a namespace over and over."""
    state = b"}(" + b"".join(b"J" + struct.pack("<i", n) + b"N" for n in range(60_000)) + b"uq\x00"
    one = b"cargparse\nNamespace\n)\x81h\x00b"
    return b"\x80\x04" + state + b"(" + one * 12 + b"t."


def _latin_aliases() -> bytes:
    """Every tensor of a network over one storage that is decoded anew for each."""
    count = 300_000
    shared = nested(b"".join(stream_parts(storage(numel=count), ["0"])) + many(count))
    config = tiny_config(resolution=128, channels={4 << i: 2 for i in range(6)})
    state = nvlabs_state(config, random_tensors(config))
    aliases = {n: hostile.tensor(shared, 0, tuple(t.shape), t.stride()) for n, t in state.items()}
    return dumps({"G_ema": nvlabs_network(aliases)}, 2)


def _latin_arrays() -> bytes:
    """One text decoded for array after array."""
    data = Call(Name("_codecs", "encode"), ("\x00" * 400_000, "latin1"))
    made = []
    for _ in range(60):
        array = Call(
            Name("numpy.core.multiarray", "_reconstruct"), (Name("numpy", "ndarray"), (0,), b"b")
        )
        kind = Call(
            Name("numpy", "dtype"), ("u1", False, True), state=(3, "|", None, None, None, -1, -1, 0)
        )
        made.append(Call(array.function, array.arguments, state=(1, (400_000,), kind, False, data)))
    return dumps(made, 2)


def _sources() -> bytes:
    """One long source text, hashed under a new place each time it is written."""
    text_of = "# " + "x" * 70_000
    return dumps([persistent({}, source=text_of + str(i)) for i in range(40)] + [EASY_DICT], 4)


def _tensors() -> bytes:
    """One empty tensor made over and over by three opcodes each."""
    own = dumps(nested(b"".join(stream_parts(storage(numel=0), ["0"])) + many(0)), 2)[2:-1]
    function = b"ctorch._utils\n_rebuild_tensor\nr\x00\x01\x00\x00"
    arguments = b"(" + own + b"K\x00K\x00\x85K\x01\x85tr\x01\x01\x00\x00"
    again = b"j\x00\x01\x00\x00j\x01\x01\x00\x00R"
    return b"\x80\x02(" + function + arguments + again * 210_000 + b"t."


def _tables() -> bytes:
    """A thousand modules over one table of 60,000 names."""
    table = {f"{number:x}": None for number in range(60_000)}
    own = {"_parameters": table, "_buffers": {}, "_modules": {}}
    children = {f"m{number}": persistent(dict(own)) for number in range(1_000)}
    return dumps({"table": table, "G_ema": persistent(own | {"_modules": children})}, 4)


def _streams(length: int) -> bytes:
    """One nested stream parsed over and over."""
    count = length // 4
    own = b"".join(stream_parts(storage(numel=count), ["0"])) + many(count)
    data = b"B" + struct.pack("<I", len(own)) + own + b"q\x01"
    again = b"h\x00h\x01\x85R"
    return b"\x80\x02(ctorch.storage\n_load_from_bytes\nq\x00" + data + again * 15_000 + b"t."
