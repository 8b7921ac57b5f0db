"""Files for the checks that attacks by class pass by: networks in odd shapes, layouts in part, sums that lie."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from tests.checkpoints import progressive_writers as progressive
from tests.checkpoints import stylegan3_writers as stylegan3
from tests.checkpoints import tensorflow_writers as tensorflow
from tests.checkpoints import writers
from tests.checkpoints.corpus import Attack
from tests.checkpoints.corpus.archives import PICKLE, zipped
from tests.checkpoints.corpus.damage import (
    PGGAN,
    STYLE,
    TWO,
    genforce_file,
    layouts,
    own_file,
    rosinality_file,
    saved,
)
from tests.checkpoints.hostile import snapshot
from tests.checkpoints.writers import PERSISTENT, STUB, Call, dumps, nvlabs_network, persistent


def attacks() -> Iterator[Attack]:
    """Layout by layout."""
    for name, data in (*_sums(), *_streams()):
        yield Attack(f"archive@npz@{name}", data)
    yield Attack("archive@zip@sum-locally", _patched_sum(zipped(("x/data.pkl", PICKLE))))
    gap, overlap = _hidden()
    yield Attack("archive@zip@hidden", gap)
    yield Attack("archive@zip@overlap-by-size", overlap)
    for name, value in _networks():
        yield Attack(f"network@pickle@{name}", dumps(snapshot(G_ema=value), 4))
    for name, value in _objects():
        yield Attack(f"object@pickle@{name}", dumps({"G_ema": value}, 4))
    for name, container, data in (*_states(), *_eras(), *_numbers()):
        family = "weights" if container in ("zip", "legacy") else "layout"
        yield Attack(f"{family}@{container}@{name}", data)


def _sums() -> Iterator[tuple[str, bytes]]:
    """Packed entries that do not unpack to what the directory says."""
    array = io.BytesIO()
    np.save(array, np.arange(4_000, dtype=np.float32))
    good = zipped(("w.npy", array.getvalue()), method=zipfile.ZIP_DEFLATED)
    directory = good.index(b"PK\x01\x02")
    (size,) = struct.unpack("<I", good[directory + 24 : directory + 28])
    for name, change in (("less", 100), ("more", -100), ("much-less", 10**6)):
        told = struct.pack("<I", size + change)
        yield (
            f"unpacks-to-{name}",
            good[:22] + told + good[26 : directory + 24] + told + good[directory + 28 :],
        )
    yield "sum", _patched_sum(good)
    yield "sum-both", _patched_sum(good, both=True)
    end = directory - 40
    yield "rubbish-late", good[:end] + b"\xff" * 40 + good[directory:]
    small = zipped(("w.npy", array.getvalue()[:128] + bytes(8)), method=zipfile.ZIP_DEFLATED)
    yield "shorter", small


def _deflated(raw: bytes, size: int) -> bytes:
    """An archive of one entry that is said to unpack to `size` bytes, whatever `raw` is."""
    good = zipped(("w.npy", raw))
    directory = good.index(b"PK\x01\x02")
    told = struct.pack("<I", size)
    local = good[:8] + b"\x08\x00" + good[10:22] + told + good[26:directory]
    entry = good[directory : directory + 10] + b"\x08\x00" + good[directory + 12 : directory + 24]
    return local + entry + told + good[directory + 28 :]


def _streams() -> Iterator[tuple[str, bytes]]:
    """Deflated streams that end early, break in the middle, or go on."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000,), }\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(4_000)
    yield "stream-broken-late", _broken_late()
    yield "stream-broken-at-once", _deflated(b"\x07" * 60, len(array))
    for name, data in (("short", array[:-900]), ("whole", array), ("long", array + bytes(60))):
        packer = zlib.compressobj(wbits=-15)
        yield f"stream-{name}", _deflated(packer.compress(data) + packer.flush(), len(array))
        packer = zlib.compressobj(wbits=-15)
        flushed = packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
        yield f"stream-{name}-unfinished", _deflated(flushed, len(array))
        yield f"stream-{name}-broken", _deflated(flushed + b"\x07" * 20, len(array))
        yield f"stream-{name}-followed", _deflated(flushed + b"\x03\x00tail", len(array))


def _broken_late() -> bytes:
    """A stream whose first 64 KiB are a whole array, and whose next byte is no block."""
    size = 65_536 - 5  # one stored block: its header and what it holds
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }\n"
    head = (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header) + 3)
        + header % (size - 13 - len(header))
    )
    array = head + bytes(size - len(head))
    return _deflated(b"\x00" + struct.pack("<HH", size, size ^ 0xFFFF) + array + b"\x07", size)


def _patched_sum(good: bytes, *, both: bool = False) -> bytes:
    """Another sum in the local header, or in both."""
    directory = good.index(b"PK\x01\x02")
    wrong = b"\x01\x02\x03\x04"
    data = good[:14] + wrong + good[18:]
    return data[: directory + 16] + wrong + data[directory + 20 :] if both else data


