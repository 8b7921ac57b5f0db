"""What `steerx augment` tells: estimates, how far a data set is, what is damaged in it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .dry_run import side_by_side, size
from .failures import DATA, Failure
from .progress import duration, progress

if TYPE_CHECKING:
    from ..augmentation import Folder, Pictures


def show_estimate(pictures: Pictures, outdir: Path) -> None:
    """Images, bytes, free space, time, and whether rendering or encoding binds."""
    from ..augmentation.estimating import estimate

    plan = pictures.plan
    cost = estimate(pictures)
    seconds = side_by_side(cost.render, cost.encode) * cost.samples
    folder = outdir.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    typer.echo(f"plan {plan.plan_id[:12]}: {cost.samples} pictures of {plan.resolution} px")
    typer.echo(
        f"{cost.shards} shards of {plan.shard_size}, {size(cost.bytes)} ({size(free)} free in {folder})"
    )
    if cost.samples:
        typer.echo(
            f"{duration(seconds)} in one process: {1e3 * cost.render:.3g} ms a picture to render, "
            f"{1e3 * cost.encode:.3g} ms to encode; {cost.bound} binds{_advice(plan.codec, cost.bound)}"
        )
    if cost.accepted < 1:
        typer.echo(f"the rules take {cost.accepted:.0%} of the first samples")
    if cost.bytes * 1.1 > free:
        _warn("it does not fit on this disk, or barely; choose another place")
    if not os.access(folder, os.W_OK):
        _warn(f"{folder} may not be written; choose another place, or change its permissions")
    typer.echo("nothing was written")


def _warn(line: str) -> None:
    typer.secho("warning: ", fg="yellow", nl=False, err=True)
    typer.echo(line, err=True)


def _advice(codec: Any, bound: str) -> str:
    if bound == "rendering":
        return ""
    if codec.format == "png":
        return "; --format webp is as lossless and about four times as fast"
    return "; --format jpeg is faster" if codec.format == "webp" else "; --encoders 2 helps"


def said_of(folder: Folder) -> dict[str, Any]:
    """How far a data set is, as plain data."""
    from ..augmentation.status import status

    return dataclasses.asdict(status(folder))


def show_status(told: dict[str, Any], outdir: Path) -> None:
    """The same in words."""
    left_out = f" ({told['rejected']} left out)" if told["rejected"] else ""
    state = "finished" if told["finished"] else "not finished"
    typer.echo(
        f"{outdir}: {told['done_shards']} of {told['shards']} shards, {told['done_samples']} of "
        f"{told['samples']} pictures{left_out}, {size(told['bytes'])} ({size(told['free'])} free); {state}"
    )
    if not told["finished"] and told["seconds_left"] is not None:
        typer.echo(
            f"lately {told['images_per_second']:.3g} pictures/s, {duration(told['seconds_left'])} left; "
            f"{told['bound']} binds"
        )
    if len(told["parts"]) > 1:
        each = (f"{_count(part['shards'])} shards by {part['batch']}" for part in told["parts"])
        typer.echo(f"amended: {', '.join(each)} pictures at once")
    for shard, reason in told["failed"].items():
        typer.echo(f"failed: shard {shard}: {reason}")


def _count(ranges: Any) -> int:
    return sum(int(last - first + 1) for first, last in ranges)


def verified(folder: Folder, *, fix: bool, as_json: bool) -> None:
    """Read everything again, and say what is damaged.

    Raises:
        Failure: something is.
    """
    from ..augmentation.verifying import mend, verify

    with progress("verifying", folder.plan.shards) as advance:
        found = verify(folder, watch=advance)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found)))
    else:
        typer.echo(f"{found.good} shards are whole, {len(found.missing)} not made yet")
    if fix:
        mend(folder, found)
    if found.damaged:
        first = min(found.damaged)
        remedy = "`steerx augment resume` makes them again" if fix else "--fix has them made again"
        raise Failure(
            f"{len(found.damaged)} shards of {folder.path} are damaged: {found.damaged[first]}; {remedy}",
            DATA,
        )
    if found.missing and found.finished:
        raise Failure(
            f"{folder.path} says that it is finished, and {len(found.missing)} of its shards have no receipt, the "
            f"first is {found.missing[0]}; `steerx augment resume` makes them again",
            DATA,
        )
    if not found.missing and not found.finished:
        raise Failure(
            f"{folder.path} is not finished: manifest or _SUCCESS is missing or torn; "
            "`steerx augment resume` writes them",
            DATA,
        )
