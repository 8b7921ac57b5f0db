"""bench.gpu_check rehearsed on the CPU: every step runs, and says so where something is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import gpu_check, gpu_checklist
from bench.gpu_device import Device, ulps

CPU = Device("cpu", 1)


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("gpu")
    assert gpu_check.main(["--rehearse", "--out", str(folder)]) == 0
    found: dict[str, Any] = json.loads((folder / "rehearsal.json").read_text())
    return found


def test_every_step_is_rehearsed(rehearsal: dict[str, Any]) -> None:
    steps = rehearsal["steps"]
    assert list(steps) == list(gpu_check.steps(CPU))
    may_be_absent = {"sanitizer", "simt"}
    assert {n for n, s in steps.items() if s["status"] == "skipped"} <= may_be_absent
    assert all(s["status"] == "passed" for n, s in steps.items() if n not in may_be_absent)
    assert rehearsal["rehearsal"] is True and rehearsal["gpu"] is None


def test_the_questions_are_answered_in_numbers(rehearsal: dict[str, Any]) -> None:
    steps = rehearsal["steps"]
    assert {row["faster"] for row in steps["upsampling"]["layers"]} <= {"transposed", "dense"}
    assert len(steps["upsampling"]["layers"]) == 4  # 8 and 16 px, two batches
    assert all(row["style_epilogue"]["GB/s"] > 0 for row in steps["bandwidth"]["sizes"])
    errors = steps["precision"]["against_float64"]
    assert errors["fused, float16"]["relative_L2"] > errors["fused, float32"]["relative_L2"]
    assert all(row["faster_than_plain_16_bits"] > 0 for row in steps["pictures"]["ms_per_picture"])


def test_a_wrong_kernel_is_named_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = gpu_checklist.epilogue

    def wrong(x: torch.Tensor, **parts: Any) -> None:
        own(x, **parts)
        if "y" in parts:
            parts["y"].view(-1)[-1] += 1

    monkeypatch.setattr(gpu_checklist, "epilogue", wrong)
    only = "agreement,streams,big,out_of_memory"
    assert gpu_check.main(["--rehearse", "--out", str(tmp_path), "--only", only]) == 1
    steps = json.loads((tmp_path / "rehearsal.json").read_text())["steps"]
    status = {name: step["status"] for name, step in steps.items()}
    assert status == {
        "agreement": "failed", "streams": "failed", "big": "failed", "out_of_memory": "passed",
    }  # fmt: skip
    assert "AssertionError" in steps["agreement"]["error"] and steps["agreement"]["at"]


def test_what_the_time_does_not_suffice_for_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu_check, "SECONDS", -1)
    assert gpu_check.main(["--rehearse", "--only", "fork,big"]) == 0
    assert capsys.readouterr().out.count("no time was left for it") == 2


def test_without_a_gpu_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main([]) == 1
    assert "--rehearse" in capsys.readouterr().out


def test_a_child_that_fails_fails_the_step() -> None:
    with pytest.raises(AssertionError, match="no-such-device"):
        gpu_checklist.fork(Device("no-such-device", 1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_ulps(dtype: torch.dtype) -> None:
    one = torch.ones(3, dtype=dtype)
    after = torch.nextafter(one, one + 1) if dtype != torch.float16 else one + 2**-10
    assert ulps(one, one) == 0 and ulps(one, after) == 1
    zero = torch.zeros(1, dtype=dtype)
    assert ulps(zero, -zero) == 0
    tiny = torch.tensor([torch.finfo(dtype).smallest_normal], dtype=dtype)
    assert ulps(tiny, -tiny) == 2 * ulps(zero, tiny) > 0
    nan = torch.tensor([float("nan")], dtype=dtype)
    assert ulps(nan, nan) == 0 and ulps(nan, zero) > 1 << 60
