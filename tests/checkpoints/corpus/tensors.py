"""Storages and tensors that are not what they say, in streams, archives and pickles."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from tests.checkpoints import hostile
from tests.checkpoints.corpus import Attack
from tests.checkpoints.hostile import (
    FOUR,
    nested,
    storage,
    stream_parts,
    tensor,
    zip_storage,
    zipped,
)
from tests.checkpoints.writers import Call, Name, dumps

_V2, _PARAMETER = (
    Name("torch._utils", "_rebuild_tensor_v2"),
    Name("torch._utils", "_rebuild_parameter"),
)
_VIEWS: dict[str, tuple[Any, Any, Any]] = {
    "past-end": (1, (4,), (1,)),
    "far-offset": (2**40, (1,), (1,)),
    "offset-of-empty": (5, (0,), (1,)),
    "stride-0": (0, (100_000,), (0,)),
    "stride-past-end": (0, (2, 2), (3, 1)),
    "huge-stride": (0, (2,), (2**47,)),
    "negative-stride": (3, (4,), (-1,)),
    "negative-size": (0, (-4,), (1,)),
    "negative-offset": (-1, (4,), (1,)),
    "overflow": (0, (2**31, 2**31, 2**31), (1, 1, 1)),
    "overflow-64": (0, (2**63,), (1,)),
    "overflow-stride": (0, (2,), (2**64,)),
    "ndim-9": (0, (1,) * 9, (1,) * 9),
    "ndim-64": (0, (1,) * 64, (1,) * 64),
    "ndim-unequal": (0, (4, 1), (1,)),
    "float-size": (0, (4.0,), (1,)),
    "bool-size": (0, (True,), (1,)),
    "text-size": (0, ("4",), (1,)),
    "list-size": (0, [4], (1,)),
    "list-stride": (0, (4,), [1]),
    "text-offset": ("0", (4,), (1,)),
    "none-offset": (None, (4,), (1,)),
}


def attacks() -> Iterator[Attack]:
    """Views outside their storage, then storages that lie about themselves."""
    own = nested(b"".join(stream_parts(storage(), ["0"])) + FOUR)
    for name, view in _VIEWS.items():
        yield Attack(f"tensor@legacy@{name}", hostile.legacy({"a": tensor(storage(), *view)}))
        code = dumps({"a": tensor(zip_storage(), *view)}, 2)
        yield Attack(f"tensor@zip@{name}", zipped(code, {"0": bytes(16)}))
        yield Attack(f"tensor@pickle@{name}", dumps({"G_ema": tensor(own, *view)}, 4))
        stream = b"".join(stream_parts(tensor(storage(), *view), ["0"])) + FOUR
        yield Attack(f"tensor@nested@{name}", dumps({"G_ema": nested(stream)}, 4))
    for name, value in _rebuilt().items():
        yield Attack(f"tensor@legacy@{name}", hostile.legacy({"a": value}))
    yield from storages()
    for container, data in (("legacy", _bomb(zip_file=False)), ("zip", _bomb(zip_file=True))):
        yield Attack(f"cost@{container}@alias-bomb", data)


def _rebuilt() -> dict[str, Any]:
    """Calls of the builders with arguments they do not take."""
    fine = (storage(), 0, (4,), (1,))
    return {
        "no-arguments": Call(_V2, ()),
        "few-arguments": Call(_V2, fine),
        "many-arguments": Call(_V2, (*fine, False, {}, None, 1)),
        "metadata": Call(_V2, (*fine, False, {}, {"x": 1})),
        "no-storage": Call(_V2, (None, *fine[1:], False, {})),
        "text-storage": Call(_V2, ("0", *fine[1:], False, {})),
        "old-few": Call(Name("torch._utils", "_rebuild_tensor"), fine[:3]),
        "parameter-of-nothing": Call(_PARAMETER, (None, False, {})),
        "parameter-of-storage": Call(_PARAMETER, (storage(), False, {})),
        "parameter-few": Call(_PARAMETER, (tensor(storage()),)),
    }


def storages() -> Iterator[Attack]:
    """Persistent ids, counts and keys."""
    ids: dict[str, dict[str, Any]] = {
        **{f"numel-{n}": {"numel": n} for n in (-1, 3, 5, 2**40, 2**48, 2**63 - 1, 2**64)},
        **{f"kind-{k}": {"kind": k} for k in ("QInt8Storage", "ComplexFloatStorage", "Storage")},
        **{f"wide-{k}": {"kind": f"{k}Storage"} for k in ("Double", "Long", "Half", "Bool")},
        "numel-text": {"numel": "4"},
        "numel-bool": {"numel": True},
        "key-number": {"key": 0},
        "key-empty": {"key": ""},
        "key-long": {"key": "0" * 65},
        "key-none": {"key": None},
    }
    for name, facts in ids.items():
        yield Attack(f"storage@legacy@{name}", hostile.legacy(storage(**facts)))
        stream = b"".join(stream_parts(storage(**facts), ["0"])) + FOUR
        yield Attack(f"storage@nested@{name}", dumps(nested(stream), 4))
        code = dumps(zip_storage(**facts), 2)
        yield Attack(f"storage@zip@{name}", zipped(code, {"0": bytes(16)}))
    yield from _keys()
    yield from _counts()


def _keys() -> Iterator[Attack]:
    """Storages that are missing, extra, twice there, views, or no storages."""
    two = [storage(), storage(key="1")]
    changed = [storage(), storage(numel=3)]
    bad = hostile.Persistent(["storage"])
    short = hostile.Persistent(("storage", Name("torch", "FloatStorage"), "0", "cpu"))
    word = hostile.Persistent(("module", Name("torch", "FloatStorage"), "0", "cpu", 4, None))
    for name, value, keys, data in (
        ("missing", two, ["0"], FOUR),
        ("extra", storage(), ["0", "1"], FOUR + FOUR),
        ("repeated", storage(), ["0", "0"], FOUR + FOUR),
        ("renamed", storage(), ["1"], FOUR),
        ("two-ways", changed, ["0"], FOUR),
        ("view", storage(view=("1", 0, 2)), ["0"], FOUR),
        ("keys-no-list", storage(), ("0",), FOUR),
        ("keys-numbers", storage(), [0], FOUR),
        ("keys-none", storage(), None, FOUR),
        ("id-no-tuple", bad, ["0"], FOUR),
        ("id-short", short, ["0"], FOUR),
        ("id-word", word, ["0"], FOUR),
        ("appended", storage(), ["0"], FOUR + b"\0"),
        ("cut", storage(), ["0"], FOUR[:-1]),
        ("no-count", storage(), ["0"], b""),
    ):
        stream = b"".join(stream_parts(value, keys)) + data
        yield Attack(f"storage@legacy@{name}", stream)
        yield Attack(f"storage@nested@{name}", dumps({"G_ema": nested(stream)}, 4))
    for name, kept in (
        ("missing", {}),
        ("extra", {"0": bytes(16), "1": b""}),
        ("renamed", {"1": bytes(16)}),
    ):
        yield Attack(f"storage@zip@{name}", zipped(dumps(zip_storage(), 2), kept))
    yield Attack("storage@zip@id-of-stream", zipped(dumps(storage(), 2), {"0": bytes(16)}))


def _counts() -> Iterator[Attack]:
    """Counts, magic numbers, versions and facts of a stream."""
    for count in (-1, 3, 5, 2**40, 2**63 - 1, -(2**63)):
        data = struct.pack("<q", count) + bytes(16)
        stream = b"".join(stream_parts(storage(), ["0"])) + data
        yield Attack(f"storage@legacy@count-{count}", stream)
        yield Attack(f"storage@nested@count-{count}", dumps(nested(stream), 4))
    parts = stream_parts(storage(), ["0"])
    for name, at, value in (
        ("magic", 0, 0x1950A86A20F9469CFC6D),
        ("magic-text", 0, "x"),
        ("version", 1, 1002),
        ("version-bool", 1, True),
        ("facts", 2, []),
        ("big-endian", 2, {"little_endian": False}),
        ("endian-text", 2, {"little_endian": "yes"}),
        ("no-storage", 3, 7),
        ("none", 3, None),
    ):
        stream = b"".join([*parts[:at], dumps(value, 2), *parts[at + 1 :]]) + FOUR
        yield Attack(f"stream@nested@{name}", dumps({"G_ema": nested(stream)}, 4))
        yield Attack(f"stream@legacy@{name}", stream)
    whole = b"".join(parts) + FOUR
    for name, value in (
        ("twice", nested(hostile.legacy(nested(whole), (), b""))),
        ("a-zip", nested(zipped(dumps({}, 2)))),
        ("text", Call(Name("torch.storage", "_load_from_bytes"), ("x" * 70_000,))),
        ("short-text", Call(Name("torch.storage", "_load_from_bytes"), ("x",))),
        ("number", Call(Name("torch.storage", "_load_from_bytes"), (7,))),
        ("two", Call(Name("torch.storage", "_load_from_bytes"), (whole, whole))),
        ("empty", nested(b"")),
        ("list", nested(hostile.legacy([storage()]))),
        ("alone", nested(whole)),
        ("in-list", [nested(whole)] * 2),
        ("none", nested(None)),
        ("tuple", nested((whole,))),
        ("no-arguments", Call(Name("torch.storage", "_load_from_bytes"), ())),
        ("list-arguments", Call(Name("torch.storage", "_load_from_bytes"), ([whole],))),
        ("long-cut", nested(whole[:-16] + bytes(70_000))),
    ):
        yield Attack(f"stream@nested@{name}", dumps(value, 4))
        yield Attack(f"stream@zip@{name}", zipped(dumps(value, 2)))
        yield Attack(f"stream@legacy@{name}-inside", hostile.legacy({"a": value}, (), b""))


def _bomb(*, zip_file: bool) -> bytes:
    count = 2**20
    shared = zip_storage(numel=count) if zip_file else storage(numel=count)
    aliases = [tensor(shared, 0, (count,), (1,)) for _ in range(40)]
    if zip_file:
        return zipped(dumps([shared, *aliases], 2), {"0": bytes(4 * count)})
    return hostile.legacy([shared, *aliases], data=hostile.many(count))
