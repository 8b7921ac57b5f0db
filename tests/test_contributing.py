"""The examples of CONTRIBUTING.md, added as they are printed to a copy of the sources, pass what they must."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
BLOCK = re.compile(r"```python\n# (\S+)\n(.*?)```", re.DOTALL)
EXAMPLES = {
    "operator": ["tests/ops/test_desaturate.py", "tests/ops/test_contract.py", "-k", "desaturate"],
    "method": ["tests/directions/test_random_directions.py"],
    "generator": ["tests/generators/test_dcgan.py"],
}
BROKEN = {  # what is printed, what somebody might print instead, what then fails
    "operator": (
        "towards_grey(grad, amount)",
        "towards_grey(grad, 0.5 * amount)",
        "test_gradients",
    ),
    "method": ('space="w",', 'space="z",', "test_they_move_pictures"),
    "generator": (
        "(1, 0) if i == 0 else (2, 1)",
        "(1, 0) if i == 0 else (2, 0)",
        "pytorch_renders",
    ),
}


def printed() -> dict[str, str]:
    """Path -> text of every Python block that names its file; one-line blocks are added to theirs."""
    blocks = {
        name: f"# {name}\n{text}" for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    }
    assert len(blocks) == PAGE.read_text(encoding="utf-8").count("```python\n")
    return blocks


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with everything that the page prints."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("steerx", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, text in printed().items():
        file = folder / name
        if file.name != "__init__.py":
            assert not file.exists(), f"{name} is there already; the page needs another example"
            file.write_text(text, encoding="utf-8")
            continue
        (line,) = text.splitlines()[1:]
        published = line.split(" import ")[1]
        before = file.read_text(encoding="utf-8")
        after = before.replace("\n\n__all__ = [", f'\n{line}\n\n__all__ = ["{published}", ', 1)
        assert after != before
        file.write_text(after, encoding="utf-8")
    return folder


def ran(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_examples_pass(checkout: Path) -> None:
    words = [w for part in EXAMPLES.values() for w in part if w.startswith("tests/")]
    chosen = "desaturate or random_directions or dcgan"
    run = ran(checkout, "pytest", "-q", *words, "-k", chosen, "-p", "no:cacheprovider")
    assert run.returncode == 0, run.stdout
    passed = int(re.findall(r"(\d+) passed", run.stdout)[0])
    assert passed >= 30, run.stdout  # the contract of operators and the examples' own tests


@pytest.mark.parametrize("example", BROKEN)
def test_a_broken_example_fails(checkout: Path, example: str) -> None:
    right, wrong, test = BROKEN[example]
    (name,) = [n for n, text in printed().items() if right in text]
    file = checkout / name
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    try:
        words = [w for w in EXAMPLES[example] if w.startswith("tests/")]
        chosen = f"{test} and {file.stem.strip('_')}"
        run = ran(checkout, "pytest", "-q", "-x", *words, "-k", chosen, "-p", "no:cacheprovider")
    finally:
        file.write_text(text, encoding="utf-8")
    assert run.returncode == 1 and test in run.stdout, run.stdout


def test_the_examples_are_in_the_house_style(checkout: Path) -> None:
    names = [name for name in printed() if not name.endswith("__init__.py")]
    for words in (["check"], ["format", "--check"]):
        run = ran(checkout, "ruff", *words, "--no-cache", *names)
        assert run.returncode == 0, run.stdout


def test_every_command_of_the_page_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    asked = set(re.findall(r"\bmake ([a-z]+)\b", text))
    assert {"test", "lint", "bench"} <= asked <= targets
    for name in re.findall(r"`((?:steerx|tests|bench|docs|\.ci)/[\w./]+)`", text):
        known = (ROOT / name).exists() or name in printed() or "desaturate" in name
        assert known, name
