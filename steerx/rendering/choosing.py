"""Choosing between forms of one convolution by measuring them once, on the device and sizes at hand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from .convolution import Kernel, Policy, convolve

UpForm = Literal["transposed", "dense"]
FORMS: tuple[UpForm, ...] = ("transposed", "dense")
_ROUNDS = 5

# What was measured, for the life of the process: machine and versions, sizes, policy -> form.
_measured: dict[tuple[Any, ...], UpForm] = {}


def chosen(x: Tensor, kernel_of: Callable[[UpForm], Kernel], policy: Policy) -> UpForm:
    """The faster form of an upsampling layer's convolution for these sizes; measured at first use.

    Args:
        x: the layer's styled input [N, I, H, W], channels last.
        kernel_of: packs the weight for a form.
        policy: what the library may do.
    """
    key = (
        *_machine(x.device),
        x.dtype,
        tuple(x.shape),
        kernel_of("transposed").scale.numel(),
        policy,
    )
    if key not in _measured:
        kernels = {form: kernel_of(form) for form in FORMS}
        for form in FORMS:  # warm-up: the library chooses its algorithms, memory is asked for
            convolve(x, kernels[form], policy)
        times: dict[UpForm, list[float]] = {form: [] for form in FORMS}
        for _ in range(_ROUNDS):  # in turns, so that a busy machine is unfair to neither
            for form in FORMS:
                work = partial(convolve, x, kernels[form], policy)
                times[form].append(_seconds(work, x.device))
        _measured[key] = min(FORMS, key=lambda form: statistics.median(times[form]))
    return _measured[key]


def forget() -> None:
    """Measure anew."""
    _measured.clear()


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    if device.type != "cuda":
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record()
    work()
    last.record()
    last.synchronize()
    return float(first.elapsed_time(last)) / 1000


def _machine(device: torch.device) -> tuple[Any, ...]:
    """What a measurement holds for."""
    if device.type != "cuda":
        return (device.type, torch.__version__, torch.get_num_threads())
    name = torch.cuda.get_device_name(device)
    return (name, torch.__version__, torch.backends.cudnn.version())
