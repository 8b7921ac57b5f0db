"""The application: which commands there are."""

from __future__ import annotations

from typing import Annotated

import typer

from . import (
    augment,
    convert,
    demo,
    directions,
    doctor,
    edit,
    info,
    mine,
    project,
    report,
    sample,
    score,
    sweep,
    walk,
)
from .failures import Door

app = typer.Typer(
    cls=Door,
    name="steerx",
    help="Steer pretrained GANs: mine directions, edit codes, render sweeps.",
    epilog='Start with `steerx doctor`, then `steerx demo`. "faces" is a built-in NETWORK.',
    add_completion=False,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from .._version import version as installed

        typer.echo(f"steerx {installed()}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Show the traceback of an error (anywhere)."),
    ] = False,
) -> None:
    """Steer pretrained GANs: mine directions, edit codes, render sweeps."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("doctor")(doctor.doctor)
app.command("info")(info.info)
app.command("convert")(convert.convert)
app.command("sample")(sample.sample)
app.command("score")(score.score)
app.add_typer(mine.app, name="mine")
app.add_typer(directions.app, name="directions")
app.command("project")(project.project)
app.command("edit")(edit.edit)
app.command("sweep")(sweep.sweep)
app.command("walk")(walk.walk)
app.add_typer(augment.app, name="augment")
app.command("report")(report.report)
app.command("demo")(demo.demo)


def main() -> None:
    """Run the command line of this process and exit."""
    app()
