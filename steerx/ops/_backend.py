"""Which implementation answers, and why. The dispatcher is asked; nothing is remembered."""

from __future__ import annotations

import importlib.util
import json
from typing import Any, Literal

import torch

from ._library import REGISTRY, has_kernel

NATIVE_KEYS = ("CPU", "CUDA")  # under Meta, for one, the dispatcher holds the fake


def backend(name: str, device: str | torch.device = "cpu") -> str:
    """Which implementation of an operator answers on a device: "native" or "reference".

    Args:
        name: an operator of `steerx.ops.REGISTRY`.
        device: "cpu", "cuda", "cuda:1", ...

    Raises:
        ValueError: no such operator.
    """
    if name not in REGISTRY:
        raise ValueError(f"backend: no operator {name!r}; there are {', '.join(sorted(REGISTRY))}")
    key = torch.device(device).type.upper()
    return "native" if key in NATIVE_KEYS and has_kernel(name, key) else "reference"


def build_info() -> dict[str, Any]:
    """How the native library was built, {} where there is none.

    Keys: ``cuda`` (toolkit version the kernels were compiled with, or null), ``archs``, ``isa`` (the
    CPU instruction set chosen at run time), ``compiler``, ``driver`` (why CUDA kernels are missing).
    """
    if importlib.util.find_spec("steerx._C") is None:
        return {}
    return json.loads(torch.ops.steerx.build_info())  # type: ignore[no-any-return]


def hold_isa(isa: Literal["baseline", "avx2", "avx512"] | None) -> None:
    """Hold the native CPU kernels of this process to an instruction set; None gives back the machine's widest.

    For benches that compare both sides on equal terms: torch and its libraries have variables of their own
    (``ATEN_CPU_CAPABILITY``, ``ONEDNN_MAX_CPU_ISA``). Without a native library there is nothing to hold.

    Raises:
        ValueError: no such instruction set, or this machine does not run it.
    """
    if build_info() and not torch.ops.steerx._hold_isa(isa or ""):
        raise ValueError(
            f"hold_isa: {isa!r} is no instruction set of this machine; baseline is one on all, "
            "build_info()['isa'] the widest here"
        )


def built_for(archs: list[str], capability: tuple[int, int]) -> bool:
    """Whether kernels compiled for these architectures run on a GPU of this compute capability.

    Machine code of 8.0 runs on every later 8.x; with "+PTX" the driver translates for anything newer; with
    "a" it is for that one capability.

    Args:
        archs: as `build_info` gives them: "80+PTX", "90a".
        capability: as `torch.cuda.get_device_capability` gives it: (9, 0).
    """
    for arch in archs:
        number = arch.removesuffix("+PTX")
        own = divmod(int(number.rstrip("af")), 10)
        same = own[0] == capability[0] and own[1] <= capability[1]
        fits = own == capability if number.endswith("a") else same
        if fits or (arch.endswith("+PTX") and own <= capability):
            return True
    return False
