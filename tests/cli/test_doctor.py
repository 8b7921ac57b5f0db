from __future__ import annotations

import getpass
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from steerx import ops
from steerx.cli import self_test
from tests.cli.commands import Run


def test_ready(run: Run) -> None:
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].startswith("=> ready: ")
    for name in ops.REGISTRY:
        assert f"cpu: {name}" in result.stdout


def test_json_without_paths_or_names(run: Run) -> None:
    result = run("doctor", "--json")
    report = json.loads(result.stdout)
    assert report["ready"] is True
    assert {f["state"] for f in report["findings"]} <= {"ok", "not used", "missing", "broken"}
    words = result.stdout.replace("https://", "")
    assert str(Path.home()) not in words and sys.prefix not in words
    assert getpass.getuser() == "root" or getpass.getuser() not in words


def test_a_wrong_kernel_is_not_ready(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops, "backend", lambda name, device="cpu": "native")
    monkeypatch.setattr(self_test, "error", lambda name, device: 0.5)
    result = run("doctor")
    assert result.exit_code == 1
    assert "self-test error 5.0e-01" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("=> not ready: ")


def test_a_library_that_does_not_load(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("/home/someone/env/_C.abi3.so: undefined symbol: x")

    monkeypatch.setattr(ops, "build_info", broken)
    result = run("doctor", "--json")
    assert result.exit_code == 1
    assert "someone" not in result.stdout and "_C.abi3.so: undefined symbol" in result.stdout
    assert "reinstall" in json.loads(result.stdout)["summary"]


def test_a_library_for_other_gpus(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    info = {"cuda": "13.0", "archs": ["80+PTX", "90a"], "isa": "avx2", "compiler": "12"}
    monkeypatch.setattr(ops, "build_info", lambda: info | {"driver": None})
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "GeForce")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    monkeypatch.setattr(ops, "backend", lambda name, device="cpu": "reference")
    lines = run("doctor").stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("cuda ")]
    assert "GeForce is sm_75, kernels were built for 80+PTX, 90a" in line
    assert line.endswith("build again with STEERX_CUDA_ARCHS=75")


@pytest.mark.parametrize("name", sorted(ops.REGISTRY))
def test_every_operator_can_test_itself(name: str) -> None:
    assert self_test.error(name, "cpu") <= self_test.LIMIT


def test_the_self_test_sees_a_wrong_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    right = ops.REGISTRY["edit_styles"]

    def wrong(*inputs: torch.Tensor) -> torch.Tensor:
        return right.call(*inputs) + 1e-3

    broken = replace(right, call=wrong)
    monkeypatch.setitem(ops.REGISTRY, "edit_styles", broken)
    assert self_test.error("edit_styles", "cpu") > self_test.LIMIT


@pytest.mark.cuda
@pytest.mark.parametrize("name", sorted(ops.REGISTRY))
def test_every_operator_can_test_itself_on_cuda(name: str) -> None:
    assert self_test.error(name, "cuda") <= self_test.LIMIT
