"""The switches of setup.py, asked without building anything; .ci/run builds each variant for real."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SWITCHES = ("STEERX_WITH_NATIVE", "STEERX_WITH_CUDA", "STEERX_CUDA_ARCHS", "CUDA_HOME", "CUDA_PATH")


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The functions of setup.py, with no switch set."""
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)
    return runpy.run_path(str(REPOSITORY / "setup.py"), run_name="not_main")


def toolkit(folder: Path) -> Path:
    for name in ("bin/nvcc", "include/cuda_runtime.h"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("name", ["STEERX_WITH_NATIVE", "STEERX_WITH_CUDA"])
def test_a_switch_with_another_value_ends_the_build(
    build: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "yes")
    with pytest.raises(SystemExit, match=f"{name} must be one of .*0, 1, got 'yes'"):
        build["want_native"]()
        build["cuda_toolkit"]()


def test_without_a_compiler_the_install_is_pure_and_says_so(
    build: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    want = build["want_native"]
    want.__globals__["CXX"] = "no-such-compiler"
    assert want() is False
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "installing without native kernels: there is no C++ compiler (no-such-compiler)" in said


def test_native_asked_for_by_name_fails_without_a_compiler(
    build: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERX_WITH_NATIVE", "1")
    want = build["want_native"]
    want.__globals__["CXX"] = "no-such-compiler"
    with pytest.raises(SystemExit, match="STEERX_WITH_NATIVE=1, but there is no C"):
        want()


def test_the_pure_install_looks_for_nothing(
    build: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEERX_WITH_NATIVE", "0")
    assert build["want_native"]() is False
    assert capsys.readouterr().err == ""


def test_a_toolkit_is_found_only_whole(
    build: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole, wrapper = toolkit(tmp_path / "whole"), tmp_path / "wrapper"
    (wrapper / "bin").mkdir(parents=True)
    (wrapper / "bin/nvcc").touch()
    monkeypatch.setenv("CUDA_HOME", str(whole))
    assert build["cuda_toolkit"]() == whole
    monkeypatch.setenv("CUDA_HOME", str(wrapper))
    assert build["cuda_toolkit"]() != wrapper
    monkeypatch.setenv("STEERX_WITH_CUDA", "0")
    monkeypatch.setenv("CUDA_HOME", str(whole))
    assert build["cuda_toolkit"]() is None


def test_cuda_asked_for_by_name_fails_without_a_toolkit(
    build: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERX_WITH_CUDA", "1")
    monkeypatch.setattr(Path, "is_file", lambda self: False)
    with pytest.raises(SystemExit, match="no CUDA toolkit was found; set CUDA_HOME"):
        build["cuda_toolkit"]()


def test_architectures_become_flags(build: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert build["cuda_archs"]() == ["80+PTX", "90a"]
    assert build["gencode"]("80+PTX") == "-gencode=arch=compute_80,code=[sm_80,compute_80]"
    assert build["gencode"]("90a") == "-gencode=arch=compute_90a,code=sm_90a"
    monkeypatch.setenv("STEERX_CUDA_ARCHS", "75; 120+PTX;")
    assert build["cuda_archs"]() == ["75", "120+PTX"]


def test_a_bogus_switch_stops_pip_too() -> None:
    run = subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=REPOSITORY,
        env={**os.environ, "STEERX_WITH_NATIVE": "maybe"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "STEERX_WITH_NATIVE must be one of 0, 1, got 'maybe'" in run.stderr


def test_cmake_compiles_for_the_same_machines_as_setup(build: dict[str, Any]) -> None:
    text = (REPOSITORY / "CMakeLists.txt").read_text()
    for isa, flags in build["ISA_FLAGS"].items():
        found = re.search(rf"set\(ISA_FLAGS_{isa}([^)]*)\)", text)
        assert found is not None
        assert found[1].split() == flags
    for flag in ("-ffp-contract=off", "-fopenmp-simd"):
        assert flag in build["CPU_FLAGS"]
        assert flag in text


def test_every_feature_compiled_for_is_asked_of_the_machine(build: dict[str, Any]) -> None:
    asked = (REPOSITORY / "csrc/include/steerx/isa.h").read_text()
    for flags in build["ISA_FLAGS"].values():
        for flag in flags:
            if flag.startswith("-m") and "=" not in flag:
                assert f'__builtin_cpu_supports("{flag[2:]}")' in asked
