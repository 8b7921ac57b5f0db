"""A stack machine for the data part of pickle: values are plain data or inert records.

Nothing is imported, no attribute is read by name, no object is called. A GLOBAL is two strings that
are compared with the table in `builders`; REDUCE, NEWOBJ and BUILD dispatch on those strings. The
opcodes that no real checkpoint needs are refused rather than understood.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from steerx.checkpoints import builders
from steerx.checkpoints.budget import MAX_INT_BYTES, MAX_MARKS, MAX_MEMO, Budget
from steerx.checkpoints.cursor import Cursor
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.records import Global, LatinBytes, Slice, Storage
from steerx.checkpoints.source import LatinSource

LONG_BYTES = 1 << 16  # longer byte strings and texts stay in the file
MAX_KEY_CHARS = 512
MAX_NAME_BYTES = 512
Nested = Callable[[bytes | Slice | LatinBytes, int], Storage]
Persistent = Callable[[object, int], Storage]


class Machine:
    """Runs one pickle.

    Args:
        cursor: stands at the pickle's first byte; afterwards behind its STOP.
        budget: of the whole file.
        digests: sha256 of the source texts seen so far in the whole file.
        nested: reads a torch stream held in a byte string; None where there may be none.
        persistent: reads a persistent id; None where there may be none.

    Attributes:
        offset: place in the file of the opcode being run.
        protocol: pickle protocol.
    """

    def __init__(
        self,
        cursor: Cursor,
        budget: Budget,
        *,
        digests: dict[object, str],
        nested: Nested | None = None,
        persistent: Persistent | None = None,
    ) -> None:
        self.cursor = cursor
        self.budget = budget
        self.digests = digests
        self.nested = nested
        self.persistent = persistent
        self.protocol = 0
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._floor = 0  # the stack may not shrink below the last mark
        self._memo: dict[int, object] = {}
        self._start = 0

    @property
    def offset(self) -> int:
        """Place in the file of the opcode being run."""
        return self.cursor.source.position(self._start)

    def run(self) -> object:
        """Run to STOP and return the one value on the stack."""
        cursor, budget = self.cursor, self.budget
        self._start = cursor.start
        if cursor.byte() != _PROTO:
            raise self.error(Kind.BAD_STRUCTURE, "not a pickle of protocol 2 to 5")
        self.protocol = cursor.byte()
        if not 2 <= self.protocol <= 5:
            raise self.error(Kind.UNSUPPORTED, f"pickle protocol {self.protocol}; 2 to 5 are read")
        while True:
            self._start = cursor.start
            code = cursor.byte()
            budget.opcodes -= 1
            if budget.opcodes < 0:
                raise self.error(Kind.LIMIT, "the file needs too many opcodes")
            operation = _OPERATIONS[code]
            if operation is None:
                if code == _STOP:
                    break
                name = _REFUSED.get(code, "unknown")
                raise self.error(Kind.BAD_OPCODE, f"opcode 0x{code:02x} ({name})")
            operation(self)
        if self._marks or len(self._stack) != 1:
            raise self.error(Kind.BAD_STRUCTURE, "the pickle does not end with one value")
        return self._stack[0]

    def error(self, kind: Kind, what: str) -> CheckpointError:
        """An error at the opcode being run."""
        return CheckpointError(kind, what, self.offset)

    def key(self, value: object) -> object:
        """Check a dict key or set member: types whose hash the file's author cannot choose."""
        if (
            value is None
            or type(value) is bool
            or (type(value) is str and len(value) <= MAX_KEY_CHARS)
            or (type(value) is int and -(1 << 31) < value < 1 << 31)
        ):
            return value
        raise self.error(
            Kind.BAD_STRUCTURE, f"a key of type {type(value).__name__}, or out of range"
        )

    def length(self, data: bytes | Slice | LatinBytes) -> int:
        """Length in bytes of a byte string that may still be in the file."""
        if isinstance(data, Slice):
            return data.length
        if isinstance(data, LatinBytes):
            text = data.text
            return LatinSource(text.source, text.start, text.length, self.budget).size
        return len(data)

    # Stack.

    def push(self, value: object) -> None:
        """Put a value on the stack; each takes an opcode, so those bound its depth too."""
        self._stack.append(value)

    def pop(self) -> object:
        """Take the top value."""
        if len(self._stack) <= self._floor:
            raise self.error(Kind.BAD_STRUCTURE, "the stack is empty here")
        return self._stack.pop()

    def top(self) -> object:
        """The top value, left in place."""
        if len(self._stack) <= self._floor:
            raise self.error(Kind.BAD_STRUCTURE, "the stack is empty here")
        return self._stack[-1]

    def mark(self) -> None:
        """Open a group of values."""
        if len(self._marks) >= MAX_MARKS:
            raise self.error(Kind.LIMIT, f"more than {MAX_MARKS} open marks")
        self._floor = len(self._stack)
        self._marks.append(self._floor)

    def pop_marked(self) -> list[object]:
        """Take the values since the last mark."""
        if not self._marks:
            raise self.error(Kind.BAD_STRUCTURE, "no mark is open here")
        start = self._marks.pop()
        self._floor = self._marks[-1] if self._marks else 0
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def push_tuple(self, length: int) -> None:
        """Replace the top `length` values by a tuple of them."""
        if len(self._stack) - length < self._floor:
            raise self.error(Kind.BAD_STRUCTURE, "the stack is empty here")
        values = tuple(self._stack[-length:])
        del self._stack[-length:]
        self._stack.append(values)

    # Memo.

    def remember(self, index: int) -> None:
        """Name the top value by a number."""
        if index >= MAX_MEMO:
            raise self.error(Kind.LIMIT, f"memo index {index}")
        self._memo[index] = self.top()

    def remember_next(self) -> None:
        """Name the top value by the next number."""
        self.remember(len(self._memo))

    def recall(self, index: int) -> None:
        """Push the value of that number."""
        if index not in self._memo:
            raise self.error(Kind.BAD_STRUCTURE, f"memo index {index} was never set")
        self.push(self._memo[index])

    # Strings.

    def push_text(self, length: int) -> None:
        """Push a text of `length` bytes of UTF-8; a long one stays in the file."""
        if length > LONG_BYTES:
            start = self.cursor.skip(length)
            self.push(Slice(self.cursor.source, start, length, text=True))
            return
        try:
            self.push(self.cursor.take(length).decode("utf-8"))
        except UnicodeDecodeError:
            raise self.error(Kind.BAD_STRUCTURE, "a text that is not UTF-8") from None

    def push_bytes(self, length: int) -> None:
        """Push a byte string; a long one stays in the file."""
        if length > LONG_BYTES:
            self.push(Slice(self.cursor.source, self.cursor.skip(length), length))
        else:
            self.push(self.cursor.take(length))

    def push_ascii(self, length: int) -> None:
        """Push a text written by Python 2."""
        try:
            self.push(self.cursor.take(length).decode("ascii"))
        except UnicodeDecodeError:
            raise self.error(Kind.BAD_STRUCTURE, "a Python 2 text that is not ASCII") from None

    def push_integer(self, length: int) -> None:
        """Push a signed integer of `length` bytes."""
        if length > MAX_INT_BYTES:
            raise self.error(Kind.LIMIT, f"an integer of {length} bytes")
        self.push(int.from_bytes(self.cursor.take(length), "little", signed=True))

    # Containers and records.

    def set_items(self, values: list[object]) -> None:
        """Put key, value, key, value, ... into the dict on top."""
        target = self.top()
        if not isinstance(target, dict) or len(values) % 2:
            raise self.error(Kind.BAD_STRUCTURE, "items for something that is not a dict")
        for i in range(0, len(values), 2):
            target[self.key(values[i])] = values[i + 1]

    def append(self, values: list[object]) -> None:
        """Append to the list on top."""
        target = self.top()
        if type(target) is not list:
            raise self.error(Kind.BAD_STRUCTURE, "items for something that is not a list")
        target.extend(values)

    def add_items(self, values: list[object]) -> None:
        """Add to the set on top."""
        target = self.top()
        if type(target) is not set:
            raise self.error(Kind.BAD_STRUCTURE, "items for something that is not a set")
        target.update(self.key(value) for value in values)

    def push_global(self, module: object, name: object) -> None:
        """Push a name of the table; any other name ends the reading."""
        if type(module) is not str or type(name) is not str:
            raise self.error(Kind.BAD_STRUCTURE, "a name that is not text")
        if (module, name) not in builders.ALLOWED:
            what = f"{shown(f'{module}.{name}')} is not data of a checkpoint; it was not run"
            raise self.error(Kind.FORBIDDEN_GLOBAL, what)
        self.push(Global(module, name))

    def push_persistent(self) -> None:
        """Replace a persistent id by the storage it names."""
        if self.persistent is None:
            raise self.error(Kind.BAD_OPCODE, "a persistent id outside a torch archive")
        self.push(self.persistent(self.pop(), self.offset))


