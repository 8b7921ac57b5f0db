"""job.yaml: what a run was asked for, written beside its output and replayed by `--job`.

    steerx_job: 1
    command: sweep
    arguments: {network: faces, directions: [sefa.safetensors], seeds: 0-3, trunc: 0.7}
    made_by: {steerx: 0.1.0}

Keys of `arguments` are the long spellings of the command line without dashes in front. A word on the
command line wins over the job. `docs/compatibility.md` promises which files later versions read.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .failures import DATA, USAGE, Failure

if TYPE_CHECKING:
    from .job_file import Job

_RUNNING: ContextVar[Any] = ContextVar("the context of the command that runs")

# Not a part of what was asked for: how it is told, and whether files may be replaced.
_UNSAID = {"job", "dry_run", "force", "help", "json"}

# Commands that also take the jobs of another one, whose arguments they have.
_TAKES = {"augment plan": "augment run"}

# What a job means by an argument that it does not have, where that is not today's default: it was written
# before there was the argument.
UNTOLD = {"renderer": "plain"}


def replay(context: typer.Context, file: Path | None) -> Path | None:
    """Callback of `--job`: the arguments of a job file become the defaults of this command.

    Typer calls it also where no job is given, so this is where `record` gets its context from.

    Raises:
        Failure: no job file, one of another command, or an argument that this command does not have.
    """
    _RUNNING.set(context)
    if file is None:
        return None
    job = read(file)
    here = _command(context)
    if job.command not in (here, _TAKES.get(here)):
        raise Failure(
            f"{file} is a job of `steerx {job.command}`; repeat it by "
            f"`steerx {job.command} --job {file}`",
            USAGE,
        )
    names = {key: name for name, key in _keys(context).items()}
    unknown = sorted(set(job.arguments) - set(names))
    if unknown:
        raise Failure(
            f"{file} is refused: `steerx {here}` has no argument {unknown[0]!r}; it has "
            f"{', '.join(sorted(names))}",
            DATA,
        )
    said = {key: value for key, value in job.arguments.items() if value is not None}
    meant = {key: value for key, value in UNTOLD.items() if key in names} | said
    context.default_map = {names[key]: value for key, value in meant.items()}
    return file


def read(file: Path) -> Job:
    """Read and check a job file.

    Raises:
        Failure: a file that is no job.
        OSError: a file that cannot be read.
    """
    from .job_file import Job

    return Job.load(file)


def record(output: Path, *, force: bool, **facts: str) -> Path:
    """Write the job of the running command beside its output, and make the output's folder.

    Call it when everything is checked and before the work: a job that is cut short can be repeated.

    Args:
        output: the folder of the results (job.yaml lies in it) or the only file (smile.safetensors gets
            smile.job.yaml).
        force: a job of the same command may be replaced; others never are, the next free number is taken.
        facts: of the run, for people: model="..." and the like.

    Returns:
        The file that was written.
    """
    from .job_file import Job

    context = _RUNNING.get()
    keys, said = _keys(context), _said(context)
    job = Job(
        steerx_job=1,
        command=_command(context),
        arguments={keys[name]: value for name, value in said.items()},
        made_by={**_versions(), **facts},
    )
    stem = output.with_suffix(".job") if output.suffix else output / "job"
    if force and not output.suffix and Path(f"{stem}.yaml").exists():
        typer.echo(
            f"note: {output} holds an earlier run; its files that this one does not replace stay",
            err=True,
        )
    return job.save(stem, force=force)


def settle(parameter: str, value: str) -> None:
    """Let the job say what was chosen for a parameter of the running command, so that it is repeated."""
    _RUNNING.get().params[parameter] = value


def typed(parameter: str) -> bool:
    """Whether a parameter of the running command stands on the command line."""
    source = _RUNNING.get().get_parameter_source(parameter)
    return getattr(source, "name", None) == "COMMANDLINE"


def _command(context: Any) -> str:
    """`mine sefa` for `steerx mine sefa`."""
    return " ".join(context.command_path.split()[1:])


def _keys(context: Any) -> dict[str, str]:
    """Key in a job file of each parameter that a job may hold."""
    keys = {}
    for parameter in context.command.params:
        long = [word for word in parameter.opts if word.startswith("--")]
        key = (long[0] if long else parameter.opts[0]).lstrip("-").replace("-", "_")
        if key not in _UNSAID and not getattr(parameter, "hidden", False):
            keys[parameter.name] = key
    return keys


def _said(context: Any) -> dict[str, Any]:
    """Values of the parameters as plain data, without those that say nothing."""
    names = _keys(context)
    plain = {name: _plain(context.params.get(name)) for name in names}
    return {name: value for name, value in plain.items() if value not in (None, [])}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def _versions() -> Mapping[str, str]:
    from .._version import version

    return {"steerx": version()}
