"""The test-only module of the torch-free half, where CMake has built it."""

from __future__ import annotations

from types import ModuleType

import pytest

pytestmark = pytest.mark.simt


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
