"""bench.peers at 64 px with torch alone: sides agree before they are timed, and a wrong one is not timed."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.peers import __main__ as peers
from bench.peers import network, sides, torch_sides
from bench.peers.cases import CASES, Case, chosen
from bench.peers.comparing import Contender, compare, contenders, distance, job_of
from bench.peers.job import Job
from bench.peers.processes import Process, SideError, command
from bench.peers.worker import STATUS, Answers
from steerx import checkpoints

EXPORTED = [name for name, side in sides.RENDERING.items() if side.package]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    network.write(folder, 16, 32, 2)
    return folder


@pytest.fixture
def job(work: Path) -> Job:
    return Job("", str(work), 2, 1)


def test_a_small_run_writes_a_table_and_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = importlib.util.find_spec
    runtimes = ("openvino", "onnxruntime", "onnx", "onnxscript")  # as if not installed
    monkeypatch.setattr(
        sides.importlib.util, "find_spec", lambda name: None if name in runtimes else own(name)
    )
    quick = ["--small", "--rounds", "1", "--work", str(tmp_path / "work")]  # processes take seconds
    written = ["--out", str(tmp_path), "--add"]
    only = ["--case", "256-b1-others", "--only", "papers,onnx,genforce"]
    assert peers.main([*quick, *only, *written]) == 0
    (numbers,), (table,) = tmp_path.glob("*.json"), tmp_path.glob("*.md")
    (case,) = json.loads(numbers.read_text())["cases"]
    rows = {row["side"]: row for row in case["rows"]}
    assert list(rows) == ["steerx fp32", "steerx bf16", "papers' form fp32"]
    asked = {side for side in EXPORTED if "papers" in side or "ONNX" in side}
    assert set(case["skipped"]) == {*asked, "genforce fp32"}
    assert "steerx[bench]" in case["skipped"]["ONNX Runtime fp32: shared weights"]
    for name, row in rows.items():
        assert row["process"]["threads"] == 1 and 0 < row["relative_L2"] < 6e-2, name
        assert row["counted"] == "cpu" and row["time / steerx fp32"] > 0, name
        assert f"| {name} | as shipped | " in table.read_text()
    assert rows["steerx fp32"]["time / steerx fp32"] == 1
    assert peers.main([*quick, "--case", "memory-1024", *written]) == 0
    added = json.loads(numbers.read_text())["cases"]
    assert [case["name"] for case in added] == ["256-b1-others", "memory-1024"]
    assert added[0] == case and added[1]["rows"][0]["rendering_MB"] != 0


def test_cases_are_named_and_every_side_is_asked_by_one() -> None:
    assert {"256-b1", "256-b8", "1024-b1", "256-b8-default", "sweep-8", "memory-1024"} <= set(CASES)
    assert len({case.title for case in CASES.values()}) == len(CASES)
    asked = {c.side.name for case in CASES.values() for c in contenders(case)}
    assert asked == {*sides.RENDERING, *sides.SWEEPING}
    (held,) = chosen(["sweep-12"], small=True, isa="avx2")
    assert (held.job.isa, held.job.layers, held.resolution) == ("avx2", 6, 64)
    with pytest.raises(ValueError, match="no case 512-b1; there are 256-b1, 256-b8"):
        chosen(["512-b1"], small=False, isa=None)


def test_a_side_that_renders_something_else_is_not_timed(work: Path, job: Job) -> None:
    strict = replace(sides.RENDERING["steerx bf16"], precision="fp32")
    found = compare(Case("", 16, job), [Contender(strict, "as shipped")], {}, work)
    assert not found["rows"]
    assert "renders something else" in found["skipped"]["steerx bf16, as shipped"]


def test_a_side_that_cannot_be_built_says_why(work: Path, job: Job, tmp_path: Path) -> None:
    contender = Contender(sides.RENDERING["genforce fp32"], "as shipped")
    found = compare(Case("", 16, job), [contender], {"genforce": str(tmp_path)}, work)
    assert "No module named 'models'" in found["skipped"]["genforce fp32, as shipped"]


@torch.no_grad()
@pytest.mark.parametrize("form", ["shared", "published"])
def test_the_forms_are_the_network(job: Job, form: str) -> None:
    expected = torch_sides.ours(job, renderer="plain", precision="fp32")()
    found = torch_sides.module(job, form)(torch_sides.w_plus(job))
    assert distance(found.numpy(), expected.numpy()) < 1e-6


@torch.no_grad()
def test_a_sweep_is_the_loop(job: Job) -> None:
    swept = replace(job, batch=1, layers=2, grid=(2, 3))
    ours = sides.SWEEPING["steerx fp32"].build(swept)()
    loop = sides.SWEEPING[sides.LOOP].build(swept)()
    assert ours.shape == loop.shape == (1, 2, 3, 16, 16, 3)
    assert np.abs(ours.astype(int) - loop).max() <= 1 and loop.std() > 1
    assert distance(ours, loop) < sides.SWEEPING["steerx fp32"].tolerance(swept)


@torch.no_grad()
def test_a_loop_is_asked_for_the_first_direction_alone(job: Job) -> None:
    case = Case("", 16, replace(job, batch=1, layers=2, grid=(2, 3)))
    side = sides.SWEEPING[sides.LOOP]
    some = job_of(case, side, {})
    assert (some.grid, some.pictures, case.job.pictures) == ((1, 3), 3, 6)
    assert np.array_equal(side.build(some)(), side.build(case.job)()[:, :1])


def test_a_process_is_held_to_avx2(job: Job, tmp_path: Path) -> None:
    held = replace(job, side="steerx fp32", isa="avx2")
    with Process(held, "as shipped", tmp_path / "log") as process:
        process.ready()
    assert process.facts["torch_isa"] in ("AVX2", "DEFAULT", "NO AVX")
    assert process.facts["steerx_isa"] in ("avx2", None)


@pytest.mark.parametrize("name", ["steerx fp32", "steerx bf16"])
def test_a_sweep_that_forgets_its_edits_is_refused(tmp_path: Path, name: str) -> None:
    network.write(tmp_path, 32, 64, 1)
    job = Job("", str(tmp_path), 1, 1, layers=6, grid=(2, 7))
    loop = sides.SWEEPING[sides.LOOP].build(job)()
    unedited = np.broadcast_to(loop[:, :, 3:4], loop.shape)
    tolerance = sides.SWEEPING[name].tolerance(job)
    assert distance(sides.SWEEPING[name].build(job)(), loop) <= tolerance < distance(unedited, loop)


@pytest.mark.parametrize("name", peers.CHECKOUTS)
def test_a_folder_that_is_no_checkout_is_named(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(SystemExit):
            peers.arguments([f"--{name}", str(folder)])
        assert f"--{name}: {folder} is no checkout of it" in capsys.readouterr().err
    file = tmp_path / peers.CHECKOUTS[name]
    file.parent.mkdir(exist_ok=True)
    file.touch()
    peers.arguments([f"--{name}", str(tmp_path)])


def test_a_run_in_which_steerx_is_wrong_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"side": "papers' form fp32", "process": {"versions": {}, "allocator": None}}
    wrong = {"steerx bf16, as shipped": "it renders something else: relative L2 0.1"}
    for skipped, code in ((wrong, 1), ({"genforce fp32": "no --genforce FOLDER"}, 0)):
        case = {
            "name": "memory-1024",
            "case": "memory",
            "commit": "0",
            "load": 0.0,
            "note": "",
            "rows": [row | NOTHING],
            "skipped": skipped,
        }
        monkeypatch.setattr(peers, "run", lambda options, folder, case=case: iter([case]))
        assert peers.main(["--small"]) == code
        assert ("steerx itself was not compared" in capsys.readouterr().out) == bool(code)


NOTHING = {"allocator": "as shipped", "building_MB": None, "rendering_MB": None}


def test_every_layout_holds_the_same_network(work: Path) -> None:
    ours = checkpoints.read(work / network.OURS)
    for name in (network.ROSINALITY, network.GENFORCE):
        read = checkpoints.read(work / name).tensors
        for key, tensor in ours.tensors.items():
            torch.testing.assert_close(read[key], tensor, rtol=1e-6, atol=1e-7)
    state = torch.load(work / network.NVLABS, weights_only=True)
    weight = ours.tensors["synthesis.to_rgbs.0.weight"]
    torch.testing.assert_close(state["synthesis.b4.torgb.weight"] / 32**0.5, weight)


def test_a_process_gets_its_allocator_threads_and_instruction_set(job: Job) -> None:
    tuned = command(replace(job, isa="avx2"), "tuned")
    assert {"MALLOC_MMAP_MAX_=0", "ATEN_CPU_CAPABILITY=avx2", "OMP_NUM_THREADS=1"} <= set(tuned)
    plain = command(replace(job, threads=None), "as shipped")
    assert not [part for part in plain if "=" in part] and "OMP_NUM_THREADS" in plain


@torch.no_grad()
@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells")
def test_memory_is_counted_above_the_imports(job: Job) -> None:
    answers = Answers(job, sides.RENDERING["steerx fp32"])
    kept = np.ones(30_000_000)  # 229 MB that a network might hold
    counted = answers.memory()
    assert counted["rendering_MB"] >= 225 and kept.sum() == kept.size
    assert counted["building_MB"] >= 0


def test_pictures_of_another_shape_are_refused() -> None:
    with pytest.raises(SideError, match=r"it gives \[1, 2\], not \[2, 2\]"):
        distance(np.zeros((1, 2)), np.ones((2, 2)))
