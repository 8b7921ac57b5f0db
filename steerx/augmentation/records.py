"""What is said of each sample beside its picture."""

from __future__ import annotations

from typing import Any

from .plan import Plan, Seeded
from .samples import Samples, seeds_at


def record(plan: Plan, samples: Samples, place: int) -> dict[str, Any]:
    """The columns of one sample, but for the hash of its file.

    Returns:
        sample, source, seed (None where sources are no seeds), class, edits (direction, alpha, unit, space,
        layers; none for an unedited one), and what holds for all: psi, noise, codec, model, plan, version.
    """
    source = int(samples.sources[place])
    alphas = samples.alphas[place]
    moved = [k for k, still in enumerate(alphas.isnan().tolist()) if not still]
    edits = [
        {
            "direction": plan.edits[k].name,
            "alpha": float(alphas[k]),
            "unit": plan.edits[k].unit,
            "space": plan.edits[k].space,
            "layers": plan.edits[k].layers,
        }
        for k in moved
    ]
    return {
        "sample": int(samples.ids[place]),
        "source": source,
        "seed": seeds_at(plan.sources, [source])[0] if isinstance(plan.sources, Seeded) else None,
        "class": plan.labels[source % len(plan.labels)] if plan.labels else None,
        "edits": edits,
        "psi": plan.psi,
        "noise": plan.noise,
        "codec": codec_said(plan),
        "model": plan.model_id,
        "plan": plan.plan_id,
        "steerx": plan.backend.steerx,
    }


def codec_said(plan: Plan) -> str:
    """`jpeg q95 4:4:4`."""
    codec = plan.codec
    said: list[str] = [codec.format]
    if codec.format != "png":
        said.append("lossless" if codec.quality is None else f"q{codec.quality}")
    if codec.subsampling is not None:
        said.append(":".join(codec.subsampling))
    return " ".join(said)
