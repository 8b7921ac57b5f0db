"""How far the CPU's runs of the kernels can be trusted: the largest difference to the device, in ulps."""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from bench import gpu_arguments
from bench.gpu_arguments import Parts, outputs
from bench.gpu_device import Device, ulps
from steerx import ops
from steerx.ops._epilogue import epilogue
from steerx.ops._moments import moments
from steerx.ops._whole_layer import whole_layer
from tests.simt.arrays import array, name, unwritten

ROOT = Path(__file__).resolve().parents[1]
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
Pairs = Iterator[tuple[str, Tensor, Tensor]]  # what, by the CPU's run, on the device


def simt(device: Device) -> dict[str, Any]:
    """Every kernel by both: in ulps of each number, and of the largest one.

    Sums near zero have lost their digits on both sides, so many ulps of a number may be few of the largest.
    """
    module = built()
    if module is None:
        return {"skipped": "steerx_simt is not built; make cmake"}
    found = {}
    for what in (tails, layers, eigenproblems, sums):
        for key, here, there in what(device, module):
            there = there.cpu()
            apart = (here.double() - there.double()).abs().max()
            step = torch.finfo(there.dtype).eps * there.double().abs().max()
            found[key] = {"ulps": ulps(here, there), "ulps_of_largest": float(apart / step)}
    return {"differences": found}


def built() -> ModuleType | None:
    """The newest module that CMake has built, None where there is none."""
    file = "steerx_simt" + str(sysconfig.get_config_var("EXT_SUFFIX"))
    paths = sorted((ROOT / "build").rglob(file), key=lambda path: path.stat().st_mtime)
    if not paths:
        return None
    spec = importlib.util.spec_from_file_location("steerx_simt", paths[-1])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def served(parts: Parts, *, without: tuple[str, ...]) -> tuple[Parts, Parts]:
    """A tail's parts on the CPU, and the arrays of them that the module's doors take."""
    own = {k: v.cpu().clone() if isinstance(v, Tensor) else v for k, v in parts.items()}
    given = {k: v for k, v in own.items() if v is not None and k not in without}
    if "noise_strength" in given:
        given["noise_strength"] = given["noise_strength"].view(1)
    if "blur" in given:
        given["taps"] = given.pop("blur")
    return own, {k: array(v) if isinstance(v, Tensor) else v for k, v in given.items()}


def named(what: str, own: Parts, parts: Parts) -> Pairs:
    keys, dtype = [key for key in ("y", "styled", "rgb") if key in parts], parts["x"].dtype
    for key, here, there in zip(keys, outputs(own), outputs(parts), strict=True):
        yield f"{what}, {key}", here.to(dtype), there.to(dtype)  # a picture is no finer than y


def tails(device: Device, module: ModuleType) -> Pairs:
    for dtype, blur in product(DTYPES, (False, True)):
        parts = gpu_arguments.tail(device.name, dtype, (2, 18, 34, 16), blur)
        own, given = served(parts, without=("x",))
        epilogue(**parts)
        kernel = "upsample_epilogue" if blur else "style_epilogue"
        getattr(module, kernel)(name(dtype), array(own["x"]), given)
        yield from named(f"{kernel}, {name(dtype)}", own, parts)


def layers(device: Device, module: ModuleType) -> Pairs:
    for dtype, up in product(DTYPES[1:], (1, 2)):
        parts = gpu_arguments.whole(device.name, dtype, (1, 10, 18, 24, 32), up, True)
        own, given = served(parts, without=("x", "weight"))
        whole_layer(**parts)
        module.style_layer(name(dtype), array(own["x"]), array(own["weight"]), up, given)
        yield from named(f"style_layer, up {up}, {name(dtype)}", own, parts)


def eigenproblems(device: Device, module: ModuleType) -> Pairs:
    """The values: a vector's bits depend on its neighbours' distance more than on anything else."""
    for n in (8, 33):
        b = gpu_arguments.normal(torch.Generator().manual_seed(4), 2, 2 * n, n)
        a = b.mT @ b
        values, vectors = unwritten(a.shape[:2], a.dtype), unwritten(tuple(a.shape), a.dtype)
        module.eigh(array(a), array(values), array(vectors))
        yield f"eigh, n = {n}, values", values, ops.eigh(a.to(device.name))[0]


def sums(device: Device, module: ModuleType) -> Pairs:
    x = 1 + gpu_arguments.normal(torch.Generator().manual_seed(4), 600, 70)
    there = torch.zeros(71, 70, dtype=torch.float64, device=device.name)
    moments(x.to(device.name), x[0].to(device.name), there[0], there[1:])
    here = torch.zeros(71, 70, dtype=torch.float64)
    partial = unwritten((module.moments_parts(len(x)), 71, 70), torch.float64)
    doors = (array(x[0]), array(here[0]), array(here[1:]), array(partial))
    module.moments(name(x.dtype), array(x), *doors)
    yield "moments, products", here[1:].float(), there[1:].float()
