from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from steerx import ops
from steerx.ops import _backend, _library, _winograd

BUILT = bool(ops.build_info())


def test_an_unknown_operator_is_named() -> None:
    with pytest.raises(ValueError, match="no operator 'conv'; there are bias_act, edit_styles"):
        ops.backend("conv")


def test_operators_without_a_kernel_are_answered_by_the_reference() -> None:
    assert ops.backend("upfirdn2d") == "reference"
    assert ops.backend("edit_styles", "meta") == "reference"


@pytest.mark.skipif(not BUILT, reason="no native library")
def test_the_native_library_adds_kernels_and_says_how_it_was_built() -> None:
    info = ops.build_info()
    assert set(info) == {"cuda", "archs", "isa", "compiler", "driver"}
    assert info["isa"] in ("baseline", "avx2", "avx512")
    assert ops.backend("edit_styles") == "native"
    on_cuda = ops.backend("edit_styles", torch.device("cuda:0"))
    assert on_cuda == ("native" if info["cuda"] and not info["driver"] else "reference")


@pytest.mark.skipif(not BUILT, reason="no native library")
def test_kernels_are_held_to_an_instruction_set() -> None:
    widest, random = ops.build_info()["isa"], torch.Generator().manual_seed(0)
    x = torch.randn(1, 8, 8, 64, generator=random)
    weight = torch.randn(64, 64, 3, 3, generator=random)
    points = _winograd.transformed(weight, "plain")
    room = torch.empty(_winograd.room("plain", 64, 64, torch.get_num_threads()))
    bits = {}
    try:
        for isa in dict.fromkeys(["baseline", widest]):
            ops.hold_isa(isa)
            assert ops.build_info()["isa"] == isa
            bits[isa] = torch.empty_like(x)
            _winograd.winograd(x, points, room, y=bits[isa])
        with pytest.raises(ValueError, match="'sse9' is no instruction set of this machine"):
            ops.hold_isa("sse9")  # type: ignore[arg-type]
        assert ops.build_info()["isa"] == widest
    finally:
        ops.hold_isa(None)
    assert ops.build_info()["isa"] == widest
    torch.testing.assert_close(bits["baseline"], bits[widest], rtol=1e-5, atol=1e-3)
    if widest != "baseline":  # whose products are fused with their sums
        assert not torch.equal(bits["baseline"], bits[widest])


@pytest.mark.skipif(BUILT, reason="the native library is here")
def test_without_the_library_there_is_nothing_to_tell() -> None:
    assert ops.build_info() == {}
    assert ops.backend("edit_styles") == "reference"
    assert _library.load_native() is False
    ops.hold_isa("avx2")  # torch alone answers, which listens to variables


@pytest.mark.skipif(not BUILT, reason="no native library")
def test_kernels_win_in_either_order_of_loading() -> None:
    code = """
import importlib.util, sys, torch
spec = importlib.util.find_spec("steerx")
path = next(p for d in spec.submodule_search_locations for p in __import__("pathlib").Path(d).glob("_C*.so"))
torch.ops.load_library(str(path))
import steerx.ops
assert steerx.ops.backend("edit_styles") == "native"
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize(
    ("archs", "capability", "fits"),
    [
        (["80+PTX", "90a"], (8, 0), True),
        (["80+PTX", "90a"], (8, 9), True),
        (["80+PTX", "90a"], (9, 0), True),
        (["80+PTX"], (12, 0), True),
        (["80+PTX"], (7, 5), False),
        (["80"], (9, 0), False),
        (["90a"], (9, 1), False),
        (["90a"], (10, 0), False),
        (["86"], (8, 0), False),
        (["75", "100"], (10, 3), True),
        ([], (8, 0), False),
    ],
)
def test_which_gpus_a_build_serves(
    archs: list[str], capability: tuple[int, int], fits: bool
) -> None:
    assert _backend.built_for(archs, capability) is fits
