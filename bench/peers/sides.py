"""Everybody who is compared: names, what they need, how their pictures are made."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from functools import partial
from typing import Any

from bench.peers import checkouts, runtimes, sweeps, torch_sides
from bench.peers.job import Precision, Side

PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
ORACLE, LOOP = "steerx plain fp32", "papers' form fp32, a loop"  # what the others must agree with
OURS = ("steerx fp32", "steerx bf16")  # what every side is compared with, in every group
ADA, ADA_MODULES = "stylegan2-ada", ("torch", "steerx.generators", "training.networks")
_ADA: dict[str, Any] = {"checkout": ADA, "modules": ADA_MODULES}
_LOOP: dict[str, Any] = {"family": "decisive", "loop": True}
FORMS = {"shared": "shared weights", "published": "papers' form"}
ADA_FORMS = {"fused": "stylegan2-ada, fused", "unfused": "stylegan2-ada, not fused"}


def _exported() -> list[Side]:
    """Graphs in the two runtimes: the rewritten one, and published networks as they are."""
    found = []
    for form, words in {**FORMS, **ADA_FORMS}.items():
        checkout = ADA if form in ADA_FORMS else None
        own: dict[str, Any] = {
            "package": "openvino",
            "modules": ("torch", "openvino"),
            "checkout": checkout,
        }
        for precision in PRECISIONS:
            build = partial(runtimes.openvino, form=form, precision=precision)
            name = f"OpenVINO {precision}: {words}"
            family = "others" if form == "published" else "decisive"
            found.append(Side(name, precision, build, **own, torch=False, family=family))
        own = {"package": "onnxruntime", "modules": ("torch", "onnxruntime"), "checkout": checkout}
        build = partial(runtimes.onnxruntime, form=form)
        name = f"ONNX Runtime fp32: {words}"
        found.append(Side(name, "fp32", build, **own, torch=False, held=False))
    return found


def _compiled() -> list[Side]:
    """torch.compile of the rewritten network, of the plain renderer, of a published program."""
    found = [
        Side(f"torch.compile {p}: shared weights", p, partial(torch_sides.compiled, precision=p))
        for p in PRECISIONS
    ]
    plain = "torch.compile fp32: steerx plain"
    found.append(Side(plain, "fp32", torch_sides.compiled_plain))
    for form, words in ADA_FORMS.items():
        build = partial(checkouts.compiled_ada, fused=form == "fused")
        found.append(Side(f"torch.compile fp32: {words}", "fp32", build, **_ADA))
    return [replace(side, family="compiled") for side in found]


RENDERING: dict[str, Side] = {
    side.name: side
    for side in (
        Side(ORACLE, "fp32", partial(torch_sides.ours, renderer="plain", precision="fp32")),
        *(
            Side(name, precision, partial(torch_sides.ours, renderer="native", precision=precision))
            for name, precision in zip(OURS, PRECISIONS, strict=True)
        ),
        Side("papers' form fp32", "fp32", torch_sides.published),
        *_compiled(),
        *_exported(),
        Side("stylegan2-ada fp32", "fp32", checkouts.stylegan2_ada, **_ADA, family="decisive"),
        Side("stylegan3's StyleGAN2 fp32", "fp32", checkouts.stylegan3, checkout="stylegan3"),
        Side("rosinality fp32", "fp32", checkouts.rosinality, checkout="rosinality"),
        Side("genforce fp32", "fp32", checkouts.genforce, checkout="genforce"),
    )
}

SWEEPING: dict[str, Side] = {
    side.name: side
    for side in (
        *(
            Side(name, precision, partial(sweeps.ours, precision=precision))
            for name, precision in zip(OURS, PRECISIONS, strict=True)
        ),
        Side(LOOP, "fp32", sweeps.published, **_LOOP),
        Side("stylegan2-ada fp32, a loop", "fp32", sweeps.stylegan2_ada, **_ADA, **_LOOP),
    )
}


def graph_of(side: Side) -> str | None:
    """The form whose exported graph a side reads, None where it reads none."""
    build = side.build
    return build.keywords.get("form") if isinstance(build, partial) else None


def missing(side: Side, folders: dict[str, str]) -> str | None:
    """What a side needs and this run lacks, in words."""
    packages = [side.package, "onnx", "onnxscript"] if side.package else []
    absent = [name for name in packages if name and importlib.util.find_spec(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed (pip install 'steerx[bench]')"
    if side.checkout and side.checkout not in folders:
        return f"no --{side.checkout} FOLDER"
    return None
