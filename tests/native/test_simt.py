"""The test-only module of the torch-free half, where CMake has built it."""

from __future__ import annotations

import importlib.util
import os
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.simt


@pytest.fixture(scope="module")
def simt() -> ModuleType:
    name = "steerx_simt" + sysconfig.get_config_var("EXT_SUFFIX")
    built = sorted((REPOSITORY / "build").rglob(name), key=lambda p: p.stat().st_mtime)
    if not built:
        assert os.environ.get("FAIL_WITHOUT_SIMT") != "1", f"{name} was promised in build/"
        pytest.skip("steerx_simt is not built; run make cmake")
    spec = importlib.util.spec_from_file_location("steerx_simt", built[-1])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_says_how_it_was_built(simt: ModuleType) -> None:
    info = simt.build_info()
    assert set(info) == {"compiler", "isa", "sanitizer"}
    assert info["isa"] in ("baseline", "avx2", "avx512")
    assert info["sanitizer"] in ("", "address", "thread")


def test_it_chooses_the_instruction_set_that_the_library_chooses(simt: ModuleType) -> None:
    from steerx import ops

    info = ops.build_info()
    if not info:
        pytest.skip("no native library")
    assert simt.build_info()["isa"] == info["isa"]
