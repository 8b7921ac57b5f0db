"""README.md of a data set: that it is synthetic, of what, and how it was edited."""

from __future__ import annotations

from typing import Any

from .plan import Plan
from .records import codec_said


def card(plan: Plan) -> str:
    """The card, in Markdown with the head that dataset hubs read."""
    rows = [
        f"| {edit.name} | {edit.space} | {edit.layers} | {_said(edit.alphas.model_dump())} {edit.unit} |"
        for edit in plan.edits
    ]
    source = {
        "drawn": f"drawn from key {plan.key}",
        "seeds": "numbered seeds",
        "codes": "given codes",
    }[plan.sources.kind]
    lines = [
        "---",
        "tags: [synthetic, steerx]",
        "---",
        "# Synthetic pictures",
        "",
        f"Every one of the {plan.samples} pictures ({plan.resolution} px, {codec_said(plan)}) was made by a "
        "generative network; none is a photograph.",
        "",
        f"- network: `{plan.model_id}`; its weights keep their own licence, which may bind these pictures too",
        f"- sources: {plan.sources.count}, {source}; truncation psi {plan.psi:g}; noise {plan.noise}",
        f"- of each source: {plan.edits_per_source} edited pictures, moved along {plan.at_once} at once"
        + (", and the unedited one" if plan.keep_original else ""),
        f"- plan: `{plan.plan_id}`, by steerx {plan.backend.steerx}",
        "",
        "| direction | space | layers | alpha |",
        "|---|---|---|---|",
        *rows,
        "",
        *_judged(plan),
        "Each picture has a JSON file beside it: `sample`, `source`, `seed`, `class`, `edits` and `sha256`.",
        "Attributes are those that the edits were meant to move; what they moved besides is not labelled.",
    ]
    return "\n".join(lines) + "\n"


def _judged(plan: Plan) -> list[str]:
    """What a scorer had to do with it."""
    if plan.judging is None:
        return []
    rules = ", ".join(f"`{rule.said}`" for rule in plan.judging.rules)
    kept = f"; pictures keep {rules}, in at most {plan.judging.tries} draws" if rules else ""
    return [
        f"A scorer saw every picture ({', '.join(plan.judging.names)}){kept}. The manifest counts what was left out.",
        "",
    ]


def _said(alphas: dict[str, Any]) -> str:
    """`uniform low -3.0 high 3.0`."""
    told = dict(alphas)
    kind = told.pop("kind")
    if kind == "target":
        return f"that gives {told['attribute']} {_said(told['scores'])}"
    return f"{kind} " + " ".join(f"{name} {value}" for name, value in told.items())
