"""How strong the edits of a data set are: a distribution of alpha for each direction."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from .values import Value

_FORMS = "-3,0,3 (these, in turn), uniform:-3,3 or normal:0,1.5"


class Fixed(Value):
    """Values in turn: as many edits as values give each source every value once."""

    kind: Literal["fixed"] = "fixed"
    values: tuple[float, ...] = Field(min_length=1)

    def at(self, turn: Tensor, uniform: Tensor, normal: Tensor) -> Tensor:
        """Alphas [B] float64 of turns, 0, 1, ... counted from where the source begins."""
        return torch.tensor(self.values, dtype=torch.float64)[turn % len(self.values)]


class Uniform(Value):
    """Evenly between two bounds."""

    kind: Literal["uniform"] = "uniform"
    low: float
    high: float

    def at(self, turn: Tensor, uniform: Tensor, normal: Tensor) -> Tensor:
        """Alphas [B] float64 of numbers in (0, 1)."""
        return self.low + (self.high - self.low) * uniform


class Normal(Value):
    """Normal, with a mean and a standard deviation."""

    kind: Literal["normal"] = "normal"
    mean: float
    deviation: float = Field(ge=0)

    def at(self, turn: Tensor, uniform: Tensor, normal: Tensor) -> Tensor:
        """Alphas [B] float64 of standard normal numbers."""
        return self.mean + self.deviation * normal


Alphas = Annotated[Fixed | Uniform | Normal, Field(discriminator="kind")]


def parse_alphas(text: str) -> Fixed | Uniform | Normal:
    """The distribution that words such as `-3,0,3`, `uniform:-3,3` or `normal:0,1.5` mean.

    Raises:
        ValueError: something else.
    """
    kind, colon, rest = text.strip().rpartition(":")
    try:
        numbers = tuple(float(item) for item in rest.split(","))
        if not colon:
            return Fixed(values=numbers)
        first, second = numbers
        if kind == "uniform" and first <= second:
            return Uniform(low=first, high=second)
        if kind == "normal":
            return Normal(mean=first, deviation=second)
    except ValueError:
        pass
    raise ValueError(f"alpha must look like {_FORMS}, got {text!r}")
