"""`steerx directions`: look at direction files, and make others of them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .direction_files import claimed_file, folded, opened, sets_in, sized, stored, written
from .direction_tables import as_json_text, facts, show_list, show_one
from .exchange import Format, check_name, exported, imported
from .failures import DATA, IO, USAGE, Failure, argument
from .opening import in_options, picked
from .options import DryRun, Force, JobFile, Json, SpaceName

if TYPE_CHECKING:
    from ..directions import Directions

app = typer.Typer(
    help="Look at direction files, and join, rename, clean or exchange them.",
    no_args_is_help=True,
)

Files = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE...", help="Direction files.", show_default=False),
]
File = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE", help="Direction file (.safetensors, .npy, .npz).", show_default=False
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "--output", "-o", help="The new file.", show_default=False),
]


class MetricName(StrEnum):
    """In which metric directions are orthogonal."""

    plain = "plain"
    covariance = "covariance"


@app.command("list")
def list_files(files: Files = None, as_json: Json = False) -> None:
    """Tell what direction files, or all of a folder, hold: a line each."""
    if not files:
        raise Failure("give direction files, or a folder of them", USAGE)
    show_list(sets_in(files), as_json=as_json)


@app.command("show")
def show(file: File = None, as_json: Json = False) -> None:
    """Tell everything about one file: its facts, its directions, and the cosines between them."""
    one = opened(_given(file))
    if as_json:
        typer.echo(as_json_text(facts(one, str(file))))
        return
    show_one(one, str(file))


@app.command("rename")
def rename(
    file: File = None,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="OLD=NEW...", help="sefa0=pose sefa3=smile", show_default=False),
    ] = None,
    out: Out = None,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Give directions other names; without --out (and with --force) in the file itself."""
    file = _given(file)
    if out is None and not force:
        raise Failure(f"rename: give --out for a new file, or --force to rename in {file}", IO)
    target = claimed_file(Path(file) if out is None else out, force=force)
    one = opened(file)
    pairs: dict[str, str] = {}
    for item in names or []:
        old, sign, new = item.partition("=")
        if not sign or not new:
            raise Failure(
                f"rename: expected OLD=NEW such as {one.names[0]}=new_name, got {item}", USAGE
            )
        place = picked(old, one.names, option="rename")
        if len(place) != 1 or one.names[place[0]] in pairs:
            raise Failure(f"rename: {old!r} must name one direction, once", USAGE)
        pairs[one.names[place[0]]] = new
    if not pairs:
        raise Failure(f"rename: give OLD=NEW, such as {one.names[0]}=new_name", USAGE)
    final = [pairs.get(name, name) for name in one.names]
    twice = sorted({name for name in final if final.count(name) > 1})
    if twice:
        raise Failure(f"rename: two directions would be called {twice[0]!r}; choose another", USAGE)
    with argument("rename"):
        renamed = one.rename(pairs)
    written(renamed, target, force=force, dry_run=dry_run)


@app.command("merge")
def merge(
    files: Files = None,
    out: Out = None,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Put the directions of several files of one network and space into one file."""
    if not files or len(files) < 2:
        raise Failure("merge: give two or more direction files", USAGE)
    target = claimed_file(out, force=force)
    one = folded([(file, opened(file)) for file in files])
    written(one, target, force=force, dry_run=dry_run)


@app.command("orthogonalize")
def orthogonalize(
    file: File = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            help="Conditions: another file, or names of this one (age,eyeglasses). May be repeated.",
            show_default="each direction against those before it",
        ),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option("--on", help="Only these directions: names, or 0-4.", show_default="all"),
    ] = None,
    metric: Annotated[
        MetricName, typer.Option("--metric", help="covariance: no two read what is correlated.")
    ] = MetricName.plain,
    any_checkpoint: Annotated[
        bool, typer.Option("--any-checkpoint", help="Take conditions of another checkpoint.")
    ] = False,
    out: Out = None,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Take out of directions what they share with others, or with those before them."""
    file = _given(file)
    target = claimed_file(out, force=force)
    one = opened(file)
    conditions, named = _conditions(against or [], one)
    if on is not None:
        kept = picked(on, one.names, option="--on")
    else:
        kept = [k for k, name in enumerate(one.names) if name not in named]
    if not kept:
        raise Failure("orthogonalize: every direction is a condition; name some with --on", USAGE)
    both = [one.names[k] for k in kept if one.names[k] in named]
    if both:
        raise Failure(f"orthogonalize: {both[0]!r} is in --on and in --against", USAGE)
    moved = one[kept]
    try:
        if against:
            clean = moved.orthogonal_to(
                *conditions, metric=metric.value, any_checkpoint=any_checkpoint
            )
        else:
            clean = moved.orthonormal(metric=metric.value)
    except ValueError as error:
        raise Failure(f"{file}: {in_options(str(error))}", DATA) from error
    written(clean, target, force=force, dry_run=dry_run)


@app.command("import")
def import_file(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FOREIGN", help="File of another tool.", show_default=False),
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Which tool's.", show_default="guessed from the file"),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option("--network", help="Network that they belong to: checked and remembered."),
    ] = None,
    space: Annotated[
        SpaceName | None, typer.Option("--space", help="Where the vectors live.")
    ] = None,
    out: Out = None,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Read the file of another tool as directions; nothing in it is run."""
    file = _given(file)
    target = claimed_file(out, force=force)
    found = imported(Path(file), form, space=space, network=network)
    written(found, target, force=force, dry_run=dry_run)


@app.command("export")
def export_file(
    file: File = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="For which tool.", show_default=False),
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", help="Some directions: names, or 0-4.")
    ] = None,
    out: Out = None,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Write directions as the file of another tool; what it cannot say is refused."""
    file = _given(file)
    if form is None:
        raise Failure("export: give --format interfacegan, sefa or ganspace", USAGE)
    one = opened(file)
    if only is not None:
        one = one[picked(only, one.names)]
    suffix, save = exported(one, form)
    target = claimed_file(out, force=force, suffix=suffix)
    check_name(target, one, form)
    if dry_run:
        sized(one, target)
        return
    stored(one, target, save, force=force)


def _given(file: str | None) -> str:
    if file is None:
        raise Failure("give a FILE of directions; `steerx mine` makes them", USAGE)
    return file


def _conditions(words: list[str], one: Directions) -> tuple[list[Directions], set[str]]:
    """Sets of conditions, and which names of this file are among them."""
    sets: list[Directions] = []
    named: set[str] = set()
    for word in words:
        if word not in one.names and Path(word).is_file():
            sets.append(opened(word))
            continue
        places = picked(word, one.names, option="--against")
        sets.append(one[places])
        named.update(one.names[k] for k in places)
    return sets, named
