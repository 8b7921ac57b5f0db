"""What every method shares: stored parameters, a cheap repr, and what it asks of a network."""

from __future__ import annotations

import inspect
import math
from typing import Any, Protocol

import torch
from torch import Tensor

from .arrays import as_tensor as as_tensor
from .directions import Directions


class Network(Protocol):
    """The facts of a generator that a set of directions remembers."""

    @property
    def model_id(self) -> str: ...
    @property
    def resolution(self) -> int: ...
    @property
    def spaces(self) -> tuple[str, ...]: ...
    @property
    def num_ws(self) -> int: ...


class StyleWeights(Network, Protocol):
    """A generator whose affines can be read (SeFa)."""

    def style_weights(
        self, layers: tuple[int, ...] | None = None, *, to_rgb: Any = "last"
    ) -> list[Tensor]:
        """Weights [C_l, D] of the chosen layers."""
        ...


class Mapping(Network, Protocol):
    """A generator whose mapping network can be sampled (GANSpace)."""

    @property
    def z_dim(self) -> int: ...
    def codes(
        self, seeds: Any = None, *, z: Any = None, space: str = "w_plus", label: Any = None
    ) -> Any:
        """w [N, D] of z [N, Z] with space="w"."""
        ...


class Estimator:
    """Base of the methods: `__init__` stores, `fit` learns attributes that end in `_`."""

    directions_: Directions

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments (`deep` is scikit-learn's word and changes nothing)."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({said})"

    def _provenance(self) -> dict[str, Any]:
        # JSON has no word for NaN and infinity.
        said = {
            name: repr(value) if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in self.get_params().items()
        }
        return {"method": type(self).__name__, "parameters": said}


def anchor_signs(vectors: Tensor) -> Tensor:
    """Flip each row so that its entry of the largest magnitude is positive."""
    largest = vectors.abs().argmax(dim=-1, keepdim=True)
    return torch.where(vectors.gather(-1, largest) < 0, -vectors, vectors)


SIGN = "largest-magnitude entry positive"
