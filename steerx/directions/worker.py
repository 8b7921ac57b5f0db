"""Who reads a generator for a driver: `python -m steerx.directions.worker`, an order on stdin; see `working.serving`.

A word is a part of a sampling. A piece ends with its tensors, or with why there are none.
"""

from __future__ import annotations

import json

import torch

from ..working import Order, Stop
from ..working.crew import Say
from ..working.serving import opened, serve
from ..working.tensors import packed
from ..working.words import Words
from .activations import Layer
from .sampling import Part, Sampling


class ReadOrder(Order):
    """What a worker that reads is told first; see `Sampling`."""

    layer: str | None
    label: int | None
    key: int


@torch.no_grad()
def work(order: str, words: Words, stop: Stop, say: Say) -> None:
    """Read as told, and say what was read.

    Args:
        order: a `ReadOrder`.
        words: parts; may be waited for.
        stop: ends it between two parts.
        say: takes a message: ready, ended.
    """
    told = ReadOrder.model_validate_json(order)
    G = opened(told)
    layer = None if told.layer is None else Layer(G, told.layer, label=told.label)
    sampling = Sampling(G, layer, told.label, told.key)
    say(ready=True)
    for word in words:
        stop.check()
        about = json.loads(word)
        piece = about.pop("piece")
        try:
            data = packed(sampling.read(Part(**about)))
        except Exception as error:  # its turn comes after the pieces before it
            say(ended=piece, failed=str(error), kind=type(error).__name__)
        else:
            say(ended=piece, data=data)


if __name__ == "__main__":
    serve(work)
