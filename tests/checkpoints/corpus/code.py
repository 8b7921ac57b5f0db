"""Files that call, set or make something, in every container and at every kind of place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.checkpoints import hostile, payloads
from tests.checkpoints.corpus import Attack
from tests.checkpoints.hostile import FOUR, nested, snapshot, storage, stream_parts, zipped
from tests.checkpoints.writers import Call, Raw, dumps, nvlabs_network, persistent

_WEIGHTS = ("object", "weights", "hooks")


def attacks(marker: str) -> Iterator[Attack]:
    """Calls by name, then opcodes that no pickler writes, then sources that nobody may run."""
    for number, (name, value) in enumerate(payloads.payloads(marker).items()):
        places = [
            *_some(pickled(value), number, 3),
            *_some(nested_in(value), number, 2),
            *_some(legacy(value), number, 2),
            *_some(zip_of(value), number, 1),
        ]
        for container, place, data in places:
            yield Attack(f"callable@{container}@{name}-{place}", data, runs=True)
    for number, (name, (codes, runs)) in enumerate(payloads.opcodes(marker).items()):
        value = Raw(codes)
        places = [
            *_some(pickled(value), number, 2),
            *_some(nested_in(value), number, 1),
            *_some(legacy(value), number, 1),
            *_some(zip_of(value), number, 1),
        ]
        for container, place, data in places:
            yield Attack(f"making@{container}@{name}-{place}", data, runs=runs)


def _some(
    files: Iterator[tuple[str, str, bytes]], number: int, count: int
) -> list[tuple[str, str, bytes]]:
    """A few of the places, others for every payload."""
    listed = list(files)
    return [listed[(number * count + i) % len(listed)] for i in range(count)]


def pickled(value: Any) -> Iterator[tuple[str, str, bytes]]:
    """Bare pickles with a value at the top, beside the networks, and inside them."""
    for protocol in (2, 3, 4, 5):
        yield "pickle", f"top-{protocol}", dumps(value, protocol)
    for protocol, place, tree in (
        (2, "list", [1, [value]]),
        (4, "beside", snapshot(extra=value)),
        (4, "network", snapshot(G_ema=value)),
        (5, "skipped", snapshot(D=nvlabs_network({"x": value}))),
        (3, "settings", snapshot(G_ema=nvlabs_network({}, kwargs={"z_dim": value}))),
        (5, "weights", snapshot(G_ema=nvlabs_network({"a.weight": value}))),
        (4, "source", snapshot(G=persistent({}, source=value))),
        (4, "class-name", snapshot(G=persistent({}, name=value))),
        (2, "version", snapshot(G=persistent({}, version=value))),
    ):
        yield "pickle", f"{place}-{protocol}", dumps(tree, protocol)


def parts_with(value: Any, parts: list[bytes]) -> Iterator[tuple[str, bytes]]:
    """A stream with a value in each of its five places."""
    hidden = dumps(value, 2)
    for i in range(5):
        yield f"part-{i}", b"".join([*parts[:i], hidden, *parts[i + 1 :]]) + FOUR


def nested_in(value: Any) -> Iterator[tuple[str, str, bytes]]:
    """Streams inside a pickle."""
    for place, stream in parts_with(value, stream_parts(storage(), ["0"])):
        yield "nested", place, dumps(snapshot(G_ema=nested(stream)), 4)
    stream = b"".join(stream_parts([storage(), value], ["0"])) + FOUR
    yield "nested", "beside", dumps({"G_ema": {"a": nested(stream)}}, 2)
    yield "nested", "bare", dumps(nested(dumps(value, 2)), 3)


def legacy(value: Any) -> Iterator[tuple[str, str, bytes]]:
    """Legacy archives."""
    for place, data in parts_with(value, stream_parts({"g_ema": {"a": storage()}}, ["0"])):
        yield "legacy", place, data
    yield "legacy", "weights", hostile.legacy({"g_ema": {"a": storage(), "b": value}})
    hooks = (storage(), 0, (4,), (1,), False, value)
    tensor = Call(payloads.at("torch._utils._rebuild_tensor_v2"), hooks)
    yield "legacy", "hooks", hostile.legacy({"g_ema": {"a": tensor}})


def zip_of(value: Any) -> Iterator[tuple[str, str, bytes]]:
    """Zip archives."""
    yield "zip", "top", zipped(dumps(value, 2))
    yield "zip", "weights", zipped(dumps({"g_ema": {"conv1.conv.weight": value}}, 2))
    yield "zip", "list", zipped(dumps({"generator": [value]}, 4))
