"""Each name of the table becomes what it should, and refuses what no real file holds."""

from __future__ import annotations

import argparse
import hashlib
import pickle
import struct
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch

from steerx.checkpoints.budget import Budget
from steerx.checkpoints.builders import ALLOWED
from steerx.checkpoints.cursor import Cursor
from steerx.checkpoints.errors import CheckpointError, Kind
from steerx.checkpoints.machine import Machine
from steerx.checkpoints.records import Array, Network, Storage, TensorRecord
from steerx.checkpoints.source import MemorySource
from steerx.checkpoints.torch_stream import NestedStreams
from tests.checkpoints.writers import EASY_DICT, STUB, Call, Name, Raw, dumps, persistent

ARRAY = Name("numpy.core.multiarray", "_reconstruct")
NDARRAY = Name("numpy", "ndarray")


def run(data: bytes) -> Any:
    budget, digests = Budget(len(data)), {}
    cursor = Cursor(MemorySource(data, origin=0))
    nested = NestedStreams(budget, digests)
    return Machine(cursor, budget, digests=digests, nested=nested).run()


def refused(value: Any, protocol: int = 4) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        run(dumps(value, protocol))
    return caught.value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_dicts_sets_and_settings_become_plain(protocol: int) -> None:
    value = {
        "ordered": OrderedDict([("b", 1), ("a", 2)]),
        "set": {1, 2, "x"},
        "args": argparse.Namespace(size=4, name="n"),
        "easy": Call(EASY_DICT, (), items={"x": 1}, new=True),
        "pairs": Call(Name("collections", "OrderedDict"), ([["k", 1], ("l", 2)],)),
        "bytes": b"\xff\x00a",
    }
    found = run(dumps(value, protocol))
    assert dict(found["ordered"]) == {"b": 1, "a": 2} and list(found["ordered"]) == ["b", "a"]
    assert found["set"] == {1, 2, "x"} and found["bytes"] == b"\xff\x00a"
    assert dict(found["args"]) == {"size": 4, "name": "n"}
    assert found["easy"] == {"x": 1} and dict(found["pairs"]) == {"k": 1, "l": 2}


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("code", ["f2", "f4", "f8", "i1", "i4", "i8", "u1", "u8", "b1"])
def test_numpy_numbers_and_arrays(protocol: int, code: str) -> None:
    numbers = np.array([[0, 1, 1], [1, 0, 1]], dtype=code)
    # protocol 2 writes empty bytes through a name that no real file was seen to use
    for array in (numbers, np.asfortranarray(numbers), *([numbers[:0]] if protocol > 2 else [])):
        found = run(pickle.dumps(array, protocol))
        assert isinstance(found, Array) and found.shape == array.shape
        assert found.dtype == ("bool" if code == "b1" else code)
        assert found.fortran == (array is not numbers and array.size > 0)
        order = "F" if found.fortran else "C"
        assert isinstance(found.data, bytes) and found.data == array.tobytes(order)
    number = run(pickle.dumps(numbers[0, 1], protocol))
    assert number == 1 and type(number) in (int, float, bool)


@pytest.mark.parametrize(
    "array",
    [
        np.array([1.0], dtype=">f4"),
        np.array([1j]),
        np.array(["text"]),
        np.array([b"x"]),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]),
        np.array([None], dtype=object),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.array([1.0], dtype=np.longdouble),
    ],
    ids=["big-endian", "complex", "text", "bytes", "structured", "object", "date", "long-double"],
)
def test_other_numpy_types_are_refused(array: Any) -> None:
    assert refused(array).kind == Kind.BAD_STRUCTURE


@pytest.mark.parametrize(
    "state",
    [
        (1, (2**40,), np.dtype("f4"), False, b"1234"),
        (1, (-1,), np.dtype("f4"), False, b""),
        (1, (1,) * 9, np.dtype("f4"), False, b"1234"),
        (1, (1,), "f4", False, b"1234"),
        (1, (1,), np.dtype("f4"), 0, b"1234"),
        (1, (1,), np.dtype("f4"), False, ["x"]),
        (1, (1,), np.dtype("f4"), False, "x" * 70_000),
        (1, (1,), np.dtype("f4"), False),
        {"shape": (1,)},
    ],
)
def test_arrays_that_lie_are_refused(state: Any) -> None:
    error = refused(Call(ARRAY, (NDARRAY, (0,), b"b"), state=state))
    assert error.kind == Kind.BAD_STRUCTURE


