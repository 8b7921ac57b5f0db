"""`steerx doctor`: what works here, which implementation answers, and what mends the rest."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import typer

from .failures import FAILED, printable
from .options import Json

State = Literal["ok", "not used", "missing", "broken"]
_TORCH_WITH_CUDA = "install a CUDA build of torch to use them: https://pytorch.org/get-started"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        part: what was looked at.
        state: "ok", "not used" (fine without it), "missing" or "broken".
        words: details; for anything but "ok", what mends it.
    """

    part: str
    state: State
    words: str


def doctor(as_json: Json = False) -> None:
    """Check this installation: torch, native operators and their numbers, encoders."""
    findings = list(_findings())
    broken = [f for f in findings if f.state == "broken"]
    ready = not any(f.part in ("torch", "library") or f.part.startswith("cpu:") for f in broken)
    last = _verdict(findings, broken, ready)
    if as_json:
        report = {"ready": ready, "summary": last, "findings": [asdict(f) for f in findings]}
        typer.echo(json.dumps(report, indent=2, allow_nan=False))
    else:
        colours = {"ok": "green", "not used": "bright_black", "missing": "yellow", "broken": "red"}
        for f in findings:
            typer.echo(f"{f.part:<24}", nl=False)
            typer.secho(f"{f.state:<10}", fg=colours[f.state], nl=False)
            typer.echo(f.words)
        typer.echo(f"=> {last}")
    if not ready:
        raise typer.Exit(FAILED)


def _findings() -> Iterator[Finding]:
    yield Finding(
        "python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    )
    try:
        import torch
    except Exception as error:
        yield Finding("torch", "broken", f"{_clean(error)}; pip install torch")
        return
    yield Finding("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")
    try:
        from .. import ops

        info = ops.build_info()
    except Exception as error:  # whatever a broken library raises, doctor says it
        yield Finding(
            "library",
            "broken",
            f"{_clean(error)}; pip install --force-reinstall --no-deps steerx",
        )
        return
    yield _library(info)
    yield _cuda(info)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        for name in sorted(ops.REGISTRY):
            yield _operator(name, device, ops.backend(name, device))
    yield _encoders()
    yield _faces()


def _library(info: dict[str, Any]) -> Finding:
    if not info:
        return Finding(
            "library",
            "not used",
            "no native library here, PyTorch answers instead; pip install steerx brings one",
        )
    cuda = f"CUDA {info['cuda']} for {', '.join(info['archs'])}" if info["cuda"] else "no CUDA"
    return Finding("library", "ok", f"CPU {info['isa']}; {cuda}; compiler {info['compiler']}")


def _cuda(info: dict[str, Any]) -> Finding:
    """Why CUDA kernels answer or do not."""
    import torch

    if torch.version.cuda is None:
        return Finding("cuda", "not used", f"this torch has no CUDA; {_TORCH_WITH_CUDA}")
    if not torch.cuda.is_available():
        why = info.get("driver") or "torch finds no CUDA device"
        return Finding("cuda", "not used", f"{why}; check nvidia-smi and the driver")
    name = torch.cuda.get_device_name()
    if not info.get("cuda"):
        return Finding("cuda", "not used", f"{name}: kernels were not built in; PyTorch answers")
    if info.get("driver"):
        return Finding("cuda", "missing", f"{name}: {info['driver']}; update the driver")
    from ..ops._backend import built_for

    capability = torch.cuda.get_device_capability()
    if not built_for(info["archs"], capability):
        number = "".join(map(str, capability))
        return Finding(
            "cuda",
            "broken",
            f"{name} is sm_{number}, kernels were built for {', '.join(info['archs'])}; build again with "
            f"STEERX_CUDA_ARCHS={number}",
        )
    return Finding("cuda", "ok", f"{name}, torch CUDA {torch.version.cuda}")


def _operator(name: str, device: str, backend: str) -> Finding:
    """Which implementation answers, and how far a native one is from the reference."""
    part = f"{device}: {name}"
    if backend != "native":
        return Finding(part, "ok", "reference (PyTorch)")
    from . import self_test

    try:
        off = self_test.error(name, device)
    except Exception as error:
        return Finding(
            part, "broken", f"native, self-test failed: {_clean(error)}; reinstall steerx"
        )
    if not off <= self_test.LIMIT:
        return Finding(part, "broken", f"native, self-test error {off:.1e}; reinstall steerx")
    return Finding(part, "ok", f"native, self-test error {off:.1e}")


def _encoders() -> Finding:
    from PIL import __version__, features

    lacking = [name for name in ("jpg", "webp", "zlib") if not features.check(name)]
    if lacking:
        return Finding(
            "encoders",
            "missing",
            f"pillow {__version__} without {', '.join(lacking)}; pip install --force-reinstall pillow",
        )
    return Finding("encoders", "ok", f"png, jpeg, webp by pillow {__version__}")


def _faces() -> Finding:
    from ..generators.loading import resolve

    if not resolve("faces").is_file():
        return Finding("faces", "missing", "the built-in network is not here; reinstall steerx")
    return Finding("faces", "ok", "built-in network; `steerx demo` shows it")


def _verdict(findings: list[Finding], broken: list[Finding], ready: bool) -> str:
    if not ready:
        return f"not ready: {broken[0].part} is broken; {broken[0].words.rsplit('; ', 1)[-1]}"
    cuda = any(f.part == "cuda" and f.state == "ok" for f in findings)
    where = "cuda" if cuda else "cpu"
    mine = [f for f in findings if f.part.startswith(f"{where}:")]
    native = sum(f.words.startswith("native") and f.state == "ok" for f in mine)
    note = f", but {broken[0].part} is broken" if broken else ""
    return (
        f"ready: {where.upper()}, {native} of {len(mine)} operators native, the rest by PyTorch"
        f"{note}. Next: `steerx demo`"
    )


def _clean(error: Exception) -> str:
    """An error's text without folders, which could name a person."""
    text = printable(str(error)) or type(error).__name__
    return re.sub(r"(?:[A-Za-z]:)?[\\/](?:[^\\/\s:'\"]+[\\/])*", "", text)
