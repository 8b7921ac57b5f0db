"""What went wrong, in one line and an exit code; a traceback only on request."""

from __future__ import annotations

import contextlib
import errno
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from .aliases import translated

FAILED, USAGE, PARTLY, PLAN, DATA, IO, LOCKED, INTERRUPTED = 1, 2, 3, 64, 65, 74, 75, 130
_FULL = {errno.ENOSPC, errno.EDQUOT}
_VERBOSE = ("-v", "--verbose")
_REFUSALS = (
    ("steerx.augmentation.errors", "DamageError", DATA),
    ("steerx.augmentation.errors", "LockedError", LOCKED),
    ("steerx.augmentation.errors", "PlanError", PLAN),
    ("steerx.checkpoints.errors", "CheckpointError", DATA),
    ("steerx.directions.file", "DirectionsFileError", DATA),
    ("steerx.generators.codes_file", "CodesFileError", DATA),
    ("steerx.projecting.journal", "JournalError", DATA),
    ("steerx.scoring.table", "ScoresFileError", DATA),
)


class Failure(Exception):
    """A failure whose one line is already written for people.

    Attributes:
        code: exit status.
    """

    def __init__(self, line: str, code: int = FAILED) -> None:
        super().__init__(line)
        self.code = code


@contextlib.contextmanager
def argument(name: str) -> Iterator[None]:
    """Turn a ValueError about one argument into a usage failure that names it."""
    try:
        yield
    except ValueError as error:
        if error.__class__.__name__ == "CrewError":  # of workers; its module is not loaded for this
            raise
        raise Failure(f"{name}: {error}", USAGE) from error


class Door(TyperGroup):
    """The root command: every error leaves through here as one line and an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and exit; -v may stand anywhere on it."""
        words = list(sys.argv[1:] if args is None else args)
        quiet = [word for word in words if word not in _VERBOSE]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("default", UserWarning)  # the rest concerns developers
                warnings.showwarning = _say_warning
                kept = translated(quiet, list(_names(self.commands)))
                code = super().main(
                    kept, prog_name, complete_var, False, windows_expand_args, **extra
                )
            if code == INTERRUPTED:  # how typer reports Ctrl-C
                raise KeyboardInterrupt
        except (Exception, KeyboardInterrupt) as error:
            if len(quiet) < len(words):
                traceback.print_exc()
            code, line = told(error)
            typer.secho("error: ", fg="red", nl=False, err=True)
            typer.echo(printable(line), err=True)
        sys.exit(code if isinstance(code, int) else 0)


def _names(commands: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Names of all commands: "sweep", "mine sefa", ..."""
    for name, command in commands.items():
        inner = getattr(command, "commands", None)
        yield from _names(inner, f"{before}{name} ") if inner else [before + name]


def told(error: BaseException) -> tuple[int, str]:
    """Exit code and line of an exception."""
    if isinstance(error, Failure):
        return error.code, str(error)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return INTERRUPTED, "interrupted; files that were finished are whole, others absent"
    if hasattr(error, "format_message"):  # a usage error of typer
        where = getattr(getattr(error, "ctx", None), "command_path", "steerx")
        return USAGE, f"{error.format_message().rstrip('.')} (`{where} --help` tells more)"
    for refusal, code in _refusals():
        if isinstance(error, refusal):
            return code, f"refused: {error}"
    if error.__class__.__name__ == "Stopped":  # by a signal; its module is not loaded for this
        return 128 + getattr(error, "signal", 0), str(error)
    if isinstance(error, OSError):
        return IO, _system(error)
    if isinstance(error, ValueError):
        return FAILED, str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return FAILED, "out of memory; give a smaller --batch, or --dtype bfloat16"
    return FAILED, f"{type(error).__name__}: {error} (add -v for the traceback)"


def printable(text: str) -> str:
    """Text on one line without control characters, whatever a file or a name held."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _refusals() -> list[tuple[type[BaseException], int]]:
    """Exceptions of refused data, of the floors that are loaded (none is loaded for this), and their codes."""
    return [
        (getattr(sys.modules[m], name), code) for m, name, code in _REFUSALS if m in sys.modules
    ]


def _system(error: OSError) -> str:
    """A message of the operating system, with the file in front."""
    said = error.strerror or str(error)
    if error.filename is not None and error.strerror:
        said = f"{error.filename}: {error.strerror}"
        if error.errno not in _FULL:
            return f"{said}; check the path and its permissions"
    if error.errno in _FULL and "free some space" not in said:
        said += "; free some space, and run it again"
    return said


def _say_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    typer.secho("warning: ", fg="yellow", nl=False, err=True)
    typer.echo(printable(str(message)), err=True)
