"""A tiny random network, directions mined in it, and a runner of command lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from steerx.cli import app
from tests.cli.commands import Run, tiny_network


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_network(tmp_path_factory.mktemp("network") / "tiny.safetensors", seed=0)


@pytest.fixture(scope="session")
def other_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_network(tmp_path_factory.mktemp("other") / "other.safetensors", seed=1)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `steerx` with these words in an empty folder."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


@pytest.fixture
def sefa(run: Run, network: Path, tmp_path: Path) -> Path:
    """Three SeFa directions of the tiny network."""
    assert run("mine", "sefa", network, "-k", 3, "-o", "sefa.safetensors").exit_code == 0
    return tmp_path / "sefa.safetensors"
