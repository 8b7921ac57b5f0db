"""Safetensors files whose header or metadata lie, and files that are none of the containers."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

from tests.checkpoints.corpus import Attack

_GOOD = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def attacks() -> Iterator[Attack]:
    """Headers by text, headers by field, metadata, then other files."""
    for name, data in (*_texts(), *_fields(), *_metadata()):
        yield Attack(f"header@safetensors@{name}", data)
    for name, data in _others():
        yield Attack(f"other@pickle@{name}", data)


def file(header: Any, data: bytes = bytes(8)) -> bytes:
    """A safetensors file of this header, given as text or as JSON data."""
    text = header if isinstance(header, str) else json.dumps(header)
    return struct.pack("<Q", len(text.encode())) + text.encode() + data


def _texts() -> Iterator[tuple[str, bytes]]:
    for power in (16, 31, 40, 63):
        yield f"length-2^{power}", struct.pack("<Q", 2**power) + b"{}"
    yield "length-limit", file("{" + " " * (3 << 20) + "}", b"")
    yield "cut", file(_GOOD)[:40]
    yield "brace-alone", file("{")
    yield "list", file("{]")
    yield "repeated", file('{"a":1,"a":2}')
    yield "repeated-inside", file('{"a":{"dtype":"F32","dtype":"F16"}}')
    yield "deep", file('{"a":' * 50_000)
    yield "deep-lists", file('{"a":' + "[" * 90_000)
    yield "number", file('{"a":' + "9" * 10_000 + "}")
    yield "nan", file('{"a":NaN}')
    yield "infinity", file('{"a":-Infinity}')
    yield "utf-8", struct.pack("<Q", 6) + b'{"\xff":1' + bytes(8)
    for coding in ("utf-16-le", "utf-32-le", "utf-8-sig"):
        raw = json.dumps(_GOOD).encode(coding)
        yield f"in-{coding}", struct.pack("<Q", len(raw)) + raw + bytes(8)
    yield "behind", file(json.dumps(_GOOD) + "x")
    yield "many-names", file({f"{i:x}": 1 for i in range(100_000)})
    yield "bare", file(_GOOD)
    yield "short", b"{}"
    yield "list-alone", file("[]", b"")


def _fields() -> Iterator[tuple[str, bytes]]:
    for name, change in (
        ("hole", {"data_offsets": [8, 16]}),
        ("size", {"shape": [2**40]}),
        ("overflow", {"shape": [2**47, 2**47]}),
        ("wide", {"shape": [2**64]}),
        ("negative", {"shape": [-2]}),
        ("float", {"shape": [2.0]}),
        ("bool", {"shape": [True, True]}),
        ("text-shape", {"shape": "2"}),
        ("ndim", {"shape": [1] * 9}),
        ("offsets-3", {"data_offsets": [0, 8, 8]}),
        ("offsets-back", {"data_offsets": [8, 0]}),
        ("offsets-negative", {"data_offsets": [-8, 0]}),
        ("offsets-huge", {"data_offsets": [0, 2**63], "shape": [2**61]}),
        ("dtype", {"dtype": "F8_E4M3"}),
        ("dtype-none", {"dtype": None}),
        ("dtype-list", {"dtype": ["F32"]}),
        ("surplus", {"more": 1}),
    ):
        yield name, file({"a": _GOOD["a"] | change}, bytes(16))
    yield "entry-list", file({"a": [1]})
    yield "entry-short", file({"a": {"dtype": "F32"}})
    yield "overlap", file({**_GOOD, "b": {**_GOOD["a"], "data_offsets": [4, 12]}}, bytes(12))
    yield "same", file({**_GOOD, "b": _GOOD["a"]})
    yield "extra", file(_GOOD, bytes(9))
    yield "missing", file(_GOOD, bytes(7))


def _metadata() -> Iterator[tuple[str, bytes]]:
    for name, told in (
        ("text", "x"),
        ("numbers", {"steerx": 1}),
        ("list", []),
        ("none", {}),
        ("not-json", {"steerx": "{"}),
        ("no-object", {"steerx": "[]"}),
        ("deep", {"steerx": "[" * 90_000}),
        ("repeated", {"steerx": '{"version":1,"version":1}'}),
        ("infinite", {"steerx": '{"version":1,"facts":{"a":1e999}}'}),
        ("kind", {"steerx": '{"kind":"codes"}'}),
        ("version", {"steerx": '{"version":2}'}),
        ("version-bool", {"steerx": '{"version":true}'}),
        ("family", {"steerx": '{"version":1,"family":"x"}'}),
        ("family-list", {"steerx": '{"version":1,"family":[]}'}),
        ("config", {"steerx": '{"version":1,"family":"stylegan2"}'}),
        ("config-list", {"steerx": '{"version":1,"family":"pggan","config":[]}'}),
    ):
        yield f"metadata-{name}", file({"__metadata__": told, **_GOOD})


def _others() -> Iterator[tuple[str, bytes]]:
    yield "png", b"\x89PNG\r\n\x1a\n" + bytes(50)
    yield "tar", bytes(257) + b"ustar\0" + bytes(300)
    yield "brace", b"\xff" * 8 + b"{" + bytes(20)
    yield "one-byte", b"\x80"
    yield "protocol-0", b"cos\nsystem\n(Vtouch x\ntR."
    yield "protocol-1", b"\x80\x01N."
    yield "protocol-6", b"\x80\x06N."
    yield "protocol-255", b"\x80\xffN."
    yield "hdf5", b"\x89HDF\r\n\x1a\n" + bytes(50)
    yield "gzip", b"\x1f\x8b\x08" + bytes(50)
    yield "text", b"hello\n"
    yield "zeros", bytes(600)
    yield "pk", b"PK"
    yield "pk-short", b"PK\x03\x04"
    yield "seven-z", b"7z\xbc\xaf\x27\x1c" + bytes(40)
    for name, code in {
        "two-values": b"NN.",
        "no-value": b".",
        "open-mark": b"(N.",
        "no-mark": b"t.",
        "empty-tuple": b"\x85.",
        "below-mark": b"N(\x85.",
        "top-of-nothing": b"\x94.",
        "item-of-none": b"N(Nu.",
        "odd-items": b"}(Nu.",
        "append-to-none": b"NNa.",
        "add-to-none": b"N(N\x90.",
        "behind": b"N.N",
        "number": b"K\x07.",
        "a-name": b"cargparse\nNamespace\n.",
        "names-of-numbers": b"NN\x93.",
        "call-of-nothing": b"R.",
        "call-of-none": b"N)R.",
        "call-of-list": b"ccollections\nOrderedDict\n]R.",
        "new-of-none": b"N)\x81.",
        "new-with-arguments": b"cargparse\nNamespace\nN\x85\x81.",
        "new-of-function": b"ccollections\nOrderedDict\n)\x81.",
        "state-of-none": b"NNb.",
        "state-of-dict": b"}}b.",
        "state-twice": b"cargparse\nNamespace\n)\x81}K\x01NsbN}b.",
        "put-negative": b"N\x94q\xff.",
        "ordered-of-none": b"ccollections\nOrderedDict\nN\x85R.",
        "ordered-of-numbers": b"ccollections\nOrderedDict\n](K\x01K\x02e\x85R.",
        "ordered-of-two": b"ccollections\nOrderedDict\n]]\x86R.",
        "set-of-none": b"cbuiltins\nset\nN\x85R.",
        "set-of-lists": b"cbuiltins\nset\n]]a\x85R.",
        "encode-of-none": b"c_codecs\nencode\nNX\x06\x00\x00\x00latin1\x86R.",
        "encode-of-one": b"c_codecs\nencode\nN\x85R.",
    }.items():
        yield f"program-{name}", b"\x80\x04" + code
