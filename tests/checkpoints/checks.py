"""The checks of the reader, found in its source: every `raise`, and every call that may refuse."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

READER = Path(__file__).resolve().parents[2] / "steerx" / "checkpoints"
# What writes files, and the error itself.
NOT_READING = {"exporting.py", "writing.py", "errors.py"}
GUARDS = ("spend", "require", "add_storage", "add_tensor", "check")


@dataclass(frozen=True)
class Check:
    """One statement.

    Attributes:
        file: of the reader.
        first, last: its lines.
        column: where it starts.
        refuses: whether it does nothing but refuse.
        text: "file.py: first line of the statement", by which excuses name it.
    """

    file: str
    first: int
    last: int
    column: int
    refuses: bool
    text: str

    def passed_by(self, lines: list[str]) -> bool:
        """Whether a refusal came through here, by its places "file.py:12"."""
        return any(f"{self.file}:{line}" in lines for line in range(self.first, self.last + 1))

    def __str__(self) -> str:
        return f"{self.file}:{self.first}"


def checks() -> list[Check]:
    """Every check, in order."""
    return [check for path in sorted(READER.glob("*.py")) for check in _of(path)]


def _of(path: Path) -> Iterator[Check]:
    if path.name in NOT_READING:
        return
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()

    def found(node: ast.stmt, *, refuses: bool) -> Check:
        last = node.end_lineno or node.lineno
        text = f"{path.name}: {lines[node.lineno - 1].strip()}"
        return Check(path.name, node.lineno, last, node.col_offset, refuses, text)

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise):
            if node.exc is not None:  # `raise` alone hands on what the system said
                yield found(node, refuses=True)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = _name(node.value.func)
            if name == "_bad":
                yield found(node, refuses=True)
            elif name.lstrip("_").startswith(GUARDS):
                yield found(node, refuses=False)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