def test_a_record_takes_its_state_once() -> None:
    state = (1, (1,), np.dtype("f4"), False, b"1234")
    twice = Call(ARRAY, (NDARRAY, (0,), b"b"), state=state)
    assert run(dumps(twice, 4)).shape == (1,)
    stated = Raw(dumps(state, 4)[11:-1] + pickle.BUILD)  # behind PROTO and FRAME, without STOP
    assert refused([twice, stated]).what == "a value of type Array cannot take this state"


def test_persistent_objects_keep_a_digest_of_their_source() -> None:
    found = run(dumps(persistent({"x": 1}), 4))
    assert isinstance(found, Network)
    assert found.sha256 == hashlib.sha256(STUB.encode()).hexdigest()
    assert (found.class_name, found.version, found.state) == ("Generator", 6, {"x": 1})


@pytest.mark.parametrize(
    "change",
    [{"type": "function"}, {"class_name": 3}, {"version": "6"}, {"state": []}, {"module_src": b""}],
)
def test_damaged_persistent_objects_are_refused(change: dict[str, Any]) -> None:
    call = persistent({})
    damaged = Call(call.function, ({**call.arguments[0], **change},))
    assert refused(damaged).kind == Kind.BAD_STRUCTURE
    assert refused(Call(call.function, (*call.arguments, 1))).kind == Kind.BAD_STRUCTURE


@pytest.mark.parametrize("protocol", [2, 4])
def test_tensors_keep_their_place_in_the_file(protocol: int) -> None:
    whole = torch.arange(12.0)
    value = {"a": whole.view(3, 4)[1:, ::2], "p": torch.nn.Parameter(whole[:2])}
    found = run(dumps(value, protocol))
    record = found["a"]
    assert isinstance(record, TensorRecord) and isinstance(record.storage, Storage)
    assert (record.offset, record.shape, record.stride) == (4, (2, 2), (4, 2))
    source, start = record.storage.source, record.storage.start
    assert source is not None
    assert source.read(start, 48) == struct.pack("<12f", *range(12))
    assert found["p"].shape == (2,)


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("torch._utils", "_rebuild_tensor_v2", (1, 0, (), (), False, None)),
        ("torch._utils", "_rebuild_tensor_v2", ()),
        ("torch._utils", "_rebuild_tensor", (1, 2)),
        ("torch._utils", "_rebuild_parameter", (1, True, None)),
        ("torch.storage", "_load_from_bytes", ("text",)),
        ("torch.storage", "_load_from_bytes", (b"",)),
        ("builtins", "set", ((1, 2),)),
        ("builtins", "set", ([[]],)),
        ("collections", "OrderedDict", ([1],)),
        ("collections", "OrderedDict", ({},)),
        ("_codecs", "encode", ("é", "utf-8")),
        ("_codecs", "encode", ("\u2603", "latin1")),
        ("_codecs", "encode", (b"", "latin1")),
        ("numpy", "dtype", ("V8", False, True)),
        ("numpy", "dtype", (b"f4",)),
        ("numpy.core.multiarray", "scalar", (np.dtype("f4"), b"123")),
        ("numpy.core.multiarray", "scalar", (1, b"1234")),
        ("numpy.core.multiarray", "_reconstruct", (1, (0,), b"b")),
        ("numpy", "ndarray", ()),
        ("torch", "FloatStorage", ()),
    ],
)
def test_wrong_arguments_are_refused(module: str, name: str, arguments: tuple[Any, ...]) -> None:
    error = refused(Call(Name(module, name), arguments))
    assert error.kind in (Kind.BAD_STRUCTURE, Kind.BAD_TENSOR, Kind.TRUNCATED)


def test_the_table_holds_the_names_of_real_files_and_no_other() -> None:
    kinds = ("Half", "BFloat16", "Float", "Double", "Char", "Short", "Int", "Long", "Byte", "Bool")
    storages = {(m, f"{kind}Storage") for m in ("torch", "torch.cuda") for kind in kinds}
    others = {
        ("torch_utils.persistence", "_reconstruct_persistent_obj"),
        ("dnnlib.util", "EasyDict"),
        ("collections", "OrderedDict"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_tensor"),
        ("torch._utils", "_rebuild_parameter"),
        ("torch.storage", "_load_from_bytes"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("builtins", "set"),
        ("__builtin__", "set"),
        ("_codecs", "encode"),
        ("argparse", "Namespace"),
        ("dnnlib.tflib.network", "Network"),
        ("tfutil", "Network"),
    }
    assert storages | others == ALLOWED