def _global(m: Machine) -> None:
    module, name = m.cursor.line(MAX_NAME_BYTES), m.cursor.line(MAX_NAME_BYTES)
    try:
        m.push_global(module.decode("utf-8"), name.decode("utf-8"))
    except UnicodeDecodeError:
        raise m.error(Kind.BAD_STRUCTURE, "a name that is not UTF-8") from None


def _stack_global(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    m.push_global(module, name)


def _frame(m: Machine) -> None:
    m.cursor.require(m.cursor.number(8))


def _reduce(m: Machine) -> None:
    arguments, function = m.pop(), m.pop()
    m.push(builders.reduce(m, function, arguments))


def _new_object(m: Machine) -> None:
    arguments, cls = m.pop(), m.pop()
    m.push(builders.new_object(m, cls, arguments))


def _build(m: Machine) -> None:
    state = m.pop()
    builders.build(m, m.top(), state)


def _set_item(m: Machine) -> None:
    value, key = m.pop(), m.pop()
    m.set_items([key, value])


def _integer4(m: Machine) -> None:
    m.push(int.from_bytes(m.cursor.take(4), "little", signed=True))


def _float(m: Machine) -> None:
    m.push(struct.unpack(">d", m.cursor.take(8))[0])


_PROTO = 0x80
_STOP = ord(".")
_ACCEPTED: dict[int, Callable[[Machine], None]] = {
    0x95: _frame,
    ord("("): Machine.mark,
    0x94: Machine.remember_next,
    ord("q"): lambda m: m.remember(m.cursor.byte()),
    ord("r"): lambda m: m.remember(m.cursor.number(4)),
    ord("h"): lambda m: m.recall(m.cursor.byte()),
    ord("j"): lambda m: m.recall(m.cursor.number(4)),
    0x8C: lambda m: m.push_text(m.cursor.byte()),
    ord("X"): lambda m: m.push_text(m.cursor.number(4)),
    0x8D: lambda m: m.push_text(m.cursor.number(8)),
    ord("C"): lambda m: m.push_bytes(m.cursor.byte()),
    ord("B"): lambda m: m.push_bytes(m.cursor.number(4)),
    0x8E: lambda m: m.push_bytes(m.cursor.number(8)),
    ord("U"): lambda m: m.push_ascii(m.cursor.byte()),
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("J"): _integer4,
    ord("K"): lambda m: m.push(m.cursor.byte()),
    ord("M"): lambda m: m.push(m.cursor.number(2)),
    0x8A: lambda m: m.push_integer(m.cursor.byte()),
    ord("G"): _float,
    ord("}"): lambda m: m.push({}),
    ord("]"): lambda m: m.push([]),
    0x8F: lambda m: m.push(set()),
    ord(")"): lambda m: m.push(()),
    ord("t"): lambda m: m.push(tuple(m.pop_marked())),
    0x85: lambda m: m.push_tuple(1),
    0x86: lambda m: m.push_tuple(2),
    0x87: lambda m: m.push_tuple(3),
    ord("s"): _set_item,
    ord("u"): lambda m: m.set_items(m.pop_marked()),
    ord("a"): lambda m: m.append([m.pop()]),
    ord("e"): lambda m: m.append(m.pop_marked()),
    0x90: lambda m: m.add_items(m.pop_marked()),
    ord("c"): _global,
    0x93: _stack_global,
    ord("R"): _reduce,
    0x81: _new_object,
    ord("b"): _build,
    ord("Q"): Machine.push_persistent,
}
_OPERATIONS = [_ACCEPTED.get(code) for code in range(256)]
_REFUSED = {
    0x80: "PROTO in the middle",
    ord("i"): "INST",
    ord("o"): "OBJ",
    ord("p"): "PUT",
    ord("g"): "GET",
    ord("0"): "POP",
    ord("1"): "POP_MARK",
    ord("2"): "DUP",
    ord("P"): "PERSID",
    ord("T"): "BINSTRING",
    ord("l"): "LIST",
    ord("d"): "DICT",
    0x82: "EXT1",
    0x83: "EXT2",
    0x84: "EXT4",
    0x8B: "LONG4",
    0x91: "FROZENSET",
    0x92: "NEWOBJ_EX",
    0x96: "BYTEARRAY8",
    0x97: "NEXT_BUFFER",
    0x98: "READONLY_BUFFER",
    **dict.fromkeys(b"ILFSV", "a number or string in text form"),
}
