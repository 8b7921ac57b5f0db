"""Arrays of numpy that lie: `.npy` and `.npz` files, and the records in pickles."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from tests.checkpoints import hostile
from tests.checkpoints.corpus import Attack
from tests.checkpoints.corpus.archives import zipped
from tests.checkpoints.writers import Call, Name, dumps

_FOUR = struct.pack("<4f", 1, 2, 3, 4)
_HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }"
_NDARRAY = Name("numpy", "ndarray")


def attacks() -> Iterator[Attack]:
    """Files of arrays, alone and in archives; then arrays in pickles and in torch archives."""
    for name, data in files():
        yield Attack(f"array@npy@{name}", data)
        yield Attack(f"array@npz@{name}", zipped(("w.npy", data)))
    for name, value in records():
        yield Attack(f"array@pickle@{name}", dumps({"G_ema": value}, 4))
        yield Attack(f"array@zip@{name}", hostile.zipped(dumps({"g_ema": value}, 2)))
        yield Attack(f"array@legacy@{name}", hostile.legacy({"g_ema": value}, (), b""))


def npy(header: str, data: bytes = _FOUR, version: tuple[int, int] = (1, 0)) -> bytes:
    """A `.npy` file with this header."""
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


def files() -> Iterator[tuple[str, bytes]]:
    """What the header may say that the numbers do not bear out."""
    for name, shape in (
        ("huge", "(1000000000000,)"),
        ("overflow", "(4294967296, 4294967296, 4)"),
        ("wide", "(99999999999999999999,)"),
        ("empty-and-huge", "(0, 1000000000000)"),
        ("more", "(5,)"),
        ("less", "(3,)"),
        ("negative", "(-4,)"),
        ("float", "(4.0,)"),
        ("text", "('4',)"),
        ("call", "(exit(),)"),
        ("ndim-9", "(1,1,1,1,1,1,1,1,4)"),
        ("ndim-many", "(" + "1," * 500 + ")"),
        ("list", "[4]"),
    ):
        yield f"shape-{name}", npy(_HEADER.replace("(4,)", shape))
    for kind in ("|O", "|O8", ">f4", "<c8", "|S16", "<U4", "|V16", "<M8[s]", "<f16", "<f3", "x"):
        yield f"dtype-{kind.strip('|<>')}-{ord(kind[0])}", npy(_HEADER.replace("<f4", kind))
    records = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }"
    yield "dtype-records", npy(records)
    yield "order", npy(_HEADER.replace("False", "Maybe"))
    yield (
        "code",
        npy("{'descr': __import__('os').mkdir('x'), 'fortran_order': False, 'shape': (4,)}"),
    )
    yield "missing", npy("{'descr': '<f4', 'shape': (4,), }")
    yield "twice", npy("{'descr': '<f4', 'descr': '<f4', 'shape': (4,), }")
    yield "surplus", npy(_HEADER[:-1] + " 'x': 1}")
    yield "not-ascii", npy(_HEADER.replace("f4", "f\u0664"))
    yield "quadratic", npy("{'descr': '<f4', 'shape': (" + " " * 9_000)
    yield "header-long", npy(_HEADER + " " * 20_000)
    yield "header-cut", npy(_HEADER)[:30]
    yield "header-lie", npy(_HEADER)[:8] + b"\xff\xff" + npy(_HEADER)[10:]
    yield "header-lie-4", npy(_HEADER, version=(2, 0))[:8] + b"\xff" * 4 + npy(_HEADER)[12:]
    yield "version", npy(_HEADER, version=(4, 0))
    yield "magic", b"\x93NUMPX" + npy(_HEADER)[6:]
    yield "cut", npy(_HEADER)[:-1]
    yield "longer", npy(_HEADER) + b"\0"
    yield "alone", b"\x93NUMPY"
    yield "pickled", b"\x80\x04N."


def array(**changes: Any) -> Call:
    """An array of a pickle, as numpy writes it, with parts of its state changed."""
    state = {"version": 1, "shape": (4,), "dtype": dtype(), "order": False, "data": _FOUR}
    made = Call(
        Name("numpy.core.multiarray", "_reconstruct"),
        (_NDARRAY, (0,), b"b"),
        state=tuple((state | changes).values()),
    )
    return made


def dtype(code: Any = "f4", state: Any = (3, "<", None, None, None, -1, -1, 0)) -> Call:
    """A dtype of a pickle."""
    return Call(Name("numpy", "dtype"), (code, False, True), state=state)


def records() -> Iterator[tuple[str, Any]]:
    """Arrays, dtypes and numbers whose state is wrong."""
    for name, shape in (
        ("huge", (2**40,)),
        ("overflow", (2**32, 2**32, 4)),
        ("wide", (2**63,)),
        ("negative", (-4,)),
        ("more", (5,)),
        ("less", (3,)),
        ("float", (4.0,)),
        ("ndim-9", (1,) * 8 + (4,)),
        ("list", [4]),
    ):
        yield f"shape-{name}", array(shape=shape)
    for name, changes in {
        "no-dtype": {"dtype": None},
        "text-dtype": {"dtype": "f4"},
        "order": {"order": 1},
        "text-data": {"data": "abcd"},
        "long-text-data": {"data": "a" * 70_000},
        "no-data": {"data": None},
        "list-data": {"data": [1.0]},
        "surplus": {"more": 1},
    }.items():
        yield f"state-{name}", array(**changes)
    yield (
        "state-none",
        Call(Name("numpy.core.multiarray", "_reconstruct"), (_NDARRAY, (0,), b"b"), state=1),
    )
    for code in ("O8", "O", "V4", "S4", "U1", "c8", "M8", ">f4", "f16", "f3", "", 4, None):
        yield f"dtype-{code}", array(dtype=dtype(code))
    for name, state in {
        "big-endian": (3, ">", None, None, None, -1, -1, 0),
        "subdtype": (3, "<", ("f4", (2,)), None, None, -1, -1, 0),
        "names": (3, "<", None, ("a",), {}, -1, -1, 0),
        "short": (3, "<"),
        "list": [3, "<", None, None, None],
        "none": None,
        "metadata": (4, "<", None, None, None, -1, -1, 0, {}, {}),
    }.items():
        if state is not None:
            yield f"dtype-state-{name}", array(dtype=dtype(state=state))
    yield (
        "class",
        Call(Name("numpy._core.multiarray", "_reconstruct"), (Name("numpy", "dtype"), (0,), b"b")),
    )
    yield "class-text", Call(Name("numpy.core.multiarray", "_reconstruct"), ("ndarray", (0,), b"b"))
    yield "class-few", Call(Name("numpy.core.multiarray", "_reconstruct"), (_NDARRAY,))
    scalar = Name("numpy.core.multiarray", "scalar")
    yield "number-long", Call(scalar, (dtype(), _FOUR))
    yield "number-empty", Call(scalar, (dtype(), b""))
    yield "number-text", Call(scalar, (dtype(), "abcd"))
    yield "number-no-dtype", Call(scalar, ("f4", b"abcd"))
    yield "number-few", Call(scalar, (dtype(),))
    yield "number-object", Call(scalar, (dtype("O8"), b"abcdefgh"))
