"""The module of CUDA kernels that run on the CPU, where CMake has built it."""

from __future__ import annotations

import importlib.util
import os
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def simt() -> ModuleType:
    name = "steerx_simt" + sysconfig.get_config_var("EXT_SUFFIX")
    folder = Path(os.environ.get("SIMT_BUILD", REPOSITORY / "build"))
    built = sorted(folder.rglob(name), key=lambda p: p.stat().st_mtime)
    if not built:
        assert os.environ.get("FAIL_WITHOUT_SIMT") != "1", f"{name} was promised in {folder}"
        pytest.skip("steerx_simt is not built; run make cmake")
    spec = importlib.util.spec_from_file_location("steerx_simt", built[-1])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["forward", "reverse", "random"])
def ordered(request: pytest.FixtureRequest, simt: ModuleType) -> ModuleType:
    """The module, its threads taking turns in each order."""
    simt.set_order(getattr(simt.Order, request.param), seed=7)
    return simt
