"""Direction files of a command: found, opened, put together, and written with their job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from . import jobs
from .dry_run import Cost, tell
from .failures import DATA, USAGE, Failure
from .found import size
from .opening import in_options
from .writing import claim

if TYPE_CHECKING:
    from ..directions import Directions

_SUFFIXES = (".safetensors", ".npy", ".npz")
# Facts on which a sum of sets may differ: nothing is applied by them, and they are dropped aloud.
_FACTS = (
    "scores",
    "score_name",
    "intercepts",
    "mean",
    "covariance",
    "weight_source",
    "sign",
    "truncation",
)
# What a reader of a refused merge can do about the field that differs.
_REMEDIES = {
    "model_id": "they belong to different networks; mine them in one (`directions import --network` "
    "names the network of an imported file)",
    "space": "a file has one space; give both files to `steerx sweep` or `steerx edit` instead",
    "unit": "give both files to `steerx sweep` or `steerx edit` instead, with --unit for both",
}


def opened(file: str) -> Directions:
    """Directions of a file.

    Raises:
        Failure: a file that is refused.
        OSError: a file that cannot be read.
    """
    from ..directions import as_directions

    try:
        return as_directions(file)
    except ValueError as error:
        line = in_options(str(error)).replace(
            "give --space z or --space w", "`steerx directions import --space` says it once for all"
        )
        raise Failure(line if file in line else f"{file}: {line}", DATA) from error


def sets_in(files: Sequence[str]) -> list[tuple[str, Directions]]:
    """The sets of files and of folders; in a folder what holds no directions is passed over.

    Raises:
        Failure: a file that is none, or a folder without one.
    """
    found: list[tuple[str, Directions]] = []
    for file in files:
        if not Path(file).is_dir():
            found.append((file, opened(file)))
            continue
        before = len(found)
        for path in sorted(Path(file).iterdir()):
            if path.suffix.lower() in _SUFFIXES and path.is_file():
                try:
                    found.append((str(path), opened(str(path))))
                except Failure:
                    continue  # codes and checkpoints have the same suffixes
        if len(found) == before:
            raise Failure(f"{file} holds no direction file; `steerx mine` makes them", DATA)
    return found


def folded(sets: Sequence[tuple[str, Directions]]) -> Directions:
    """One set of several, without the facts on which they differ.

    Raises:
        Failure: sets of other networks, spaces or units, or a name that stands in two of them.
    """
    from ..directions import Directions

    (first_file, first), *others = sets
    _distinct(sets)
    drop = []
    for field in fields(first):
        if field.name in ("vectors", "names", "layers", "scale", "provenance"):
            continue
        for file, other in others:
            if _same(getattr(first, field.name), getattr(other, field.name), field.name):
                continue
            if field.name not in _FACTS or _needed(field.name, [first, other]):
                mine, theirs = _said(getattr(first, field.name)), _said(getattr(other, field.name))
                hint = _REMEDIES.get(field.name, "make them alike, or leave them in two files")
                raise Failure(
                    f"merge: {first_file} and {file} differ in {field.name} ({mine} and {theirs}): "
                    f"{hint}",
                    DATA,
                )
            drop.append(field.name)
            break
    if drop:
        typer.secho("note: ", fg="yellow", nl=False, err=True)
        typer.echo(f"the files differ in {', '.join(drop)}; the merged one has none", err=True)
    without: dict[str, Any] = dict.fromkeys(drop)
    try:
        return Directions.concatenate([replace(one, **without) for _, one in sets])
    except ValueError as error:
        raise Failure(f"merge: {error}", DATA) from error


def claimed_file(
    out: Path | None, *, force: bool, suffix: tuple[str, ...] = (".safetensors",)
) -> Path:
    """The file that a command writes, checked before the work.

    Raises:
        Failure: none, of another kind, or one that may not be written.
    """
    if out is None:
        raise Failure(f"give --out, a new file that ends in {' or '.join(suffix)}", USAGE)
    if out.suffix.lower() not in suffix:
        raise Failure(f"--out must end in {' or '.join(suffix)}, got {str(out)!r}", USAGE)
    claim([out], force=force)
    return out


def written(directions: Directions, file: Path, *, force: bool, dry_run: bool) -> None:
    """Write a set and the job that made it, or say what would be written."""
    if dry_run:
        sized(directions, file)
        return

    def save(path: Path, overwrite: bool) -> None:
        directions.save(path, overwrite=overwrite)

    stored(directions, file, save, force=force)


def stored(
    directions: Directions, file: Path, save: Callable[[Path, bool], None], *, force: bool
) -> None:
    """Write a file by `save(path, overwrite)`, and its job."""
    known = {} if directions.model_id is None else {"model": directions.model_id}
    jobs.record(file, force=force, **known)
    save(file, force)
    count = len(directions)
    typer.echo(f"{count} direction{'' if count == 1 else 's'} in {file}")


def sized(directions: Directions, file: Path) -> None:
    """`--dry-run`: a file and its job."""
    length = directions.vectors[0].numel()
    tell(Cost(2, size(len(directions), length, covariance=directions.covariance is not None)), file)


def _distinct(sets: Sequence[tuple[str, Directions]]) -> None:
    seen: dict[str, str] = {}
    files = [Path(file).resolve() for file, _ in sets]
    for place, (file, _) in enumerate(sets):
        if files[place] in files[:place]:
            raise Failure(f"merge: {file} is given twice", USAGE)
    for file, one in sets:
        for name in one.names:
            if name in seen:
                raise Failure(
                    f"merge: {name!r} stands in {seen[name]} and in {file}; rename one first: "
                    f"steerx directions rename {file} {name}=other --out NEW.safetensors",
                    DATA,
                )
            seen[name] = file


def _same(a: Any, b: Any, name: str) -> bool:
    """Whether two sets may stand below one another as far as this field goes."""
    import torch

    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        if a is None or b is None:
            return False
        if name in ("scores", "intercepts"):  # one per direction: they are put together
            return True
        return a.shape == b.shape and bool(torch.equal(a.to(b), b))
    return bool(a == b)


def _needed(name: str, sets: Sequence[Directions]) -> bool:
    """Whether directions are applied by this fact, so that it cannot be dropped."""
    return name == "intercepts" and any(one.origin == "boundary" for one in sets)


def _said(value: Any) -> str:
    if value is None:
        return "unknown"
    return value[:12] if isinstance(value, str) else repr(value)