def _hidden() -> tuple[bytes, bytes]:
    """Bytes between two entries; an entry that reaches into the next."""
    good = zipped(("x/data.pkl", PICKLE), ("x/data/0", b"1234"))
    directory = good.index(b"PK\x01\x02")
    second = good.index(b"PK\x01\x02", directory + 1)
    local = good.index(b"PK\x03\x04", 1)
    (start,) = struct.unpack("<I", good[-6:-2])
    moved = good[: second + 42] + struct.pack("<I", local + 4) + good[second + 46 : -6]
    gap = moved[:local] + b"gap!" + moved[local:] + struct.pack("<IH", start + 4, 0)
    size = struct.pack("<II", len(PICKLE) + 20, len(PICKLE) + 20)
    longer = good[:18] + size + good[26 : directory + 20] + size + good[directory + 28 :]
    return gap, longer


def _networks() -> Iterator[tuple[str, Any]]:
    """Module trees whose parts are something else."""
    empty: dict[str, Any] = {"_parameters": {}, "_buffers": {}, "_modules": {}}
    for group in empty:
        yield f"no-{group}", persistent({k: v for k, v in empty.items() if k != group})
        yield f"list-{group}", persistent(empty | {group: []})
        yield f"number-in-{group}", persistent(empty | {group: {"a": 7}})
        yield f"name-in-{group}", persistent(empty | {group: {7: None}})
        yield (
            f"long-name-in-{group}",
            persistent(empty | {group: {"a" * 512: None, "b" * 500: None}}),
        )
    yield "no-const", persistent(empty)
    for group in ("_parameters", "_buffers", "_modules"):
        yield f"dot-in-{group}", persistent(empty | {group: {"a.b": None}})
    twice = {"weight": torch.ones(1)}
    yield "tensor-twice", persistent(empty | {"_parameters": twice, "_buffers": twice})
    state = dict(writers.nvlabs_state(TWO, writers.random_tensors(TWO)))
    yield "resnet", nvlabs_network(state | {"synthesis.b8.skip.weight": torch.ones(1)})
    yield (
        "orig",
        nvlabs_network({n: t for n, t in state.items() if n != "synthesis.b4.torgb.weight"}),
    )
    yield "number-as-setting-name", nvlabs_network(state, attributes={"_init_kwargs": {7: 1}})
    yield "record-in-settings", nvlabs_network(state, kwargs={"x": torch.ones(1)})
    layer = {"conv1": {"activation": "relu"}}
    said = writers.nvlabs_kwargs(TWO, activation="lrelu")
    yield "layers-disagree", nvlabs_network(state, kwargs=said, layers=layer)
    yield (
        "layers-differ",
        nvlabs_network(
            state, layers={"conv1": {"activation": "lrelu"}, "conv0": {"activation": "relu"}}
        ),
    )
    yield "attribute-list", nvlabs_network(state, layers={"conv1": {"activation": []}})
    many = {f"synthesis.b8.x{i}.resample_filter": torch.ones(4, 4) for i in range(120)}
    yield "many-filters", nvlabs_network(state | many)
    flat = {
        name: torch.zeros(()) if name.endswith("conv1.weight") else t for name, t in state.items()
    }
    yield "flat-weight", nvlabs_network(flat)
    wide = {"synthesis.b8.conv0.resample_filter": torch.ones(40, 40)}
    yield "wide-filter", nvlabs_network(state | wide)
    other = {"synthesis.b8.conv0.resample_filter": torch.ones(4, 4)}
    yield "other-filter", nvlabs_network(state | other)
    yield from _threes()
    without = {n: t for n, t in state.items() if "mapping.fc" not in n}
    yield "no-mapping", nvlabs_network(without)


def _threes() -> Iterator[tuple[str, Any]]:
    """StyleGAN3 with absurd attributes of other modules."""
    config = stylegan3.tiny()
    state = stylegan3.state_of(config, stylegan3.random_tensors(config))
    layers = stylegan3.attributes(config)
    fast = layers | {"fc0": {"bias_gain": 1000.0}, "fc1": {"bias_gain": 1000.0}}
    yield "three-rate", nvlabs_network(state, layers=fast)
    odd = {"_init_kwargs": [1]}
    yield "three-arguments", nvlabs_network(state, layers=layers, attributes=odd)


