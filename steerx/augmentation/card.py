"""README.md of a data set: that it is synthetic, of what, and how it was edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .amendments import Part
from .plan import Edit, Plan
from .records import codec_said

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card(
    plan: Plan,
    *,
    samples: int | None = None,
    parts: Sequence[Part] = (),
    where: str = "a JSON file beside it",
    pattern: str = "",
) -> str:
    """The card, in Markdown with the head that dataset hubs read.

    Args:
        plan: of the job.
        samples: how many pictures there are; None = all of the plan.
        parts: plans that made it, where it was amended.
        where: what is said of each picture stands.
        pattern: of the files that hold the samples, where that must be told.
    """
    count = plan.samples if samples is None else samples
    source = {
        "drawn": f"drawn from key {plan.key}",
        "seeds": "numbered seeds",
        "codes": "given codes",
    }[plan.sources.kind]
    part = "" if count == plan.samples else f" (of {plan.samples} that the plan names)"
    lines = [
        "---",
        "pretty_name: Synthetic pictures",
        "tags: [synthetic, steerx]",
        f"size_categories: [{next((said for most, said in _SIZES if count < most), 'n>1M')}]",
        *_files(pattern),
        "---",
        "# Synthetic pictures",
        "",
        f"Every one of the {count} pictures{part} ({plan.resolution} px, {codec_said(plan)}) was made by a "
        "generative network; none is a photograph.",
        "",
        f"- network: `{plan.model_id}`; its weights keep their own licence, which may bind these pictures too",
        f"- sources: {plan.sources.count}, {source}; truncation psi {plan.psi:g}; noise {plan.noise}",
        f"- of each source: {plan.edits_per_source} edited pictures, moved along {plan.at_once} at once"
        + (", and the unedited one" if plan.keep_original else ""),
        f"- plan: `{plan.plan_id}`, by steerx {plan.backend.steerx}",
        *_amended(plan, parts),
        "",
        "| direction | space | layers | alpha | sha256 |",
        "|---|---|---|---|---|",
        *map(_row, plan.edits),
        "",
        *_judged(plan),
        f"Each picture has {where}: `sample`, `source`, `seed`, `class`, `edits`, `sha256` and more.",
        "Attributes are those that the edits were meant to move; what they moved besides is not labelled.",
    ]
    return "\n".join(lines) + "\n"


def _files(pattern: str) -> list[str]:
    """Where a hub finds the samples."""
    if not pattern:
        return []
    return [
        "configs:",
        "- config_name: default",
        f'  data_files: [{{split: train, path: "{pattern}"}}]',
    ]


def _amended(plan: Plan, parts: Sequence[Part]) -> list[str]:
    """That some pictures were rendered in batches of another size."""
    if all(part.plan_id == plan.plan_id for part in parts):
        return []
    told = ", ".join(f"{part.batch} at once by `{part.plan_id}`" for part in parts)
    return [f"- amended on the way, as each picture's `plan` tells: rendered {told}"]


def _row(edit: Edit) -> str:
    """A direction in a table; its name may hold anything."""
    name = "".join(c if c.isprintable() else "?" for c in edit.name).replace("|", "\\|")
    alphas = _said(edit.alphas.model_dump())
    return f"| {name} | {edit.space} | {edit.layers} | {alphas} {edit.unit} | `{edit.sha256}` |"


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
