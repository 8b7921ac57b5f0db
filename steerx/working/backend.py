"""What computes, so that workers on other machines than the driver's are known to make other bits."""

from __future__ import annotations

import socket

import torch
from pydantic import BaseModel, ConfigDict

from .._version import version
from ..generators import Generator
from ..ops import _direct, build_info


class Backend(BaseModel):
    """What computes: pictures of two backends are close, not the same bytes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    renderer: str
    dtype: str
    device: str
    isa: str
    torch: str
    steerx: str


def backend_of(G: Generator) -> Backend:
    """What computes here."""
    dtype = getattr(G.renderer, "dtype", None) or next(G.parameters()).dtype
    isa = torch.backends.cpu.get_cpu_capability()
    if G.device.type == "cuda":
        isa = torch.cuda.get_device_name(G.device)
    built = build_info()
    kernels = f"native {built['isa']}" if built else "reference"
    if G.device.type == "cpu" and _direct.fast():
        kernels += " and matrix-unit"
    return Backend(
        renderer=G.renderer.name,
        dtype=str(dtype).removeprefix("torch."),
        device=G.device.type,
        isa=f"{isa}, {kernels} kernels",
        torch=torch.__version__,
        steerx=version(),
    )


def unlike(G: Generator, wanted: Backend) -> str:
    """Why a generator's pictures here are not those of a job, bit for bit; "" where they are."""
    here = backend_of(G)
    for name in type(here).model_fields:
        came, told = getattr(here, name), getattr(wanted, name)
        if came != told:
            return (
                f"{socket.gethostname()} has {name} {came}, the job {told}: its pictures would not be the "
                "same; use machines that are alike"
            )
    return ""
