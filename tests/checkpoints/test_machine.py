"""The machine agrees with Python's unpickler on plain data, and refuses every other opcode."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steerx.checkpoints.budget import Budget
from steerx.checkpoints.cursor import Cursor
from steerx.checkpoints.errors import CheckpointError, Kind
from steerx.checkpoints.machine import Machine
from steerx.checkpoints.source import FileSource, MemorySource

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**100), 2**100)
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
)
KEYS = st.none() | st.booleans() | st.integers(-(2**31) + 1, 2**31 - 1) | st.text(max_size=40)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=5)
        | st.sets(KEYS, max_size=4)
    ),
    max_leaves=20,
)


def run(data: bytes) -> Any:
    machine = Machine(Cursor(MemorySource(data, origin=0)), Budget(len(data)), digests={})
    return machine.run()


@settings(max_examples=150, deadline=None)
@given(value=PLAIN, protocol=st.sampled_from([2, 3, 4, 5]))
def test_plain_data_are_what_they_were(value: Any, protocol: int) -> None:
    assert run(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_bytes_and_shared_values(protocol: int) -> None:
    shared = ["x"]
    value = {"a": b"\x00\xff" * 100, "b": shared, "c": shared}
    found = run(pickle.dumps(value, protocol))
    assert found == value and found["b"] is found["c"]


OPCODES = {  # name -> code
    name: value[0]
    for name, value in vars(pickle).items()
    if name.isupper() and isinstance(value, bytes) and len(value) == 1
}
ACCEPTED = {
    *(
        [
            "PROTO",
            "FRAME",
            "STOP",
            "MARK",
            "MEMOIZE",
            "BINPUT",
            "LONG_BINPUT",
            "BINGET",
            "LONG_BINGET",
        ]
    ),
    *(["SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"]),
    *(
        [
            "SHORT_BINSTRING",
            "NONE",
            "NEWTRUE",
            "NEWFALSE",
            "BININT",
            "BININT1",
            "BININT2",
            "LONG1",
            "BINFLOAT",
        ]
    ),
    *(
        [
            "EMPTY_DICT",
            "EMPTY_LIST",
            "EMPTY_SET",
            "EMPTY_TUPLE",
            "TUPLE",
            "TUPLE1",
            "TUPLE2",
            "TUPLE3",
        ]
    ),
    *(["SETITEM", "SETITEMS", "APPEND", "APPENDS", "ADDITEMS", "GLOBAL", "STACK_GLOBAL"]),
    *(["REDUCE", "NEWOBJ", "BUILD", "BINPERSID"]),
}


def test_the_accepted_opcodes_are_opcodes() -> None:
    assert ACCEPTED - set(OPCODES) == set()
    assert len(set(OPCODES) - ACCEPTED) > 20


def test_every_other_opcode_is_refused() -> None:
    for code in set(range(256)) - {OPCODES[name] for name in ACCEPTED}:
        with pytest.raises(CheckpointError, match=f"opcode 0x{code:02x}") as caught:
            run(b"\x80\x04NN(" + bytes([code]) + b"x\nx\n.")
        assert caught.value.kind == Kind.BAD_OPCODE


def test_an_error_says_at_which_byte_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x04NN(0.")
    with FileSource(path) as source, pytest.raises(CheckpointError, match=r"POP.* \(at byte 5\)"):
        Machine(Cursor(source), Budget(7), digests={}).run()


@pytest.mark.parametrize("name", ["PROTO", "BINPERSID"])
def test_opcodes_that_belong_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        run(b"\x80\x04N" + bytes([OPCODES[name]]) + b"\x04.")
    assert caught.value.kind == Kind.BAD_OPCODE


@pytest.mark.parametrize(
    "code",
    [
        b".",
        b"NN.",
        b"(N.",
        b"t.",
        b"N(\x85.",
        b"(N(s.",
        b"}(Nu.",
        b"Na.",
        b"N(Ne.",
        b"](Nu.",
        b"N(N\x90.",
        b"h\x00.",
        b"NN\x93.",
        b"X\x01\x00\x00\x00\xff.",
        b"U\x01\xff.",
        b"cnumpy\xff\ndtype\n.",
        b"NR.",
        b"N)R.",
        b"N)\x81.",
        b"NNb.",
        b"}Nb.",
        b"}}b.",
    ],
)
def test_broken_programs_are_bad_structure(code: bytes) -> None:
    with pytest.raises(CheckpointError) as caught:
        run(b"\x80\x04" + code)
    assert caught.value.kind == Kind.BAD_STRUCTURE


def test_errors_say_where() -> None:
    error = CheckpointError(Kind.LIMIT, "too much", 1234)
    assert str(error) == "limit: too much (at byte 1234)"
    assert str(CheckpointError(Kind.LIMIT, "too much")) == "limit: too much"
    assert pickle.loads(pickle.dumps(error)).kind is Kind.LIMIT
