"""The package holds one parser and no unpickler: proved on the syntax tree of every file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "steerx"
UNPICKLERS = {
    "pickle", "_pickle", "cPickle", "pickletools", "cloudpickle", "dill", "joblib", "marshal",
    "shelve", "yaml", "jsonpickle", "torch.hub", "torch.package", "runpy", "code", "codeop",
}  # fmt: skip
# What the user asks for by name: job files are YAML read by its safe loader, and a scorer is code of
# the user's own. Nothing a file holds reaches either.
ASKED_FOR = {
    "cli/job_file.py": {"import of yaml"},
    "scoring/naming.py": {"an import chosen at run time"},
}
RUNNERS = {"eval", "exec", "compile", "__import__", "breakpoint"}
LOADERS = {"torch.load", "torch.jit.load", "torch.serialization.load", "torch.hub.load"}


def dotted(node: ast.expr) -> str:
    """`torch.load` for the expression `torch.load`; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def offences(tree: ast.AST, *, data_only: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name in UNPICKLERS | LOADERS or name.split(".")[0] in UNPICKLERS:
                yield f"line {node.lineno}: import of {name}"
            if data_only and name.split(".")[0] in ("importlib", "ctypes", "subprocess"):
                yield f"line {node.lineno}: import of {name}"
        if isinstance(node, ast.Attribute) and dotted(node) in LOADERS:
            yield f"line {node.lineno}: {dotted(node)}"
        if isinstance(node, ast.Name) and node.id in RUNNERS:
            yield f"line {node.lineno}: {node.id}"
        if isinstance(node, ast.Call):
            yield from call_offences(node, data_only=data_only)


def call_offences(node: ast.Call, *, data_only: bool) -> Iterator[str]:
    name = dotted(node.func)
    for keyword in node.keywords:
        allowed = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        if keyword.arg == "allow_pickle" and not allowed:
            yield f"line {node.lineno}: allow_pickle"
    if name.endswith("import_module"):
        first = node.args[0]
        if isinstance(first, ast.JoinedStr):
            first = first.values[0] if isinstance(first.values[0], ast.Constant) else first
        fixed = isinstance(first, ast.Constant) and str(first.value).startswith((".", "steerx"))
        if not fixed:
            yield f"line {node.lineno}: an import chosen at run time"
    if data_only and name in ("getattr", "setattr", "globals", "vars", "type.__call__"):
        yield f"line {node.lineno}: {name}"


def test_no_file_of_the_package_unpickles_runs_or_imports_by_name() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 20
    found = {}
    for path in files:
        room = path.relative_to(PACKAGE).parts[0]
        tree = ast.parse(path.read_text(encoding="utf-8"))
        asked = ASKED_FOR.get(path.relative_to(PACKAGE).as_posix(), set())
        said = offences(tree, data_only=room == "checkpoints")
        found[str(path)] = [line for line in said if line.partition(": ")[2] not in asked]
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_yaml_is_read_by_its_safe_loader_alone() -> None:
    tree = ast.parse((PACKAGE / "cli/job_file.py").read_text(encoding="utf-8"))
    used = {dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used = {name for name in used if name.startswith("yaml.")}
    assert used == {
        "yaml.AliasEvent",
        "yaml.YAMLError",
        "yaml.parse",
        "yaml.safe_dump",
        "yaml.safe_load",
    }


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import torch.hub",
        "from torch import load",
        "torch.load('x', weights_only=True)",
        "f = torch.load",
        "np.load('x', allow_pickle=True)",
        "np.load('x', allow_pickle=flag)",
        "eval('1')",
        "run = exec",
        "__import__('os')",
        "importlib.import_module(name)",
        "importlib.import_module(f'{name}.x')",
        "import importlib",
        "getattr(a, b)",
    ],
)
def test_the_proof_sees_each_offence(source: str) -> None:
    assert list(offences(ast.parse(source), data_only=True))
