"""Who scores for a driver: `python -m steerx.scoring.worker`, with an order on stdin; see `working.serving`.

A word is a batch of pictures: its number, its seeds or codes. A piece ends with its scores, or with why there are none.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import torch

from ..generators import Generator
from ..working import Order, Stop
from ..working.crew import Say
from ..working.serving import opened, serve
from ..working.tensors import heard
from ..working.words import Words
from .batches import batches_of
from .naming import scorer_named
from .pictures import Pictures


class ScoreOrder(Order):
    """What a worker that scores is told first; see `steerx.score`."""

    scorer: str
    space: str | None
    psi: float
    cutoff: int | None
    noise_mode: str
    noise_key: int
    batch: int | None
    names: tuple[str, ...] | None
    invalid: float | None


def work(order: str, words: Words, stop: Stop, say: Say) -> None:
    """Score as told, and say the scores.

    Args:
        order: a `ScoreOrder`.
        words: batches; may be waited for.
        stop: ends it between two batches.
        say: takes a message: ready, ended.
    """
    told = ScoreOrder.model_validate_json(order)
    G = opened(told)
    scorer = scorer_named("score", told.scorer, G.device)
    batches = batches_of("score", G, told.batch)
    say(ready=True)
    for word in words:
        stop.check()
        piece = json.loads(word)
        pictures = _pictures(told, G, piece)
        scored = partial(pictures.scored, scorer, names=told.names, invalid=told.invalid)
        try:
            parts = [part for _, part in batches.over(range(len(pictures)), scored)]
            message: dict[str, Any] = {"scores": torch.cat(parts).tolist()}
        except Exception as error:  # its turn comes after the pieces before it
            images = list(getattr(error, "images", ()))
            message = {"failed": str(error), "kind": type(error).__name__, "images": images}
        say(ended=piece["piece"], **message)


def _pictures(told: ScoreOrder, G: Generator, piece: dict[str, Any]) -> Pictures:
    """The pictures of a piece."""
    label, codes = piece["label"], piece["codes"]
    parts = None if codes is None else heard(codes)
    return Pictures(
        G,
        piece["numbers"],
        parts if parts is None or piece["list"] else parts[0],
        told.space,  # type: ignore[arg-type]
        told.psi,
        told.cutoff,
        heard(label)[0] if isinstance(label, str) else label,
        told.noise_mode,  # type: ignore[arg-type]
        told.noise_key,
    )


if __name__ == "__main__":
    serve(work)