def _objects() -> Iterator[tuple[str, Any]]:
    """Persistent objects whose description is something else."""
    meta = {"type": "class", "version": 6, "module_src": STUB, "class_name": "G", "state": {}}
    for name, change in (
        ("type", {"type": "module"}),
        ("type-none", {"type": None}),
        ("version", {"version": "6"}),
        ("version-bool", {"version": True}),
        ("source-none", {"module_src": None}),
        ("source-bytes", {"module_src": b"x"}),
        ("source-long-bytes", {"module_src": b"x" * 70_000}),
        ("name-none", {"class_name": None}),
        ("name-long", {"class_name": "G" * 600}),
        ("state-none", {"state": None}),
        ("state-list", {"state": []}),
    ):
        yield name, Call(PERSISTENT, (meta | change,))
    yield "no-arguments", Call(PERSISTENT, ())
    yield "two-arguments", Call(PERSISTENT, (meta, meta))
    yield "list", Call(PERSISTENT, ([meta],))
    yield "state-of-network", Call(PERSISTENT, (meta,), state={"x": 1})
    yield "items-of-network", Call(PERSISTENT, (meta,), items={"x": 1})


def _states() -> Iterator[tuple[str, str, bytes]]:
    """State dicts that are damaged in ways that one tensor does not show."""
    honest = {layout: state for layout, (_, state, _) in layouts().items()}
    rosinality, genforce = honest["rosinality"], honest["genforce"]
    yield "mean-list", "zip", saved({"g_ema": rosinality, "latent_avg": [1]}, zip_file=True)
    yield (
        "mean-length",
        "zip",
        saved({"g_ema": rosinality, "latent_avg": torch.zeros(7)}, zip_file=True),
    )
    yield "name-number", "zip", rosinality_file({**rosinality, 7: torch.ones(1)})
    yield "tensor-none", "zip", rosinality_file({**rosinality, "x": None})
    yield "conditional", "zip", rosinality_file(rosinality | {"style.1.weight": torch.zeros(5, 9)})
    yield "width", "zip", rosinality_file(rosinality | {"style.2.weight": torch.zeros(9, 5)})
    odd = {n: t for n, t in rosinality.items() if not n.startswith("convs.1.")}
    yield "odd-layers", "zip", rosinality_file(odd)
    more = {f"convs.{i}.conv.weight": torch.zeros(1) for i in range(24)}
    yield "many-layers", "zip", rosinality_file(rosinality | more)
    more = {f"synthesis.layer{i}.weight": torch.zeros(1) for i in range(30)}
    yield "many-layers", "legacy", saved({"generator": genforce | more}, zip_file=False)
    labels = {"mapping.label_weight": torch.zeros(3, 4)}
    yield "labels", "legacy", saved({"generator": genforce | labels}, zip_file=False)
    stylegan, pggan = honest["genforce-stylegan"], honest["genforce-pggan"]
    yield "stylegan-labels", "zip", genforce_file(stylegan | labels)
    yield "stylegan-growing", "zip", genforce_file(stylegan | {"synthesis.lod": torch.tensor(0.5)})
    yield "pggan-growing", "zip", genforce_file(pggan | {"lod": torch.tensor(1.5)})
    blur = {"synthesis.layer2.blur.kernel": torch.rand(2, 1, 3, 3)}
    yield "stylegan-blurs", "zip", genforce_file(stylegan | blur)
    even = {"synthesis.layer2.blur.kernel": torch.rand(2, 1, 4, 4)}
    yield "stylegan-even-blur", "zip", genforce_file(stylegan | even)
    odd = {n: t for n, t in stylegan.items() if n != "synthesis.layer3.bias"}
    yield "stylegan-odd-layers", "zip", genforce_file(odd)


def _eras() -> Iterator[tuple[str, str, bytes]]:
    """TensorFlow's networks."""
    ones = np.ones((3, 3), np.float32)
    style = progressive.stylegan_state(STYLE, progressive.random_tensors(STYLE))
    pggan = progressive.pggan_state(PGGAN, progressive.random_tensors(PGGAN))

    def file(tree: Any) -> bytes:
        return dumps(tree, 4)

    def network(**changes: Any) -> bytes:
        whole = tensorflow.network(tensorflow.PGGAN, {}, {})
        whole.state.update(changes)
        return file((whole, whole, whole))

    yield "tf-settings-list", "pickle", network(static_kwargs=[])
    yield "tf-settings-none", "pickle", network(static_kwargs=None)
    yield "tf-no-pairs", "pickle", network(variables={})
    yield "tf-triples", "pickle", network(variables=[(1, 2, 3)])
    yield "tf-number-names", "pickle", network(variables=[(1, ones)])
    yield "tf-two-of-a-name", "pickle", network(variables=[("a", ones), ("a", ones)])
    yield "tf-source", "pickle", network(build_module_src=None)
    yield "tf-unbuilt", "pickle", file((Call(tensorflow.PGGAN, (), new=True),) * 3)
    yield "tf-other", "pickle", network()
    yield "tf-components-list", "pickle", network(components=[])
    for name, value in (
        ("label_size", 3),
        ("use_wscale", False),
        ("normalize_latents", 0.5),
        ("use_wscale", []),
    ):
        yield (
            f"tf-style-{name}-{value}",
            "pickle",
            file(tensorflow.stylegan(style, **{name: value})),
        )
        yield f"tf-pggan-{name}-{value}", "pickle", file(tensorflow.pggan(pggan, **{name: value}))
    for name, changes in {
        "surplus": {"4x4/Const/surprise": ones},
        "shape": {"4x4/Conv/weight": ones},
        "text": {"4x4/Conv/weight": "x"},
        "twice": {"4x4/Conv1/weight": ones},
        "growing": {"lod": np.float32(1)},
        "lod-text": {"lod": "0"},
        "shared": {f"{4 << b}x{4 << b}/Conv1/weight": _SHARED for b in range(1, 9)},
    }.items():
        yield f"tf-{name}", "pickle", file(tensorflow.stylegan(style, changes=changes))
    shared: dict[str, Any] = {f"{8 << b}x{8 << b}/Conv1/weight": _SHARED for b in range(8)}
    for name, first, more in (("first", ones, {}), ("pggan-shared", np.ones((2, 16), "f"), shared)):
        whole = tensorflow.network(tensorflow.PGGAN, {"4x4/Dense/weight": first} | more, {})
        yield f"tf-{name}", "pickle", file((whole, whole, whole))


