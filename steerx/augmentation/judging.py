"""The scorer of a job: what it says of pictures, which alphas reach a score, and which pictures are refused."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..scoring import Scorer, ScorerError, ask
from .alphas import Fixed, Target
from .errors import PlanError, ShardError
from .plan import Edit, Judging, Plan
from .rules import broken, parse_rule
from .samples import Samples, samples_of
from .seeking import seek

Render = Callable[[Samples], Tensor]


@dataclass(frozen=True, eq=False)
class Judge:
    """A scorer, and what a job does with its scores.

    Attributes:
        scorer: any callable: images [N, 3, H, W] in [-1, 1] -> [N, A']. It must give an image the same scores whenever
            it is asked.
        names: of its columns; () = those it says as `.names`.
        accept: rules such as "reached", "quality>=0.5" and "drift(pose,age)<=1"; see `rules.Rule`.
        tries: draws of a sample. A refused picture is drawn again, with another alpha and, where
            sources are drawn, another source; one that is refused at the last is left out and counted.
        reach: lowest and highest alpha that a search for a score looks at.
        tolerance: of a score that is sought.
        looks: pictures that a search may render beyond that at alpha 0.
    """

    scorer: Scorer
    names: Sequence[str] = ()
    accept: Sequence[str] = ()
    tries: int = 1
    reach: tuple[float, float] = (-6.0, 6.0)
    tolerance: float = 0.1
    looks: int = 8


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a scorer said of some samples.

    Attributes:
        scores: of the pictures [B, A'].
        before: of their sources [B, A']; None where nobody needs them.
        reached: whether each sought score is met [B, K]; true where none was sought.
        refused: the rule that each picture broke; "" where it broke none.
    """

    scores: Tensor
    before: Tensor | None
    reached: Tensor
    refused: tuple[str, ...] = ()


def judging_of(judge: Judge, edits: Sequence[Edit], drawn: bool) -> Judging:
    """What the plan says of a judge.

    Args:
        judge: who.
        edits: that it is asked about.
        drawn: whether sources are drawn, so that there are others.

    Raises:
        ValueError: settings that do not fit.
    """
    names = tuple(judge.names) or tuple(getattr(judge.scorer, "names", None) or ())
    if not names:
        raise ValueError(
            "augment: the scorer does not say what its columns are; give it .names, one per column"
        )
    low, high = map(float, judge.reach)
    if not low <= 0 <= high or low == high:
        raise ValueError(f"augment: reach must be two alphas around 0, got {low:g} and {high:g}")
    least: dict[str, tuple[float, float]] = {
        "tries": (judge.tries, 1),
        "looks": (judge.looks, 1),
        "tolerance": (judge.tolerance, 1e-6),
    }
    for name, (number, bound) in least.items():
        if not number >= bound:
            raise ValueError(f"augment: {name} must be {bound:g} or more, got {number}")
    plain = [e.alphas.scores if isinstance(e.alphas, Target) else e.alphas for e in edits]
    if judge.tries > 1 and not drawn and all(isinstance(told, Fixed) for told in plain):
        raise ValueError(
            "augment: given sources with given alphas are the same at every try; leave tries at 1"
        )
    for edit in edits:
        if isinstance(edit.alphas, Target) and edit.alphas.attribute not in names:
            raise ValueError(
                f"augment: the score {edit.alphas.attribute!r} that {edit.name} is to reach is none of the "
                f"scorer's ({', '.join(names)}); write target:NAME:..."
            )
    rules = tuple(parse_rule(text, names) for text in judge.accept)
    sought = any(isinstance(edit.alphas, Target) for edit in edits)
    # What changes no byte is always told alike, so that it changes no plan either.
    return Judging(
        sha256=fingerprint_of_scorer(judge.scorer),
        names=names,
        reach=(low, high) if sought else Judge.reach,
        tolerance=float(judge.tolerance) if sought else Judge.tolerance,
        looks=judge.looks if sought else Judge.looks,
        rules=rules,
        tries=judge.tries if rules else Judge.tries,
    )


def check_judge(plan: Plan, judge: Judge | None) -> None:
    """Refuse a judge that is not the plan's.

    Raises:
        PlanError: it is another.
    """
    came = None if judge is None else fingerprint_of_scorer(judge.scorer)
    if came != (plan.judging.sha256 if plan.judging is not None else None):
        raise PlanError("the scorer is not that of the plan; give the one it was made with")


def fingerprint_of_scorer(scorer: Scorer) -> str:
    """sha256 of a scorer's name, text and numbers; what it imports is not seen."""
    named = scorer if hasattr(scorer, "__qualname__") else type(scorer)
    told = hashlib.sha256(getattr(named, "__qualname__", "").encode())
    with contextlib.suppress(OSError, TypeError):  # typed at a prompt, or compiled
        told.update(inspect.getsource(named).encode())
    if isinstance(scorer, torch.nn.Module):
        for name, tensor in scorer.state_dict().items():
            told.update(f"{name}{list(tensor.shape)}".encode())
            told.update(tensor.double().cpu().contiguous().numpy().tobytes())
    return told.hexdigest()


def judged(
    plan: Plan, judge: Judge, ids: Sequence[int], render: Render, *, from_source: bool
) -> tuple[Samples, Tensor, Verdict]:
    """A micro-batch that is drawn, sought and judged until every picture is taken or out of tries.

    Rows that are done are rendered along, in their places, so that a sample's bits follow from the plan.

    Args:
        plan: with a judging.
        judge: asked.
        ids: of a whole micro-batch.
        render: samples -> images [B, 3, H, W].
        from_source: whether alpha 0 leaves a picture as it is, which absolute motions do not.

    Raises:
        ShardError: the scorer failed.
    """
    assert plan.judging is not None
    look = _Look(plan, plan.judging, judge.scorer, render, from_source and plan.at_once == 1)
    tries = torch.zeros(len(ids), dtype=torch.int64)
    for left in reversed(range(plan.judging.tries)):
        samples, images, verdict = look.at(samples_of(plan, ids, tries))
        refused = torch.tensor([bool(rule) for rule in verdict.refused])
        if not left or not bool(refused.any()):
            break
        tries = tries + refused.long()
    return samples, images, verdict


@dataclass(frozen=True, eq=False)
class _Look:
    """How samples are looked at."""

    plan: Plan
    told: Judging
    scorer: Scorer
    render: Render
    from_source: bool

    def at(self, samples: Samples) -> tuple[Samples, Tensor, Verdict]:
        """Samples with the alphas that were sought, their images, and what is said of them."""
        told, before, alphas = self.told, None, samples.alphas
        sought = [k for k, edit in enumerate(self.plan.edits) if isinstance(edit.alphas, Target)]
        if sought or any(rule.kind == "drift" for rule in told.rules):
            before = self.scores(samples, torch.full_like(alphas, torch.nan))
            for k in sought:  # one after the other: later ones see where earlier ones have gone
                alphas = self.found(samples, alphas, k, before)
        samples = replace(samples, alphas=alphas)
        images = self.render(samples)
        scores = self.asked(samples, images)
        reached = torch.ones_like(alphas, dtype=torch.bool)
        for k in sought:
            away = (scores[:, self.column(k)].double() - samples.targets[:, k]).abs()
            reached[:, k] = samples.targets[:, k].isnan() | (away <= told.tolerance)
        verdict = Verdict(scores, before, reached)
        return samples, images, replace(verdict, refused=_refused(told, verdict))

    def found(self, samples: Samples, alphas: Tensor, k: int, before: Tensor) -> Tensor:
        """Alphas [B, K] with those that reach the scores which direction k seeks."""
        wanted, column = samples.targets[:, k], self.column(k)

        def at(found: Tensor) -> Tensor:
            moved = alphas.clone()
            moved[:, k] = found.masked_fill(wanted.isnan(), torch.nan)
            return moved

        def value(found: Tensor) -> Tensor:
            return self.scores(samples, at(found))[:, column]

        start = before[:, column] if self.from_source else value(torch.zeros_like(wanted))
        found = seek(
            value,
            start,
            wanted,
            reach=self.told.reach,
            tolerance=self.told.tolerance,
            looks=self.told.looks,
        )
        return at(found)

    def column(self, k: int) -> int:
        """Of the scorer, that direction k seeks."""
        edit = self.plan.edits[k].alphas
        assert isinstance(edit, Target)
        return self.told.names.index(edit.attribute)

    def scores(self, samples: Samples, alphas: Tensor) -> Tensor:
        """Scores [B, A'] of samples with other alphas."""
        return self.asked(samples, self.render(replace(samples, alphas=alphas)))

    def asked(self, samples: Samples, images: Tensor) -> Tensor:
        """Scores [B, A'] of images.

        Raises:
            ShardError: the scorer failed.
        """
        ids, names = samples.ids.tolist(), self.told.names
        try:
            return ask("augment", self.scorer, images, numbers=ids, kind="sample", names=names)
        except ScorerError as error:
            raise ShardError(str(error)) from error


def _refused(told: Judging, verdict: Verdict) -> tuple[str, ...]:
    """The first rule that each picture breaks."""
    first = [""] * len(verdict.scores)
    for rule in reversed(told.rules):
        bad = broken(
            rule,
            told.names,
            scores=verdict.scores,
            before=verdict.scores if verdict.before is None else verdict.before,
            reached=verdict.reached,
        )
        for place in bad.nonzero()[:, 0].tolist():
            first[place] = rule.said
    return tuple(first)
