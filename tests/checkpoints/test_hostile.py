"""No attack file runs, imports or writes anything; each is refused by kind, quickly."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind
from tests.checkpoints import hostile, writers

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a child process saw while it read the whole corpus."""
    top = tmp_path_factory.mktemp("hostile")
    marker, folder = top / "marker", top / "files"
    folder.mkdir()
    for name, data in hostile.corpus(str(marker)):
        (folder / name.replace("/", "@")).write_bytes(data)
    honest = top / "honest.pkl"
    honest.write_bytes(writers.dumps(hostile.snapshot(), 4))
    done = subprocess.run(
        [sys.executable, "-m", "tests.checkpoints.child", str(folder), str(honest)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report: dict[str, Any] = json.loads(done.stdout)
    report["marker"] = marker.exists()
    return report


def test_nothing_was_run_imported_or_written(report: dict[str, Any]) -> None:
    assert report["events"] == []
    assert not report["marker"]


def test_every_attack_is_refused_with_a_checkpoint_error(report: dict[str, Any]) -> None:
    assert len(report["results"]) >= 200
    wrong = {n: r for n, r in report["results"].items() if r[0] in ("read", "escaped")}
    assert wrong == {}
    for name, (_, message, _) in report["results"].items():
        assert message.isascii() and "\n" not in message and len(message) < 1000, name


def test_attacks_are_refused_by_kind(report: dict[str, Any]) -> None:
    kinds = {name: result[0] for name, result in report["results"].items()}
    for name, kind in kinds.items():
        place, _, attack = name.partition("@")
        if attack in ("global", "stack-global", "eval"):
            assert kind == Kind.FORBIDDEN_GLOBAL, name
        elif place in ("bare", "nested", "zip") and attack:
            assert kind in hostile.FORBIDDEN, name
    for name in (
        "work-set",
        "work-ordered",
        "work-encode",
        "opcodes",
        "marks",
        "alias-bomb",
        "latin-aliases",
    ):
        assert kinds[name] == Kind.LIMIT, name
    for name in ("shared-modules", "shared-settings", "self", "safetensors-deep"):
        assert kinds[name] == Kind.LIMIT, name
    assert all(kinds[n] == Kind.BAD_TENSOR for n in kinds if n.startswith("tensor-"))
    for name, kind in kinds.items():
        if name.startswith(("bytes", "text", "frame")):
            assert kind == Kind.TRUNCATED, name


def test_attacks_are_refused_quickly(report: dict[str, Any]) -> None:
    slow = {name: r[2] for name, r in report["results"].items() if r[2] > 2}
    assert slow == {}
    assert report["grown_kib"] < 100 << 10


@pytest.mark.parametrize("name", ["global", "stack-global", "inst", "obj", "eval", "getattr"])
def test_the_payloads_do_run_in_a_real_unpickler(tmp_path: Path, name: str) -> None:
    pytest.importorskip("posix")  # whose functions the payloads call
    marker = tmp_path / "marker"
    code = hostile.callables(str(marker))[name]
    pickle.loads(writers.dumps(writers.Raw(code), 2))
    assert marker.exists()


def test_hostile_source_is_not_run_and_the_weights_are_read(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    config = writers.tiny_config()
    tensors = writers.random_tensors(config)
    source = f"open({str(marker)!r}, 'w')\nimport antigravity\n"
    path = tmp_path / "a.pkl"
    writers.write_nvlabs(path, config, writers.nvlabs_state(config, tensors), source=source)
    read = checkpoints.read(path)
    assert not marker.exists() and "antigravity" not in sys.modules
    assert read.facts["module_sources"][-1]["run"] == "not run"
    name = "synthesis.layers.0.weight"
    assert read.tensors[name].equal(tensors[name])


def test_the_forbidden_name_is_shown_escaped_and_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(writers.dumps(writers.Name("os\r\x1b[31m" + "é" * 300, "x" * 40), 4))
    with pytest.raises(CheckpointError) as caught:
        checkpoints.read(path)
    message = str(caught.value)
    assert message.startswith("forbidden-global: 'os\\r\\x1b[31m\\xe9\\xe9")
    assert len(message) < 320 and message.isascii() and "\n" not in message
    assert caught.value.offset is not None and "(at byte " in message
