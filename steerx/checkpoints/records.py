"""The inert values a file may hold besides plain data; none of them can do anything."""

from __future__ import annotations

from dataclasses import dataclass, field

from steerx.checkpoints.source import Source

ITEM_BYTES = {
    "f2": 2,
    "bf16": 2,
    "f4": 4,
    "f8": 8,
    "i1": 1,
    "i2": 2,
    "i4": 4,
    "i8": 8,
    "u1": 1,
    "u2": 2,
    "u4": 4,
    "u8": 8,
    "bool": 1,
}


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A name the file asked for; it is compared with a table and never looked up anywhere else."""

    module: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """Module and name as two strings: joined, they could be split in two ways."""
        return self.module, self.name


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Bytes (or text, when `text`) of the file too long to read before somebody needs them."""

    source: Source
    start: int
    length: int
    text: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class LatinBytes:
    """Bytes behind a long text."""

    text: Slice


class OrderedPairs(dict[object, object]):
    """What `collections.OrderedDict` became: a dict that may also carry (ignored) metadata."""


class Settings(dict[object, object]):
    """What an `argparse.Namespace` became."""


@dataclass(slots=True, eq=False)
class Dtype:
    """A numeric, little-endian numpy dtype, by its tag."""

    tag: str
    built: bool = False


@dataclass(slots=True, eq=False)
class Array:
    """A numpy array of numbers.

    Attributes:
        dtype: tag in `ITEM_BYTES`.
        shape: sizes.
        data: the bytes, in row-major order unless `fortran`.
    """

    dtype: str = "u1"
    shape: tuple[int, ...] = (0,)
    data: bytes | Slice | LatinBytes = b""
    fortran: bool = False
    built: bool = False


@dataclass(slots=True, eq=False)
class Storage:
    """A run of numbers that tensors point into.

    Attributes:
        key: its name in the stream.
        dtype: tag in `ITEM_BYTES`.
        numel: how many numbers.
        source: where the bytes are, None until that part of the stream has been reached.
        start: place of the first byte in `source`.
    """

    key: str
    dtype: str
    numel: int
    source: Source | None = None
    start: int = 0

    @property
    def nbytes(self) -> int:
        """Length in bytes."""
        return self.numel * ITEM_BYTES[self.dtype]


@dataclass(frozen=True, slots=True, eq=False)
class TensorRecord:
    """A tensor that was checked to lie inside its storage, and was not loaded.

    Attributes:
        storage: the numbers.
        offset: first element, in elements.
        shape: sizes.
        stride: steps in elements.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A persistent object of the NVlabs format: its attributes, and the digest of source never run.

    Attributes:
        class_name: name of the class in that source.
        sha256: hex digest of the source text.
        version: of the format; 6 in all known files.
        state: the module's attribute dict.
    """

    class_name: str
    sha256: str
    version: int
    state: dict[object, object] = field(repr=False)


@dataclass(slots=True, eq=False)
class VariableSet:
    """What a network of the TensorFlow era became: its attribute dict, with its variables as arrays.

    Attributes:
        state: name, settings, components and variables; empty until it is built.
    """

    state: dict[object, object] = field(default_factory=dict, repr=False)
