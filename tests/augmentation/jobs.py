"""Small jobs of tests: a tiny network, two directions, and folders that are compared by their bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from steerx.augmentation import Pictures, make_plan
from steerx.directions import Directions
from tests.tiny import tiny_generator

NOT_THE_RESULT = {"events.jsonl", ".lock", "job.yaml"}


def directions() -> list[Directions]:
    """One in w on some layers, one in z that moves to a distance."""
    torch.manual_seed(5)
    vectors = torch.nn.functional.normalize(torch.randn(2, 12), dim=1)
    return [
        Directions(vectors[:1], space="w", names=["smile"], layers=[0, 1], model_id="tiny-0"),
        Directions(
            vectors[1:, :8] / vectors[1:, :8].norm(), space="z", names=["age"], motion="absolute"
        ),
    ]


def pictures(**policy: Any) -> Pictures:
    """What renders a job of 7 sources, 3 samples each, in shards of 8 and batches of 4."""
    G, singles = tiny_generator(), directions()
    alphas = {"smile": "uniform:-3,3", "age": [-1.0, 0.0, 2.0]}
    told = {"alphas": alphas, "count": 7, "edits": 2, "key": 11, "format": "png"}
    told |= {"shard_size": 8, "batch": 4} | policy
    return Pictures(make_plan(G, singles, **told), G, singles, judge=told.get("judge"))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that belongs to the result."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.name not in NOT_THE_RESULT
    }
