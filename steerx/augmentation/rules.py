"""Which pictures a data set takes: rules over the scores of the edited picture and of its source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from .values import Value

_FORMS = "reached, eyeglasses>=0.5, quality<=2 or drift(pose,skin_tone)<=0.8"
_RULE = re.compile(r"(?:(drift)\(([^()]+)\)|([^()<>=]+))\s*(<=|>=)\s*(\S+)")


class Rule(Value):
    """One condition.

    Attributes:
        said: as people wrote it.
        kind: "reached": every score that was sought is met, within the tolerance. "score": a bound on a
            score of the picture. "drift": a bound on how far scores have moved from those of the source,
            as the Euclidean distance over the attributes.
        attributes: columns of the scorer.
        low, high: the bound; None = none on that side.
    """

    said: str
    kind: Literal["reached", "score", "drift"]
    attributes: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


def parse_rule(text: str, names: Sequence[str]) -> Rule:
    """The rule that words mean.

    Args:
        text: such as "reached", "quality>=0.5" or "drift(pose,age)<=1".
        names: the scorer's columns.

    Raises:
        ValueError: something else, or a column that is not there.
    """
    said = "".join(text.split())
    if said == "reached":
        return Rule(said=said, kind="reached")
    match = _RULE.fullmatch(text.strip())
    try:
        bound = float(match[5]) if match else float("nan")
    except ValueError:
        bound = float("nan")
    if match is None or not abs(bound) < float("inf") or (match[1] and match[4] == ">="):
        raise ValueError(f"accept: a rule must look like {_FORMS}, got {text!r}")
    attributes = tuple(name.strip() for name in (match[2] or match[3]).split(","))
    for name in attributes:
        if name not in names:
            raise ValueError(
                f"accept: {text!r} names {name!r}, the scores are {', '.join(names)}; take one of these"
            )
    low, high = (bound, None) if match[4] == ">=" else (None, bound)
    kind: Literal["score", "drift"] = "drift" if match[1] else "score"
    return Rule(said=said, kind=kind, attributes=attributes, low=low, high=high)


def broken(
    rule: Rule, names: Sequence[str], *, scores: Tensor, before: Tensor, reached: Tensor
) -> Tensor:
    """Which samples a rule refuses [B] bool.

    Args:
        rule: the rule.
        names: the scorer's columns.
        scores, before: [B, A'] of the pictures, and of their sources.
        reached: [B, K] bool, whether the score that was sought for a direction is met; true where none was.
    """
    if rule.kind == "reached":
        return ~reached.all(dim=1)
    columns = [names.index(name) for name in rule.attributes]
    value = scores[:, columns]
    if rule.kind == "drift":
        value = (value - before[:, columns]).norm(dim=1, keepdim=True)
    bad = value.isnan().any(dim=1)
    if rule.low is not None:
        bad |= (value < rule.low).any(dim=1)
    if rule.high is not None:
        bad |= (value > rule.high).any(dim=1)
    return bad
