"""Progress with time left, on stderr, for whatever takes more than two seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ..generators import Generator

PATIENCE = 2.0  # seconds before anything is shown
INTERVAL = 10.0  # seconds between lines where there is no terminal


@contextlib.contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how far a loop is; call the result with the number of things just done."""
    shown: Any = None
    done, started = 0, time.monotonic()
    spoken = started

    def advance(count: int) -> None:
        nonlocal shown, done, spoken
        done += count
        now = time.monotonic()
        if sys.stderr.isatty():
            if shown is None and now - started > PATIENCE:
                shown = _bar()
                shown.start()
                shown.add_task(what, total=total)
            if shown is not None:
                shown.update(shown.task_ids[0], completed=done)
        elif now - spoken > INTERVAL and done < total:
            spoken = now
            left = (now - started) / done * (total - done)
            typer.echo(f"{what}: {done} of {total}, {duration(left)} left", err=True)

    try:
        yield advance
    finally:
        if shown is not None:
            shown.stop()


@contextlib.contextmanager
def rendering(G: Generator, what: str, total: int) -> Iterator[None]:
    """Count the pictures that a generator's renderer makes, whoever asks for them."""
    renderer = G.renderer
    render = renderer.render
    with progress(what, total) as advance:

        def counted(styles: Any, **options: Any) -> Any:
            result = render(styles, **options)
            if options.get("stop") is None:  # else a part of the way, and no picture yet
                advance(len(result))
            return result

        setattr(renderer, "render", counted)  # noqa: B010 - it stays the renderer that it is
        try:
            yield
        finally:
            delattr(renderer, "render")


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
