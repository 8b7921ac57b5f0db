"""What GANSpace reads of a generator: w, or a layer and the latents that make it, for codes that it draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .._seeds import normal, z_from_seeds
from .activations import Layer

if TYPE_CHECKING:
    from ..generators import Generator


@dataclass(frozen=True)
class Part:
    """Some codes, and what is read of them.

    Attributes:
        first, end: their numbers, half-open, for the counter-based draw.
        seeds: user-facing seeds, whose draws are taken instead.
        space: latent that is read beside the rows; None = the rows alone.
    """

    first: int
    end: int
    seeds: tuple[int, ...] | None = None
    space: str | None = None

    def __len__(self) -> int:
        return self.end - self.first


Read = Callable[[Sequence[Part]], Iterator[list[Tensor]]]


def parts(
    codes: range, batch: int, *, seeds: Sequence[int] | None = None, space: str | None = None
) -> list[Part]:
    """Codes by their numbers, or the seeds of these numbers, some at a time."""
    found = []
    for first in range(codes.start, codes.stop, batch):
        end = min(first + batch, codes.stop)
        found.append(Part(first, end, None if seeds is None else tuple(seeds[first:end]), space))
    return found


@dataclass(frozen=True, eq=False)
class Sampling:
    """What is read, and of which draw.

    Attributes:
        G: the generator.
        layer: whose rows are read; None = w.
        label: class of a conditional generator.
        key: of the counter-based draw.
    """

    G: Generator
    layer: Layer | None
    label: int | None
    key: int

    def read(self, part: Part) -> list[Tensor]:
        """Rows [B, F] of some codes; then, of a space, the latents [B, D] that they are made from."""
        if part.seeds is None:
            z = normal(self.key, torch.arange(part.first, part.end), self.G.z_dim)
        else:
            z = z_from_seeds(part.seeds, self.G.z_dim)
        found = [self._latents(z, "w") if self.layer is None else self.layer.rows(z)]
        return found if part.space is None else [*found, self._latents(z, part.space)]

    def _latents(self, z: Tensor, space: str) -> Tensor:
        latents = self.G.codes(z=z, space=space, label=self.label)
        assert isinstance(latents, Tensor)
        return latents
