"""What mines directions: eigenproblems, moments and weight products against the lines of torch that do the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import steerx
from bench.gpu_device import Device
from bench.gpu_plan import network
from bench.gpu_sides import OURS, Answer, compared, gathered
from steerx import ops
from steerx.ops import _moments as sums
from steerx.ops._weight_covariance import weight_covariance

# SeFa and GANSpace of config-f solve 512, Rayleigh-Ritz and per-layer top-k up to 64.
MATRICES = ((64, 8), (18, 32), (64, 64), (1, 64), (18, 256), (1, 512), (18, 512))
WIDTH = 512


def drawn(device: Device, *shape: int) -> Tensor:
    return torch.randn(
        *shape, generator=torch.Generator(device.name).manual_seed(0), device=device.name
    )


@torch.no_grad()
def eigenproblems(device: Device, matrices: tuple[tuple[int, int], ...]) -> Answer:
    """eigh against one batched call of the library, which gives less: ascending, signs as they come."""
    rows = []
    for b, n in matrices:
        x = drawn(device, b, 2 * n, n) * torch.logspace(0, -1, n, device=device.name)
        rows.append({"matrices": f"{b} of n = {n}", "n": n, **_eigh(device, x.mT @ x)})
    return gathered(rows, "matrices")


def _eigh(device: Device, a: Tensor) -> Answer:
    sides = {
        OURS: lambda: ops.REGISTRY["eigh"].call(a)[0],
        "torch.linalg.eigh, batched": lambda: torch.linalg.eigh(a)[0].flip(-1),
    }
    exact = torch.linalg.eigvalsh(a.double()).flip(-1)
    return compared(device, sides, exact, within=1e-5)


@torch.no_grad()
def components(device: Device, count: int) -> Answer:
    """GANSpace of codes [count, 512] against six lines of PCA, with the memory that each needs beside the codes."""
    basis = drawn(device, WIDTH, WIDTH) * torch.linspace(1, 0.05, WIDTH, device=device.name)
    codes = drawn(device, count, WIDTH) @ basis + 1

    def fitted(x: Tensor) -> Tensor:
        return steerx.GANSpace(k=10).fit(x).explained_variance_

    sides = {OURS: lambda: fitted(codes), "six lines": lambda: six_lines(codes)}
    exact = torch.linalg.eigvalsh(torch.cov(codes.double().mT)).flip(0)[:10]
    row = compared(device, sides, exact, within=1e-4)
    quarter = codes[: count // 4]
    row["peak_bytes"] = {
        name: [device.peak(lambda x=x: work(x)) for x in (quarter, codes)]  # type: ignore[misc]  # noqa: B023
        for name, work in ((OURS, fitted), ("six lines", six_lines))
    }
    few, many = row["peak_bytes"][OURS]
    row["growth"] = None if few is None else round(many / max(few, 1), 3)
    return {"codes": [count, WIDTH], **row}


def six_lines(x: Tensor) -> Tensor:
    """What people write."""
    mean = x.mean(0)
    centred = x - mean
    covariance = centred.mT @ centred / (len(x) - 1)
    values, _ = torch.linalg.eigh(covariance)
    return values.flip(0)[:10]


@torch.no_grad()
def moments(device: Device, counts: tuple[int, ...]) -> Answer:
    """Covariance of a chunk of codes: our sums, the same by torch, float64 and float32 throughout."""
    return gathered([_moments(device, 1 + drawn(device, n, WIDTH)) for n in counts], "chunk")


def _moments(device: Device, x: Tensor) -> Answer:
    def summed(add: Callable[..., None]) -> Tensor:
        wide = torch.zeros(WIDTH + 1, WIDTH, dtype=torch.float64, device=x.device)
        add(x, x[0], wide[0], wide[1:])
        return (wide[1:] - torch.outer(wide[0], wide[0]) / len(x)) / (len(x) - 1)

    def lines(dtype: torch.dtype) -> Tensor:
        rows = x.to(dtype)
        centred = rows - rows.mean(0)
        return centred.mT @ centred / (len(x) - 1)

    sides = {
        OURS: lambda: summed(sums.moments),
        "its reference": lambda: summed(sums.reference),
        "six lines, float64": lambda: lines(torch.float64),
        "six lines, float32": lambda: lines(torch.float32),
    }
    found = compared(device, sides, lines(torch.float64), within=1e-4)
    return {"chunk": list(x.shape), **found}


@torch.no_grad()
def weight_products(device: Device, resolution: int) -> Answer:
    """A Aᵀ of every layer's style weights, as SeFa asks for: one call, against the obvious lines."""
    weights = [w.float() for w in network(device.name, resolution).style_weights()]

    def lines(dtype: torch.dtype) -> Tensor:
        rows = [torch.nn.functional.normalize(w.to(dtype), dim=1) for w in weights]
        return torch.stack([w.mT @ w for w in rows])

    sides = {
        OURS: lambda: weight_covariance(weights),
        "obvious lines, float64": lambda: lines(torch.float64),
        "obvious lines, float32": lambda: lines(torch.float32),
    }
    found = compared(device, sides, lines(torch.float64), within=1e-5)
    return {"layers": len(weights), **found}


@torch.no_grad()
def mining(device: Device, resolution: int) -> Answer:
    """All of these."""
    real = device.real
    parts: dict[str, Any] = {
        "eigh": eigenproblems(device, MATRICES if real else ((4, 8), (2, 16))),
        "components": components(device, 1_000_000 if real else 2000),
        "moments": moments(device, (10_000, 100_000) if real else (600,)),
        "weight_covariance": weight_products(device, resolution),
    }
    wrong = [f"{name}: {said}" for name, part in parts.items() for said in part.get("wrong", [])]
    return parts | ({"wrong": wrong} if wrong else {})
