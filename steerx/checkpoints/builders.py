"""The table of names a checkpoint may use, and what each becomes: plain data or an inert record.

A name enters the table only with a real file that needs it, a test, and a builder without effects.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeGuard

import numpy as np

from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.records import (
    ITEM_BYTES,
    Array,
    Dtype,
    Global,
    LatinBytes,
    Network,
    OrderedPairs,
    Settings,
    Slice,
    Storage,
    TensorRecord,
    VariableSet,
)

if TYPE_CHECKING:
    from steerx.checkpoints.machine import Machine

Builder = Callable[["Machine", tuple[object, ...]], object]
MAX_TENSOR_DIMS = 8
TF_NETWORKS = {("dnnlib.tflib.network", "Network"), ("tfutil", "Network")}  # StyleGAN, PGGAN
_NUMPY_TAGS = {
    **{f"{kind}{size}": f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)},
    **{f"f{size}": f"f{size}" for size in (2, 4, 8)},
    "b1": "bool",
}
_NUMPY_CODES = {tag: code for code, tag in _NUMPY_TAGS.items()}


def reduce(machine: Machine, function: object, arguments: object) -> object:
    """What the file wants as `function(*arguments)`, built from the table."""
    builder = _REDUCE.get(function.key) if isinstance(function, Global) else None
    if builder is None or type(arguments) is not tuple:
        _bad(machine, f"{_named(function)} cannot be called")
    return builder(machine, arguments)


def new_object(machine: Machine, cls: object, arguments: object) -> object:
    """What the file wants as an empty instance of `cls`."""
    if not isinstance(cls, Global) or arguments != () or type(arguments) is not tuple:
        _bad(machine, f"{_named(cls)} cannot be made")
    if cls.key == ("dnnlib.util", "EasyDict"):
        return {}
    if cls.key == ("argparse", "Namespace"):
        return Settings()
    if cls.key in TF_NETWORKS:
        return VariableSet()
    _bad(machine, f"{_named(cls)} cannot be made")


def build(machine: Machine, target: object, state: object) -> None:
    """Give a record the state the file holds for it."""
    if isinstance(target, Dtype) and not target.built:
        _set_dtype(machine, target, state)
    elif isinstance(target, Array) and not target.built:
        _set_array(machine, target, state)
    elif isinstance(target, Settings) and type(state) is dict and not target:
        machine.budget.spend("set members and dict items", len(state), offset=machine.offset)
        target.update(state)
    elif isinstance(target, VariableSet) and type(state) is dict and state and not target.state:
        _digest(machine, state.get("build_module_src"))
        target.state = state
    elif (
        isinstance(target, OrderedPairs)
        and type(state) is dict
        and (not state or (len(state) == 1 and "_metadata" in state))
    ):
        return  # versions of module classes, which torch hangs on a state dict
    else:
        _bad(machine, f"a value of type {type(target).__name__} cannot take this state")


def _persistent(machine: Machine, arguments: tuple[object, ...]) -> object:
    meta = arguments[0] if len(arguments) == 1 else None
    if type(meta) is not dict or meta.get("type") != "class":
        _bad(machine, "a persistent object is not one dict of type 'class'")
    name, version, state = meta.get("class_name"), meta.get("version"), meta.get("state")
    if type(name) is not str or len(name) > 512 or type(version) is not int:
        _bad(machine, "a persistent object without class name or version")
    if type(state) is not dict:
        _bad(machine, f"the persistent object {shown(name)} has no state")
    return Network(name, _digest(machine, meta.get("module_src")), version, state)


def _digest(machine: Machine, text: object) -> str:
    """Digest of a source text; each is hashed once, so all of them cost no more than the file has bytes."""
    if isinstance(text, Slice) and text.text:
        key: object = (id(text.source), text.start, text.length)
    elif type(text) is str:
        key = text
    else:
        _bad(machine, "the source of a persistent object is not text")
    known = machine.digests.get(key)
    if known is None:
        digest = hashlib.sha256()
        if isinstance(text, Slice):
            digest.update(text.source.read(text.start, text.length))
        else:
            digest.update(text.encode())
        known = machine.digests[key] = digest.hexdigest()
    return known


def _ordered(machine: Machine, arguments: tuple[object, ...]) -> object:
    result = OrderedPairs()
    if not arguments:
        return result
    pairs = arguments[0] if len(arguments) == 1 else None
    if type(pairs) is not list:
        _bad(machine, "an OrderedDict is not made from one list of pairs")
    machine.budget.spend("set members and dict items", len(pairs), offset=machine.offset)
    for pair in pairs:
        if type(pair) not in (list, tuple) or len(pair) != 2:
            _bad(machine, "an OrderedDict is not made from one list of pairs")
        result[machine.key(pair[0])] = pair[1]
    return result


def _set(machine: Machine, arguments: tuple[object, ...]) -> object:
    items = arguments[0] if len(arguments) == 1 else None
    if type(items) is not list:
        _bad(machine, "a set is not made from one list")
    machine.budget.spend("set members and dict items", len(items), offset=machine.offset)
    return {machine.key(item) for item in items}


def _encode(machine: Machine, arguments: tuple[object, ...]) -> object:
    if len(arguments) != 2 or arguments[1] != "latin1":
        _bad(machine, "bytes written as text are not latin1")
    text = arguments[0]
    if isinstance(text, Slice) and text.text:
        return LatinBytes(text)
    if type(text) is not str:
        _bad(machine, "bytes written as text are not text")
    machine.budget.spend("work", len(text), offset=machine.offset)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        _bad(machine, "bytes written as text are not latin1")


def _nested(machine: Machine, arguments: tuple[object, ...]) -> object:
    if machine.nested is None:
        _bad(machine, "a torch stream inside a torch stream")
    data = arguments[0] if len(arguments) == 1 else None
    if type(data) is not bytes and not isinstance(data, (Slice, LatinBytes)):
        _bad(machine, "a nested torch stream is not bytes")
    if isinstance(data, Slice) and data.text:
        _bad(machine, "a nested torch stream is not bytes")
    return machine.nested(data, machine.offset)


def _tensor(machine: Machine, arguments: tuple[object, ...]) -> object:
    """`_rebuild_tensor(storage, offset, size, stride)`, bounds checked at once."""
    storage, offset, shape, stride = arguments[:4] if len(arguments) >= 4 else (None,) * 4
    if not isinstance(storage, Storage):
        _bad(machine, "a tensor without a storage", Kind.BAD_TENSOR)
    if type(shape) is not tuple or type(stride) is not tuple or len(shape) != len(stride):
        _bad(machine, "a tensor whose size and stride do not fit", Kind.BAD_TENSOR)
    if len(shape) > MAX_TENSOR_DIMS:
        _bad(machine, f"a tensor with {len(shape)} dimensions", Kind.BAD_TENSOR)
    if not (_counts((offset,)) and type(offset) is int and _counts(shape) and _counts(stride)):
        _bad(machine, "a tensor with a size, stride or offset out of range", Kind.BAD_TENSOR)
    numel = math.prod(shape)
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    inside = last < storage.numel if numel else offset <= storage.numel
    if numel > storage.numel or not inside:
        _bad(machine, "a tensor that reaches outside its storage", Kind.BAD_TENSOR)
    machine.budget.add_tensor(numel * ITEM_BYTES[storage.dtype], offset=machine.offset)
    return TensorRecord(storage, offset, shape, stride)


def _tensor_v2(machine: Machine, arguments: tuple[object, ...]) -> object:
    """`_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])`."""
    if not 6 <= len(arguments) <= 7 or (len(arguments) == 7 and arguments[6] not in (None, {})):
        _bad(machine, "a tensor with unknown arguments", Kind.BAD_TENSOR)
    return _tensor(machine, arguments)


def _tensor_v1(machine: Machine, arguments: tuple[object, ...]) -> object:
    if len(arguments) != 4:
        _bad(machine, "a tensor with unknown arguments", Kind.BAD_TENSOR)
    return _tensor(machine, arguments)


def _parameter(machine: Machine, arguments: tuple[object, ...]) -> object:
    """`_rebuild_parameter(data, requires_grad, hooks)`: the tensor itself."""
    if len(arguments) != 3 or not isinstance(arguments[0], TensorRecord):
        _bad(machine, "a parameter without a tensor", Kind.BAD_TENSOR)
    return arguments[0]


def _dtype(machine: Machine, arguments: tuple[object, ...]) -> object:
    code = arguments[0] if len(arguments) in (1, 3) else None
    tag = _NUMPY_TAGS.get(code) if type(code) is str else None
    if tag is None:
        _bad(machine, "a numpy dtype that is not a plain number")
    return Dtype(tag)


def _set_dtype(machine: Machine, dtype: Dtype, state: object) -> None:
    """State (version, byte order, subdtype, names, fields, ...): little-endian, nothing nested."""
    if (
        type(state) is not tuple
        or not 5 <= len(state) <= 9
        or state[1] not in ("<", "|")
        or any(part is not None for part in state[2:5])
    ):
        _bad(machine, "a numpy dtype that is structured or not little-endian")
    dtype.built = True


def _number(machine: Machine, arguments: tuple[object, ...]) -> object:
    dtype, data = arguments if len(arguments) == 2 else (None, None)
    if not isinstance(dtype, Dtype) or type(data) is not bytes:
        _bad(machine, "a numpy number without a dtype and bytes")
    if len(data) != ITEM_BYTES[dtype.tag]:
        _bad(machine, f"a numpy number of {len(data)} bytes for {dtype.tag}")
    value: object = np.frombuffer(data, dtype="<" + _NUMPY_CODES[dtype.tag]).tolist()[0]
    return value


def _new_array(machine: Machine, arguments: tuple[object, ...]) -> object:
    cls = arguments[0] if len(arguments) == 3 else None
    if not isinstance(cls, Global) or cls.key != ("numpy", "ndarray"):
        _bad(machine, "a numpy array of an unknown class")
    return Array()


def _set_array(machine: Machine, array: Array, state: object) -> None:
    """State (version, shape, dtype, is_fortran, bytes)."""
    if type(state) is not tuple or len(state) != 5:
        _bad(machine, "a numpy array with an unknown state")
    _, shape, dtype, fortran, data = state
    if type(shape) is not tuple or len(shape) > MAX_TENSOR_DIMS or not _counts(shape):
        _bad(machine, "a numpy array whose shape is out of range")
    if not isinstance(dtype, Dtype) or type(fortran) is not bool:
        _bad(machine, "a numpy array without a dtype")
    if type(data) is not bytes and not isinstance(data, (Slice, LatinBytes)):
        _bad(machine, "a numpy array without bytes")
    if isinstance(data, Slice) and data.text:
        _bad(machine, "a numpy array without bytes")
    length = machine.length(data)
    if length != math.prod(shape) * ITEM_BYTES[dtype.tag]:
        _bad(machine, f"a numpy array of {length} bytes with another shape")
    array.dtype, array.shape, array.data = dtype.tag, shape, data
    array.fortran, array.built = fortran, True


_REDUCE: dict[tuple[str, str], Builder] = {
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _persistent,
    ("collections", "OrderedDict"): _ordered,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor_v2,
    ("torch._utils", "_rebuild_tensor"): _tensor_v1,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch.storage", "_load_from_bytes"): _nested,
    ("numpy.core.multiarray", "scalar"): _number,
    ("numpy._core.multiarray", "scalar"): _number,
    ("numpy.core.multiarray", "_reconstruct"): _new_array,
    ("numpy._core.multiarray", "_reconstruct"): _new_array,
    ("numpy", "dtype"): _dtype,
    ("builtins", "set"): _set,
    ("__builtin__", "set"): _set,
    ("_codecs", "encode"): _encode,
}
STORAGE_TYPES: dict[tuple[str, str], str] = {
    (module, f"{name}Storage"): tag
    for module in ("torch", "torch.cuda")
    for name, tag in {
        "Half": "f2",
        "BFloat16": "bf16",
        "Float": "f4",
        "Double": "f8",
        "Char": "i1",
        "Short": "i2",
        "Int": "i4",
        "Long": "i8",
        "Byte": "u1",
        "Bool": "bool",
    }.items()
}
ALLOWED = frozenset(
    {*_REDUCE, *STORAGE_TYPES, *TF_NETWORKS}
    | {("dnnlib.util", "EasyDict"), ("argparse", "Namespace"), ("numpy", "ndarray")}
)


def _counts(values: tuple[object, ...]) -> TypeGuard[tuple[int, ...]]:
    return all(type(value) is int and 0 <= value < 1 << 48 for value in values)


def _named(value: object) -> str:
    if isinstance(value, Global):
        return shown(f"{value.module}.{value.name}")
    return f"a value of type {type(value).__name__}"


def _bad(machine: Machine, what: str, kind: Kind = Kind.BAD_STRUCTURE) -> NoReturn:
    raise CheckpointError(kind, what, machine.offset)
