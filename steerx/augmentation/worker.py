"""Who makes shards for a driver: `python -m steerx.augmentation.worker`, with an order on stdin; see `working.serving`.

A word is the number of a shard. Messages beside those of every worker: wrote.
"""

from __future__ import annotations

import os
import socket

import torch

from ..generators import load
from ..scoring import Scorer
from ..scoring.naming import scorer_at
from ..working import Stop
from ..working.backend import unlike
from ..working.crew import Say
from ..working.serving import serve
from ..working.words import Words
from .crew import ShardsOrder
from .encoding import check_encoder
from .errors import PlanError
from .folder import PLAN, Folder
from .judging import Judge
from .making import make
from .rendering import Pictures


def work(order: str, words: Words, stop: Stop, say: Say) -> None:
    """Make shards as they are told, and say how it goes.

    Args:
        order: a `ShardsOrder`.
        words: numbers of shards; may be waited for.
        stop: ends it after the batch in work.
        say: takes a message: ready, wrote, ended.
    """
    told = ShardsOrder.model_validate_json(order)
    folder = _folder(told.folder)
    G = load(
        told.network,
        device=told.device,
        dtype=getattr(torch, told.dtype),
        renderer=folder.plan.backend.renderer,  # type: ignore[arg-type]
    )
    judge = None if told.scorer is None else Judge(_scorer(told.scorer, G.device))
    pictures = Pictures(folder.plan, G, *folder.inputs(), judge)
    if difference := unlike(G, folder.plan.backend):
        raise PlanError(difference)
    check_encoder(folder.plan.codec)
    say(ready=True)
    make(
        pictures,
        folder,
        map(int, words),
        encoders=told.encoders,
        stop=stop,
        watch=lambda count: say(wrote=count),
        ended=lambda shard, reason: say(ended=shard, reason=reason),
        failed=words.end,
    )


def _folder(path: str) -> Folder:
    if not os.path.exists(os.path.join(path, PLAN)):
        raise PlanError(
            f"{socket.gethostname()} does not see {path}; give a folder that all machines share"
        )
    return Folder.read(path)


def _scorer(name: str, device: torch.device) -> Scorer:
    """A scorer by its name, which whoever began the run has checked."""
    try:
        return scorer_at(name, device)
    except (ImportError, OSError, AttributeError) as error:
        raise PlanError(
            f"the scorer {name!r} is not there ({error}); give back what was there at the beginning"
        ) from error


if __name__ == "__main__":
    serve(work)
