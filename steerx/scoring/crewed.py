"""Scores by a crew: each batch is a piece, and batches come back in their order, with the bits of one process's."""

from __future__ import annotations

import contextlib
import json
import operator
from collections.abc import Generator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..checkpoints import model_id
from ..working import Crew, CrewError, Order
from ..working.backend import backend_of
from ..working.driving import InOrder
from ..working.tensors import said
from .naming import from_anywhere
from .pictures import Pictures
from .scorers import ScorerError
from .scorers import said as numbers_said
from .worker import ScoreOrder, work

Scored = tuple[Sequence[int], Tensor]
_KINDS = {kind.__name__: kind for kind in (MemoryError, TypeError, ValueError, CrewError)}


def scored_by(
    crew: Crew,
    pictures: Pictures,
    scorer: str,
    places: range,
    size: int,
    *,
    batch: int | None,
    names: Sequence[str] | None,
    invalid: float | None,
) -> Generator[Scored]:
    """Places of each batch of pictures, and their scores [B, A'], in order.

    Args:
        crew: who renders and scores.
        pictures: of the whole scoring.
        scorer: its name.
        places: of the pictures that are to be scored.
        size: pictures in a batch.
        batch, names, invalid: see `steerx.score`.

    Raises:
        ScorerError, ValueError, MemoryError: as in one process, when it is the batch's turn.
        CrewError: workers cannot be had, or a batch ended three of them.
    """
    batches = [places[first : first + size] for first in range(0, len(places), size)]
    if not batches:
        return
    told = {"batch": batch, "invalid": invalid, "names": None if names is None else tuple(names)}
    shared = _Batches(crew, pictures, scorer, batches, told)
    with shared.by_crew() as messages, contextlib.closing(messages(len(batches))) as each:
        for piece, message in zip(batches, each, strict=True):
            if "failed" in message:
                raise _failure(message, pictures, piece)
            yield piece, torch.tensor(message["scores"], dtype=torch.float32)


class _Batches(InOrder):
    """Batches of pictures to be scored."""

    def __init__(
        self,
        crew: Crew,
        pictures: Pictures,
        scorer: str,
        batches: Sequence[range],
        told: dict[str, Any],
    ) -> None:
        super().__init__(crew)
        self.task, self.batches = work, batches
        self.errors = {"ScorerError": ScorerError}
        self.weights = model_id(pictures.G.state_dict())
        self.pictures, self.scorer, self.told = pictures, scorer, told

    def order(self, device: str) -> Order:
        pictures = self.pictures
        return ScoreOrder(
            **self.crew.loading(device),
            **self.told,
            backend=backend_of(pictures.G),
            weights=self.weights,
            scorer=from_anywhere(self.scorer),
            space=pictures.space,
            psi=float(pictures.psi),
            cutoff=None if pictures.cutoff is None else operator.index(pictures.cutoff),
            noise_mode=pictures.noise_mode,
            noise_key=operator.index(pictures.noise_key),
        )

    def word(self, piece: int) -> str:
        rows = slice(self.batches[piece].start, self.batches[piece].stop)
        codes, label = self.pictures.codes, self.pictures.label
        several = isinstance(codes, list)
        parts = codes if isinstance(codes, list) else [] if codes is None else [codes]
        return json.dumps(
            {
                "piece": piece,
                "numbers": list(self.pictures.numbers[rows]),
                "codes": said([part[rows] for part in parts]) if parts else None,
                "list": several,
                "label": said([label[rows]]) if isinstance(label, Tensor) else label,
            }
        )


def _failure(message: dict[str, Any], pictures: Pictures, piece: Sequence[int]) -> Exception:
    """What a batch without scores raises."""
    line, kind = message["failed"], message["kind"]
    if kind == "ScorerError":
        return ScorerError(line, images=message["images"])
    if kind in _KINDS and "images" in message:
        return _KINDS[kind](line)
    which = numbers_said(pictures.kind, [pictures.numbers[n] for n in piece])
    reason = line if kind == "CrewError" else f"{kind}: {line}"
    return CrewError(f"score: {which} not scored: {reason}")
