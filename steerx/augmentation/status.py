"""How far a job is: read from receipts and events, without a lock."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from dataclasses import dataclass

from .amendments import Part
from .folder import EVENTS, SUCCESS, Folder

_TAIL = 1 << 16  # bytes of events that are looked at
_AWAKE = 300.0  # seconds without an event after which a job counts as standing still


@dataclass(frozen=True)
class Status:
    """How far a job is.

    Attributes:
        plan_id: of the plan as the job began.
        parts: which shards each plan makes; more than one where it was amended.
        shards, samples: of the whole job.
        done_shards, done_samples, bytes: that are made.
        rejected: samples that were left out, as no draw of them kept the job's rules.
        failed: shards that could not be made, and why.
        finished: whether _SUCCESS is there, and every shard.
        images_per_second: that were taken lately, all workers together; None where no shard was made in the last
            minutes.
        seconds_left: at the speed of samples lately, those that were left out included.
        bound: what took longer lately: "rendering", "encoding" or "disk".
        free: bytes on the disk.
        last_event: seconds since the last shard.
    """

    plan_id: str
    parts: tuple[Part, ...]
    shards: int
    samples: int
    done_shards: int
    done_samples: int
    rejected: int
    bytes: int
    failed: dict[int, str]
    finished: bool
    images_per_second: float | None
    seconds_left: float | None
    bound: str | None
    free: int
    last_event: float | None


def status(folder: Folder) -> Status:
    """See `Status`."""
    plan = folder.plan
    receipts = [r for r in map(folder.done, range(plan.shards)) if r is not None]
    samples = sum(r.count for r in receipts)
    rejected = sum(len(r.left_out) for r in receipts)
    events = _events(folder)
    now = time.time()
    last = now - events[-1]["time"] if events else None
    lately = [event for event in events if now - event["time"] < _AWAKE]
    speed = left = None
    if len(lately) > 1 and (seconds := lately[-1]["time"] - lately[0]["time"]) > 0:
        speed = sum(event["samples"] for event in lately[1:]) / seconds
        worked = sum(len(plan.span(int(event["shard"]))) for event in lately[1:])
        left = (plan.samples - samples - rejected) * seconds / worked if worked else None
    bound = None
    if lately:
        names = {"rendering": "render", "encoding": "encode", "disk": "commit"}
        bound = max(names, key=lambda n: sum(event[names[n]] for event in lately))
    done = {r.shard for r in receipts}
    return Status(
        plan.plan_id,
        folder.plans.parts(),
        plan.shards,
        plan.samples,
        len(receipts),
        samples,
        rejected,
        sum(r.bytes for r in receipts),
        {k: why for k, why in folder.failures().items() if k not in done},
        len(receipts) == plan.shards and (folder.path / SUCCESS).exists(),
        speed,
        left,
        bound,
        shutil.disk_usage(folder.path).free,
        last,
    )


def _events(folder: Folder) -> list[dict[str, float]]:
    """The last shards' events; a torn line is none."""
    try:
        with (folder.path / EVENTS).open("rb") as handle:
            handle.seek(max(0, os.fstat(handle.fileno()).st_size - _TAIL))
            lines = handle.read().split(b"\n")
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and event.get("event") == "shard":
                found.append(event)
    return found
