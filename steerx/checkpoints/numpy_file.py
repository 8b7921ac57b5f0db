"""Arrays of numbers in `.npy` and `.npz` files, read as data: no pickles, no mapping, no surprise.

A `.npy` file is a magic number, the length of a header, the header (text like a Python dict) and
the numbers. A `.npz` file is a zip archive of such files. Every size that a file announces is
compared with what is there, and with a limit, before memory is taken for it.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from steerx.checkpoints.archive import DEFLATED, STORED, read_entries
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.member import Member
from steerx.checkpoints.source import FileSource, Source

NPY_LIMIT = 2 << 30
NPZ_LIMIT = 64 << 20
MAX_HEADER_BYTES = 10_000
MAX_DIMS = 8
_MAGIC = b"\x93NUMPY"
_LENGTHS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}
# Each part consumes at least one character and no two can begin alike: matching is linear.
_ENTRY = r"\s*'(?:descr'\s*:\s*'[^']*'|fortran_order'\s*:\s*\w+|shape'\s*:\s*\([\dL, ]*\))\s*"
_HEADER = re.compile(rf"\s*\{{{_ENTRY},{_ENTRY},{_ENTRY}(?:,\s*)?\}}\s*")
_PAIR = re.compile(r"'(descr|fortran_order|shape)'\s*:\s*(?:'([^']*)'|(\w+)|\(([\dL, ]*)\))")
_DTYPE = re.compile(r"(?:[<|]([iub]1)|<([iu][248]|f[248]))")
_SIZE = re.compile(r" *(\d{1,15})L? *")  # Python 2 wrote 3L
_CHUNK = 1 << 20
_MAX_DIRECTORY_BYTES = 1 << 20  # of 20,000 arrays


def read_npy(path: str | os.PathLike[str], *, limit_bytes: int = NPY_LIMIT) -> NDArray[Any]:
    """The array of a `.npy` file, in memory of its own.

    Args:
        path: a regular file that holds one array of integers, booleans or floats, little-endian.
        limit_bytes: largest array that is read.

    Raises:
        CheckpointError: `bad-structure`, `truncated`, `limit`, or `unsupported` (objects, text,
            big-endian numbers, anything but a regular file).
        OSError: the file cannot be opened or read.
    """
    with FileSource(path) as source:
        array = _array(_Reader(source), source.size, limit_bytes, "the array")
        source.check_unchanged()
    return array


def read_npz(
    path: str | os.PathLike[str], names: Sequence[str], *, limit_bytes: int = NPZ_LIMIT
) -> dict[str, NDArray[Any]]:
    """Those of the named arrays that a `.npz` archive holds; all others stay unread.

    Args:
        path: a regular file, as `numpy.savez` or `numpy.savez_compressed` writes it.
        names: of the arrays, without `.npy`.
        limit_bytes: largest sum of the arrays that are read.

    Raises:
        CheckpointError: as `read_npy`, and `bad-archive`.
        OSError: the file cannot be opened or read.
    """
    with FileSource(path) as source:
        entries = read_entries(source, methods=(STORED, DEFLATED), most_bytes=_MAX_DIRECTORY_BYTES)
        arrays: dict[str, NDArray[Any]] = {}
        for name in dict.fromkeys(names):
            entry = entries.get(f"{name}.npy")
            if entry is not None:
                arrays[name] = _array(Member(source, entry), entry.size, limit_bytes, shown(name))
                limit_bytes -= arrays[name].nbytes
        source.check_unchanged()
    return arrays


def npz_names(path: str | os.PathLike[str]) -> list[str]:
    """Names of the arrays of a `.npz` archive, in order; nothing else is read.

    Raises:
        CheckpointError: `bad-archive`, or not a regular file.
        OSError: the file cannot be opened or read.
    """
    with FileSource(path) as source:
        present = read_entries(source, methods=(STORED, DEFLATED), most_bytes=_MAX_DIRECTORY_BYTES)
        return [name.removesuffix(".npy") for name in present if name.endswith(".npy")]


def write_npy(handle: BinaryIO, tensor: Tensor) -> None:
    """Write a tensor of numbers as a `.npy` file."""
    np.save(handle, tensor.detach().cpu().contiguous().numpy(), allow_pickle=False)


class _Stream(Protocol):
    """What is read from its beginning to its end."""

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""


class _Reader:
    """A whole source, from its beginning."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        data = self._source.read(self._at, min(size, self._source.size - self._at))
        self._at += len(data)
        return data


