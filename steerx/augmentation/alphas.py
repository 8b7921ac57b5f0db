"""How strong the edits of a data set are: a distribution of alpha, or of the score that alpha is sought for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from .values import Value

_FORMS = (
    "-3,0,3 (these, in turn), uniform:-3,3, normal:0,1.5, bins:-3,-1,1,3 (equal counts in each), or target: "
    "before one of these, for scores to be reached"
)


@dataclass(frozen=True, eq=False)
class Draws:
    """What some samples draw for one direction; each [B].

    Attributes:
        turn: 0, 1, ... counted from where the source begins.
        place: 0, 1, ... counted over all sources.
        uniform: in (0, 1), float64.
        normal: standard normal, float64.
    """

    turn: Tensor
    place: Tensor
    uniform: Tensor
    normal: Tensor


class Fixed(Value):
    """Values in turn: as many edits as values give each source every value once."""

    kind: Literal["fixed"] = "fixed"
    values: tuple[float, ...] = Field(min_length=1)

    def at(self, draws: Draws) -> Tensor:
        """Numbers [B] float64."""
        return torch.tensor(self.values, dtype=torch.float64)[draws.turn % len(self.values)]


class Uniform(Value):
    """Evenly between two bounds."""

    kind: Literal["uniform"] = "uniform"
    low: float
    high: float

    def at(self, draws: Draws) -> Tensor:
        """Numbers [B] float64."""
        return self.low + (self.high - self.low) * draws.uniform


class Normal(Value):
    """Normal, with a mean and a standard deviation."""

    kind: Literal["normal"] = "normal"
    mean: float
    deviation: float = Field(ge=0)

    def at(self, draws: Draws) -> Tensor:
        """Numbers [B] float64."""
        return self.mean + self.deviation * draws.normal


class Bins(Value):
    """Bins in turn over the whole data set, evenly within each: as many in one bin as in another.

    The counts differ by one at most where every source is moved equally often along the direction.
    """

    kind: Literal["bins"] = "bins"
    edges: tuple[float, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if any(b <= a for a, b in pairwise(self.edges)):
            raise ValueError("edges must rise")
        return self

    def at(self, draws: Draws) -> Tensor:
        """Numbers [B] float64."""
        edges = torch.tensor(self.edges, dtype=torch.float64)
        row = draws.place % (len(edges) - 1)
        return edges[row] + (edges[row + 1] - edges[row]) * draws.uniform


Numbers = Annotated[Fixed | Uniform | Normal | Bins, Field(discriminator="kind")]


class Target(Value):
    """The alpha that gives the picture a score, which is drawn.

    Attributes:
        attribute: column of the scorer; "" in what people ask for = the one called like the direction.
        scores: what is to be reached.
    """

    kind: Literal["target"] = "target"
    attribute: str
    scores: Numbers


Alphas = Annotated[Fixed | Uniform | Normal | Bins | Target, Field(discriminator="kind")]


def parse_alphas(text: str) -> Fixed | Uniform | Normal | Bins | Target:
    """The distribution that words mean: `-3,0,3`, `uniform:-3,3`, `target:bins:-1,0,1`, `target:age:-1,1`.

    Raises:
        ValueError: something else.
    """
    *kinds, rest = (part.strip() for part in text.split(":"))
    try:
        if kinds and kinds[0] == "target":
            drawn = kinds[-1] if kinds[-1] in ("uniform", "normal", "bins") else ""
            attribute = kinds[1:-1] if drawn else kinds[1:]
            if len(attribute) < 2 and (len(kinds) > 1 or not drawn):
                return Target(attribute="".join(attribute), scores=_numbers(drawn, rest))
        elif len(kinds) < 2:
            return _numbers("".join(kinds), rest)
    except ValueError:
        pass
    raise ValueError(f"alpha must look like {_FORMS}, got {text!r}")


def _numbers(kind: str, text: str) -> Fixed | Uniform | Normal | Bins:
    numbers = tuple(float(item) for item in text.split(","))
    if not kind:
        return Fixed(values=numbers)
    if kind == "bins":
        return Bins(edges=numbers)
    first, second = numbers
    if kind == "uniform" and first <= second:
        return Uniform(low=first, high=second)
    if kind == "normal":
        return Normal(mean=first, deviation=second)
    raise ValueError(kind)
