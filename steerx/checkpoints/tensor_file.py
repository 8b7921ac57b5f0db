"""The safetensors container: a length, a JSON header, tensors back to back without holes."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import torch
from torch import Tensor

from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.records import Storage, TensorRecord
from steerx.checkpoints.source import Source

# The format allows 100 MB; parsed JSON takes many times its text, and an honest header of a
# generator has some 40 kB.
MAX_HEADER_BYTES = 2 << 20
MAX_DIMS = 8
_MAX_DEPTH = 40  # of JSON; ours has 8
_TAGS = {
    "F16": "f2",
    "BF16": "bf16",
    "F32": "f4",
    "F64": "f8",
    "I8": "i1",
    "I16": "i2",
    "I32": "i4",
    "I64": "i8",
    "U8": "u1",
    "BOOL": "bool",
}
_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
}


def read_tensor_file(source: Source) -> tuple[dict[str, TensorRecord], dict[str, str]]:
    """Tensors by name and the metadata of a safetensors file; no tensor is loaded.

    Raises:
        CheckpointError: a damaged header, holes, overlaps, or bytes that belong to nothing.
    """
    length = int.from_bytes(source.read(0, 8), "little")
    if length > source.size - 8:
        raise CheckpointError(Kind.TRUNCATED, f"a header of {length} bytes is announced", 0)
    if length > MAX_HEADER_BYTES:
        raise CheckpointError(Kind.LIMIT, f"a header of {length} bytes", 0)
    header = parse_json(source.read(8, length), offset=8)
    if not isinstance(header, dict):
        raise _bad("the header is not an object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _bad("the metadata are not texts")
    tensors: dict[str, TensorRecord] = {}
    spans: list[tuple[int, int]] = []
    for name, facts in header.items():
        dtype, shape, begin, end = _facts(name, facts)
        numel = math.prod(shape)
        storage = Storage(name, dtype, numel, source, 8 + length + begin)
        if end - begin != storage.nbytes:
            raise CheckpointError(
                Kind.BAD_TENSOR, f"{shown(name)} has {end - begin} bytes for its shape"
            )
        tensors[name] = TensorRecord(storage, 0, shape, _row_major(shape))
        spans.append((begin, end))
    _check_spans(spans, source.size - 8 - length)
    return tensors, metadata


def write_tensor_file(
    handle: BinaryIO,
    tensors: Mapping[str, Tensor],
    *,
    metadata: Mapping[str, str],
    dtype: torch.dtype,
) -> None:
    """Write tensors under sorted names, each converted to `dtype` as it goes out."""
    size = torch.empty((), dtype=dtype).element_size()
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    at = 0
    for name in sorted(tensors):
        nbytes = tensors[name].numel() * size
        header[name] = {
            "dtype": _NAMES[dtype],
            "shape": list(tensors[name].shape),
            "data_offsets": [at, at + nbytes],
        }
        at += nbytes
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 8)  # readers that map the file want aligned numbers
    handle.write(struct.pack("<Q", len(text)))
    handle.write(text)
    for name in sorted(tensors):
        flat = tensors[name].detach().to(device="cpu", dtype=dtype).contiguous().reshape(-1)
        handle.write(flat.view(torch.uint8).numpy().data)


def parse_json(data: bytes | str, *, offset: int | None = None) -> object:
    """Parse JSON that a stranger may have written: no repeated names, no NaN, no infinity, not too deep."""
    try:
        # Bytes are UTF-8: left to itself, json takes some for UTF-16 or UTF-32.
        text = data if isinstance(data, str) else data.decode("utf-8")
        value: object = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except RecursionError:
        raise CheckpointError(Kind.LIMIT, "JSON nested too deep", offset) from None
    except ValueError:  # malformed, not UTF-8, or a number of thousands of digits
        raise CheckpointError(Kind.BAD_STRUCTURE, "the JSON text is damaged", offset) from None
    _check_depth(value, offset)
    return value


def _check_depth(value: object, offset: int | None) -> None:
    """Refuse what those who print or write it again, one call a level, could not."""
    level: list[object] = [value]
    for _ in range(_MAX_DEPTH):
        below = (
            x.values() if isinstance(x, dict) else x for x in level if isinstance(x, (dict, list))
        )
        level = [child for children in below for child in children]
    if level:
        raise CheckpointError(Kind.LIMIT, f"JSON nested deeper than {_MAX_DEPTH}", offset)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _facts(name: str, facts: object) -> tuple[str, tuple[int, ...], int, int]:
    if not isinstance(facts, dict) or set(facts) != {"dtype", "shape", "data_offsets"}:
        raise _bad(f"the header of {shown(name)} is damaged")
    tag = _TAGS.get(facts["dtype"]) if isinstance(facts["dtype"], str) else None
    if tag is None:
        raise CheckpointError(Kind.UNSUPPORTED, f"{shown(name)} has a dtype steerx does not read")
    shape, place = facts["shape"], facts["data_offsets"]
    if not _numbers(shape) or len(shape) > MAX_DIMS or not _numbers(place) or len(place) != 2:
        raise _bad(f"the header of {shown(name)} is damaged")
    return tag, tuple(shape), place[0], place[1]


def _check_spans(spans: list[tuple[int, int]], length: int) -> None:
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise _bad(f"tensors overlap or leave a hole at byte {at} of the data")
        at = end
    if at > length:
        raise CheckpointError(Kind.TRUNCATED, f"tensors need {at} bytes, {length} are there")
    if at < length:
        raise _bad(f"{length - at} bytes follow the last tensor")


def _row_major(shape: Sequence[int]) -> tuple[int, ...]:
    stride = [1] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        stride[i] = stride[i + 1] * shape[i + 1]
    return tuple(stride)


def _numbers(value: object) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 48 for n in value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name is repeated")
    return result


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is not a JSON number")


def _bad(what: str) -> CheckpointError:
    return CheckpointError(Kind.BAD_STRUCTURE, what)