def _array(stream: _Stream, size: int, limit: int, name: str) -> NDArray[Any]:
    """The array of a `.npy` stream that announces `size` bytes, checked before it is allocated."""
    start = _exactly(stream, 8, name)
    layout = _LENGTHS.get((start[6], start[7]))
    if start[:6] != _MAGIC or layout is None:
        raise CheckpointError(Kind.BAD_STRUCTURE, f"{name} is not in the .npy format")
    length_bytes = _exactly(stream, struct.calcsize(layout), name)
    (length,) = struct.unpack(layout, length_bytes)
    if length > MAX_HEADER_BYTES:
        raise CheckpointError(Kind.LIMIT, f"{name} has a header of {length} bytes")
    dtype, fortran, shape = _facts(_exactly(stream, length, name), name)
    # A size of 0 makes an array empty, and numpy counts the other sizes all the same.
    if math.prod(max(n, 1) for n in shape) * dtype.itemsize > limit:
        raise CheckpointError(Kind.LIMIT, f"{name} of shape {shape} is larger than {limit} bytes")
    needed = math.prod(shape) * dtype.itemsize
    there = size - len(start) - len(length_bytes) - length
    if needed > there:
        raise CheckpointError(Kind.TRUNCATED, f"{name} needs {needed} bytes, {there} are there")
    if needed < there:
        raise CheckpointError(Kind.BAD_STRUCTURE, f"{there - needed} bytes follow {name}")
    flat = np.empty(math.prod(shape), dtype)
    buffer = flat.view(np.uint8)
    for at in range(0, needed, _CHUNK):
        part = buffer[at : at + _CHUNK]
        part[:] = np.frombuffer(_exactly(stream, len(part), name), np.uint8)
    stream.read(1)  # the end of a packed entry is where its sum is compared
    if dtype == np.bool_:
        flat = buffer != 0  # a byte that is neither 0 nor 1 is no bool to numpy
    return flat.reshape(shape, order="F" if fortran else "C")


def _facts(header: bytes, name: str) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """Dtype, order and shape of a header, which is read as text and never evaluated."""
    try:
        text = header.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    found = {key: word for key, *words in _PAIR.findall(text) for word in [max(words)]}
    if not _HEADER.fullmatch(text) or len(found) != 3:
        if re.search(r"'descr'\s*:\s*\[", text):
            raise CheckpointError(Kind.UNSUPPORTED, f"{name} holds records, not numbers")
        raise CheckpointError(Kind.BAD_STRUCTURE, f"the header of {name} is damaged")
    kind = _DTYPE.fullmatch(found["descr"])
    if kind is None:
        raise CheckpointError(
            Kind.UNSUPPORTED,
            f"{name} holds {shown(found['descr'])}; save little-endian numbers, such as float32",
        )
    sizes = [part for part in found["shape"].split(",") if part.strip()]
    matches = [_SIZE.fullmatch(part) for part in sizes]
    order = found["fortran_order"]
    if not all(matches) or order not in ("True", "False"):
        raise CheckpointError(Kind.BAD_STRUCTURE, f"the header of {name} is damaged")
    if len(sizes) > MAX_DIMS:
        raise CheckpointError(Kind.LIMIT, f"{name} has {len(sizes)} dimensions")
    shape = tuple(int(match[1]) for match in matches if match)
    return np.dtype(f"<{kind[1] or kind[2]}"), order == "True", shape


def _exactly(stream: _Stream, size: int, name: str) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise CheckpointError(Kind.TRUNCATED, f"{name} ends in the middle")
    return data
