"""No attack runs, imports or writes anything; each is refused by kind, quickly, in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind
from tests.checkpoints import mutants, writers
from tests.checkpoints.checks import checks
from tests.checkpoints.equivalents import UNREACHED

ROOT = Path(__file__).resolve().parents[2]
LEAST = 15  # files of a class in a container
CODE = {"forbidden-global", "bad-opcode", "bad-structure"}
KINDS = {
    "callable": CODE,
    "making": CODE,
    "tensor": {"bad-tensor"},
    "cut": {"truncated"},
    "finite": {"non-finite"},
    "length": {"truncated", "limit", "bad-structure"},
    "longer": {"bad-structure", "bad-archive", "truncated"},
}
# What a network may lack or say: these are read where the value happens to be a legal one.
MAY_BE_READ = {"settings", "attribute", "config", "weights"}
LEGAL = "network@pickle@no-mapping"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each file needs a fork of its own")


def child(module: str, *arguments: str) -> Any:
    """What a module of the tests says as JSON, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.checkpoints.{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of every attack."""
    found: dict[str, Any] = child("trial", str(tmp_path_factory.mktemp("hostile")))
    return found


def test_nothing_was_run_imported_or_written(report: dict[str, Any]) -> None:
    found = report["found"]
    seen = {n: o["events"] for n, o in found.items() if o["events"] and "@file@" not in n}
    assert seen == {}
    assert not report["marker"]


def test_every_attack_is_refused_or_is_none(report: dict[str, Any]) -> None:
    for name, outcome in report["found"].items():
        family, told = name.partition("@")[0], outcome["told"]
        if told == "read":
            assert family in MAY_BE_READ or name == LEGAL, name
            continue
        assert told.partition(":")[0] in list(Kind), f"{name}: {told}"
        assert told.partition(":")[0] in KINDS.get(family, set(Kind)), f"{name}: {told}"
        assert told.isascii() and "\n" not in told and len(told) < 1000, name


def test_there_are_enough_of_every_class_in_every_container(report: dict[str, Any]) -> None:
    counted = Counter(tuple(name.split("@")[:2]) for name in report["found"])
    few = {key: count for key, count in counted.items() if count < LEAST and key[1] != "file"}
    assert few == {}
    assert sum(counted.values()) >= 1000


def test_attacks_are_refused_quickly(report: dict[str, Any]) -> None:
    slow = {name: o["seconds"] for name, o in report["found"].items() if o["seconds"] > 2}
    assert slow == {}


def test_complexity_ends_at_a_limit(report: dict[str, Any]) -> None:
    for name in ("work-set", "work-ordered", "work-encode", "members", "items", "opcodes", "marks"):
        for container in ("pickle", "nested", "legacy", "zip"):
            told = report["found"][f"cost@{container}@{name}"]["told"]
            assert told.startswith("limit"), f"{container} {name}: {told}"
    for name in ("shared-modules", "deep-modules", "shared-settings", "deep-settings"):
        assert report["found"][f"cost@pickle@{name}"]["told"].startswith("limit"), name
    for name in ("self-settings", "namespace", "latin-aliases", "latin-arrays", "many-tensors"):
        assert report["found"][f"cost@pickle@{name}"]["told"].startswith("limit"), name


def test_every_refusal_of_the_reader_is_reached_by_some_file(report: dict[str, Any]) -> None:
    lines = sorted({line for outcome in report["found"].values() for line in outcome["lines"]})
    missed = {str(c): c.text for c in checks() if c.refuses and not c.passed_by(lines)}
    assert {n: text for n, text in missed.items() if text not in UNREACHED} == {}
    assert set(UNREACHED) <= {check.text for check in checks()}, "an excuse for nothing"


def test_each_check_has_a_file_that_notices_its_loss(report: dict[str, Any]) -> None:
    """`make reader-mutants` wrote which file that is, and what it is refused with as long as the check stands."""
    witnesses = json.loads((Path(__file__).parent / "refusals.json").read_text())
    assert len(witnesses) > 200
    found = {name.replace("/", "-"): o["told"] for name, o in report["found"].items()}
    # Honest files notice the loss of sums over a file; other tests read them.
    refused = {name: told for name, told in witnesses.items() if not name.startswith("honest@")}
    assert {name: mutants.said(found[name]) for name in refused} == refused


def test_a_sample_of_checks_taken_away_is_noticed() -> None:
    command = [sys.executable, "-m", "tests.checkpoints.mutants", "--every", "25", "--offset", "11"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert ", 0 unnoticed" in done.stdout


def test_the_payloads_do_run_in_the_stock_loaders(tmp_path: Path) -> None:
    pytest.importorskip("posix")  # whose functions many of the payloads call
    assert len(child("control", str(tmp_path), "500")) >= 500


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
