"""Mutants of the reader: does a file notice every check that is taken away?

    python -m tests.checkpoints.mutants [--every 1]          make reader-mutants

Each mutant has one check of `checks.py` replaced by nothing. It reads the files that the check refused, and a
few honest ones, each in a process of its own; a file whose outcome is another kills it. Survivors that mean no
mistake are in `equivalents.py`, each with the reason.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy  # noqa: F401  imported once, before the forks
import torch  # noqa: F401

from tests.checkpoints import jail
from tests.checkpoints.checks import READER, Check, checks
from tests.checkpoints.equivalents import SURVIVE, UNREACHED

SAMPLE = ("header", "layout", "network", "storage")  # classes of files of a sampled run
FILES = 3  # that a check refused, tried one after the other
PACKAGE = "steerx.checkpoints"


class Without(importlib.abc.SourceLoader, importlib.abc.MetaPathFinder):
    """Imports the reader with one statement gone."""

    def __init__(self, check: Check) -> None:
        self._check = check

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The mutated module; the other ones are found by others."""
        if name != f"{PACKAGE}.{self._check.file.removesuffix('.py')}":
            return None
        return importlib.util.spec_from_loader(name, self, origin=self.get_filename(name))

    def get_filename(self, name: str) -> str:
        """Where the source is."""
        return str(READER / self._check.file)

    def get_data(self, path: str | bytes) -> bytes:
        """The source, unchanged."""
        return Path(os.fsdecode(path)).read_bytes()

    def source_to_code(  # type: ignore[override]
        self, data: bytes, path: str, *, _optimize: int = -1
    ) -> CodeType:
        """Compile the source without the statement."""
        tree = _Gone(self._check).visit(ast.parse(data))
        code = compile(ast.fix_missing_locations(tree), path, "exec")
        assert isinstance(code, CodeType)
        return code


class _Gone(ast.NodeTransformer):
    def __init__(self, check: Check) -> None:
        self._check = check

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """`pass` in place of the statement."""
        if isinstance(node, (ast.Raise, ast.Expr)):
            place = (node.lineno, node.col_offset)
            if place == (self._check.first, self._check.column):
                return ast.copy_location(ast.Pass(), node)
        return super().generic_visit(node)


def told(path: Path, check: Check) -> str:
    """What the reader says of a file without a check."""

    def work(path: Path) -> str:
        sys.meta_path.insert(0, Without(check))
        from tests.checkpoints.trial import read  # which imports the reader, in the child

        jail.MEMORY = 1 << 40
        return read(path)

    if "@file@" not in path.name:
        return said(jail.alone(path, work).told)
    with tempfile.TemporaryDirectory() as fresh:  # what is no file is made by whoever reads it
        return said(jail.alone(Path(fresh) / path.name, work).told)


def said(outcome: str) -> str:
    """An outcome without the place in the file."""
    return outcome.partition(" (at byte")[0]


def witness(check: Check, folder: Path, found: dict[str, dict[str, Any]]) -> str | None:
    """A file whose outcome shows that a check is gone; None where none does."""
    through = [name for name, outcome in found.items() if check.passed_by(outcome["lines"])]
    through.sort(key=lambda name: found[name]["seconds"])
    others = [] if check.refuses else [n for n, o in found.items() if _asks_for_all(n, o["told"])]
    for name in [*through[:FILES], *others]:
        if told(folder / name, check) != said(found[name]["told"]):
            return name
    return None


def _asks_for_all(name: str, outcome: str) -> bool:
    """Whether a file notices a guard that refuses later or not at all: honest ones, and sums over a file."""
    return name.startswith("honest@") or outcome.startswith("limit: tensors of")


def main(every: int, offset: int, write: Path | None) -> int:
    survivors, witnesses = [], {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        families = [] if every == 1 else list(SAMPLE)
        command = [sys.executable, "-m", "tests.checkpoints.trial", scratch, "--keep", "honest"]
        command += families
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)["found"]
        lines = sorted({line for outcome in found.values() for line in outcome["lines"]})
        possible = [c for c in checks() if c.text not in UNREACHED]
        if families:
            possible = [c for c in possible if c.passed_by(lines)]
        chosen = possible[offset::every]
        for check in chosen:
            name = witness(check, folder, found)
            if name is not None:
                witnesses[name] = said(found[name]["told"])
            elif check.text not in SURVIVE:
                survivors.append(check)
                print(f"survives: {check}: {check.text}", flush=True)
    print(f"{len(chosen)} checks taken away one by one, {len(survivors)} unnoticed")
    if write is not None:
        write.write_text(json.dumps(witnesses, indent=1, sort_keys=True) + "\n")
    return len(survivors) > 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take one check in so many")
    parser.add_argument("--offset", type=int, default=0, help="and begin with this one")
    parser.add_argument("--write", type=Path, help="write the files that noticed to this file")
    told_of = parser.parse_args()
    sys.exit(main(told_of.every, told_of.offset, told_of.write))
