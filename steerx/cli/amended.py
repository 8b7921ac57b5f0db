"""`steerx augment plan --amend-batch`: another batch for what is not yet done of a data set."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from . import jobs
from .failures import USAGE, Failure

_OPTION = "amend_batch"
AmendBatch = Annotated[
    int | None,
    typer.Option(
        "--amend-batch",
        help="Render what is not yet done of --outdir so many pictures at once, as where memory ran out; takes no "
        "other option.",
        min=1,
        show_default=False,
    ),
]


class WithoutAmending(TyperCommand):
    """A command that shares its options with `plan`, but for this one."""

    def __init__(self, *given: Any, params: list[Any], **named: Any) -> None:
        others = [parameter for parameter in params if parameter.name != _OPTION]
        super().__init__(*given, params=others, **named)


def amend(context: typer.Context, outdir: Path, *, batch: int) -> None:
    """Write the amendment, and say what comes next.

    Raises:
        Failure: other options stand beside it.
    """
    from ..augmentation import Folder
    from ..augmentation import amend as write

    others = sorted(filter(jobs.typed, set(context.params) - {_OPTION, "outdir"}))
    if others:
        raise Failure(
            f"--amend-batch takes --outdir alone, got {others[0]} too: all but the batch stays as the data set has "
            "it; leave that out",
            USAGE,
        )
    plan = write(outdir, batch=batch)
    folder = Folder.read(outdir)
    path = shlex.quote(str(outdir))
    typer.echo(
        f"plan {plan.plan_id[:12]}: {len(folder.pending())} of {plan.shards} shards are to be made, {plan.batch} "
        f"pictures at once; the others stay; `steerx augment resume {path}` goes on"
    )
