"""Choosing between forms of one layer by measuring them once, on the device and sizes at hand."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch

from .._files import whole_file
from .._version import version

UpForm = Literal["transposed", "dense"]
LayerForm = Literal["plain", "transposed", "dense", "whole"]
_ROUNDS = 5
_MOST_BYTES = 1 << 20  # of a file that is read; ours have a hundred or two a layer


class Choices:
    """Forms that were measured, each with the device, versions and sizes it holds for.

    Args:
        file: where they are kept for the next process, which then chooses the same without measuring; None
            = for the life of this object. What cannot be read there is measured anew, and a file that cannot
            be written is no error: it says nothing but which of several right ways is fast.
    """

    def __init__(self, file: str | os.PathLike[str] | None = None) -> None:
        self.file = None if file is None else Path(file)
        self._forms = self._stored()

    def form(
        self,
        works: Mapping[LayerForm, Callable[[], object]],
        device: torch.device,
        what: tuple[Any, ...],
    ) -> LayerForm:
        """The fastest form of a layer; measured at first use.

        Args:
            works: makes the layer in each form; the results may be overwritten.
            device: where.
            what: of the layer, its sizes and the policy, all that the time depends on.
        """
        key = repr((_machine(device), *what, tuple(works)))
        form = self._forms.get(key)
        if form is None or form not in works:  # a file may say anything
            on = torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()
            with on:
                form = self._forms[key] = _fastest(works, device)
            self._store()
        return form

    def _stored(self) -> dict[str, LayerForm]:
        """What the file says: forms, and nothing else."""
        try:
            if self.file is None or self.file.stat().st_size > _MOST_BYTES:
                return {}
            found = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(found, dict):
            return {}
        forms = get_args(LayerForm)
        return {key: cast(LayerForm, form) for key, form in found.items() if form in forms}

    def _store(self) -> None:
        if self.file is None:
            return
        with contextlib.suppress(OSError):
            merged = self._stored() | self._forms  # another process may have written meanwhile
            with whole_file(self.file, overwrite=True) as file:
                file.write((json.dumps(merged, indent=0, sort_keys=True) + "\n").encode())


PROCESS = Choices()  # of all renderers that are given no other


def _fastest(works: Mapping[LayerForm, Callable[[], object]], device: torch.device) -> LayerForm:
    for work in works.values():  # warm-up: the library chooses its algorithms, memory is asked for
        work()
    times: dict[LayerForm, list[float]] = {form: [] for form in works}
    for _ in range(_ROUNDS):  # in turns, so that a busy machine is unfair to none
        for form, work in works.items():
            times[form].append(_seconds(work, device))
    return min(works, key=lambda form: statistics.median(times[form]))


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


@cache
def _own_version() -> str:
    return version()


def _machine(device: torch.device) -> tuple[Any, ...]:
    """What a measurement holds for; our own kernels are another half of it."""
    versions = (_own_version(), torch.__version__)
    if device.type != "cuda":
        capability = torch.backends.cpu.get_cpu_capability()
        return (device.type, capability, *versions, torch.get_num_threads())
    name = torch.cuda.get_device_name(device)
    return (name, *versions, torch.version.cuda, torch.backends.cudnn.version())