_SHARED = np.zeros((3, 3, 400, 1000), np.float32)


def told_of(config: Any, **changes: Any) -> dict[str, Any]:
    """Metadata of our own file with numbers changed."""
    told = config.to_json() | changes
    return {"version": 1, "family": config.family, "config": told, "facts": {}}


def _numbers() -> Iterator[tuple[str, str, bytes]]:
    """Configurations whose numbers are legal one by one."""
    two = writers.random_tensors(TWO)

    def own(config: Any, tensors: Any, **changes: Any) -> bytes:
        return own_file(config, tensors, told_of(config, **changes))

    huge = {str(side): 8192 for side in (4, 8)}
    yield "huge", "safetensors", own(TWO, two, channels=huge, resolution=8)
    most = {str(4 << i): 8192 for i in range(10)}
    yield "most", "safetensors", own(TWO, two, channels=most, resolution=2048)
    yield (
        "most-classes",
        "safetensors",
        own(TWO, two, channels=most, resolution=2048, c_dim=8192, embed_dim=8192),
    )
    yield "keys", "safetensors", own(TWO, two, channels={"x": 1, "8": 2})
    yield "keys-far", "safetensors", own(TWO, two, channels={"4": 1, "99999": 2})
    yield "odd-resolution", "safetensors", own(TWO, two, resolution=12)
    yield "no-mapping", "safetensors", own(TWO, two, mapping_layers=0)
    yield "embed-alone", "safetensors", own(TWO, two, embed_dim=5)
    yield "no-z", "safetensors", own(TWO, two, z_dim=0)
    yield "rows", "safetensors", own(TWO, two, w_avg_rows=3)
    yield "clamp", "safetensors", own(TWO, two, conv_clamp=-1)
    yield "clamp-text", "safetensors", own(TWO, two, conv_clamp="1")
    for taps in ([0, 4], [40, 4], [4], [4, 4, 4], "44", [4.0, 4]):
        yield f"filter-{taps}", "safetensors", own(TWO, two, filter_shape=taps)
    three = stylegan3.tiny()
    tensors = stylegan3.random_tensors(three)
    layers = three.to_json()["layers"]
    for name, changes in {"kernel": {"kernel": 2}, "taps": {"up_shape": [10**6]}}.items():
        changed = [layers[0] | changes, *layers[1:]]
        yield (
            f"three-{name}",
            "safetensors",
            own_file(three, tensors, told_of(three, layers=changed)),
        )
    absurd = told_of(three, mapping_layers=0)
    yield "three-no-mapping", "safetensors", own_file(three, tensors, absurd)
    wide = [layers[-1] | {"outputs": 8192, "kernel": 3, "padding": [-1] * 4}] * 9
    many = told_of(three, layers=[*layers[:-1], *wide, layers[-1]])
    yield "three-most", "safetensors", own_file(three, tensors, many)
    for config in (STYLE, PGGAN):
        tensors = progressive.random_tensors(config)
        yield (
            f"most-{config.family}",
            "safetensors",
            own(config, tensors, channels=most, resolution=2048),
        )
    tensors = progressive.random_tensors(STYLE)
    taps = tensors | {"synthesis.filter": torch.ones(33, 33) / 1089}
    yield "stylegan-taps", "safetensors", own(STYLE, taps, filter_shape=[33, 33])
    yield "stylegan-even", "safetensors", own(STYLE, tensors, filter_shape=[4, 4])
    yield "stylegan-no-mapping", "safetensors", own(STYLE, tensors, mapping_layers=0)
