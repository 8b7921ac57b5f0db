"""What is said of each sample beside its picture."""

from __future__ import annotations

from typing import Any

from .alphas import Target
from .judging import Verdict
from .plan import Plan, Seeded
from .samples import Samples, seeds_at


def record(
    plan: Plan, samples: Samples, place: int, verdict: Verdict | None = None
) -> dict[str, Any]:
    """The columns of one sample, but for the hash of its file.

    Returns:
        sample, source, seed (None where sources are no seeds), class, edits (direction, alpha, unit, space,
        layers; none for an unedited one), and what holds for all: psi, noise, codec, model, plan, version.
        Where pictures are scored: `scores`, `source_scores` (where its source was looked at), `draw` (how many
        pictures were refused before this one), and in an edit whose alpha was sought `target` and `reached`.
    """
    source = int(samples.sources[place])
    alphas = samples.alphas[place]
    moved = samples.moved[place].nonzero()[:, 0].tolist()
    edits: list[dict[str, Any]] = [
        {
            "direction": plan.edits[k].name,
            "alpha": float(alphas[k]),
            "unit": plan.edits[k].unit,
            "space": plan.edits[k].space,
            "layers": plan.edits[k].layers,
        }
        for k in moved
    ]
    judged: dict[str, Any] = {}
    if verdict is not None:
        judged = _judged(plan, samples, place, verdict)
        for k, edit in zip(moved, edits, strict=True):
            told = plan.edits[k].alphas
            if isinstance(told, Target):
                edit["attribute"] = told.attribute
                edit["target"] = float(samples.targets[place, k])
                edit["reached"] = bool(verdict.reached[place, k])
    return judged | {
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


def _judged(plan: Plan, samples: Samples, place: int, verdict: Verdict) -> dict[str, Any]:
    assert plan.judging is not None
    names = plan.judging.names
    told: dict[str, Any] = {"draw": int(samples.tries[place])}
    told["scores"] = dict(zip(names, verdict.scores[place].tolist(), strict=True))
    if verdict.before is not None:
        told["source_scores"] = dict(zip(names, verdict.before[place].tolist(), strict=True))
    return told


def codec_said(plan: Plan) -> str:
    """`jpeg q95 4:4:4`."""
    codec = plan.codec
    said: list[str] = [codec.format]
    if codec.format != "png":
        said.append("lossless" if codec.quality is None else f"q{codec.quality}")
    if codec.subsampling is not None:
        said.append(":".join(codec.subsampling))
    return " ".join(said)
