"""Parts of a sampling read by a crew: they come back in their order, with the same bits whoever read them."""

from __future__ import annotations

import contextlib
import json
import operator
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor

from ..checkpoints import model_id
from ..working import Crew, CrewError, Order
from ..working.backend import backend_of
from ..working.driving import InOrder
from ..working.tensors import unpacked
from .sampling import Part, Read, Sampling
from .worker import ReadOrder, work

_KINDS = {kind.__name__: kind for kind in (MemoryError, ValueError)}


@contextlib.contextmanager
def read_by(crew: Crew, sampling: Sampling) -> Iterator[Read]:
    """What reads parts by a crew, whose workers live until the block is left.

    Raises:
        CrewError: workers cannot be had, or a part ended three of them.
        ValueError, MemoryError: as in one process, when it is the part's turn.
    """
    parts = _Parts(crew, sampling)
    with parts.by_crew() as messages:

        def read(some: Sequence[Part]) -> Iterator[list[Tensor]]:
            parts.parts += some
            with contextlib.closing(messages(len(some))) as each:
                for part, message in zip(some, each, strict=True):
                    if "failed" in message:
                        raise _failure(message, part)
                    yield [tensor.to(sampling.G.device) for tensor in unpacked(message["data"])]

        yield read


class _Parts(InOrder):
    """Parts to be read, in the order in which they are asked for."""

    def __init__(self, crew: Crew, sampling: Sampling) -> None:
        super().__init__(crew)
        self.task, self.errors = work, {"ValueError": ValueError}
        self.sampling, self.parts = sampling, list[Part]()
        self.weights = model_id(sampling.G.state_dict())

    def order(self, device: str) -> Order:
        layer, label = self.sampling.layer, self.sampling.label
        return ReadOrder(
            **self.crew.loading(device),
            backend=backend_of(self.sampling.G),
            weights=self.weights,
            layer=None if layer is None else layer.name,
            label=None if label is None else operator.index(label),
            key=operator.index(self.sampling.key),
        )

    def word(self, piece: int) -> str:
        about = {"piece": piece, **asdict(self.parts[piece])}
        return json.dumps(about, default=operator.index)  # integers of NumPy


def _failure(message: dict[str, Any], part: Part) -> Exception:
    """What a part that could not be read raises."""
    line, kind = message["failed"], message["kind"]
    if kind in _KINDS:
        return _KINDS[kind](line)
    reason = line if kind == "CrewError" else f"{kind}: {line}"
    return CrewError(f"GANSpace: codes {part.first} to {part.end - 1} were not read: {reason}")
