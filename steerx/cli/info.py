"""`steerx info`: what a checkpoint, direction, code or job file holds, without running anything in it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import jobs
from .failures import DATA, Failure
from .options import Json
from .tables import table

if TYPE_CHECKING:
    from ..directions import Directions

_CODES = ({"z"}, {"w"}, {"w_plus"})  # names of the only tensor of a file of codes without metadata


def info(
    file: Annotated[
        str,
        typer.Argument(
            help='Checkpoint, directions, codes or job.yaml; or "faces".', show_default=False
        ),
    ],
    as_json: Json = False,
) -> None:
    """Tell what a file holds: a checkpoint, directions, codes, scores or a job; nothing in it is run."""
    from ..generators.loading import resolve

    facts = _facts(resolve(file), file)
    if as_json:
        typer.echo(json.dumps(facts, indent=2, allow_nan=False))
        return
    rows = facts.pop("directions", [])
    facts.update(facts.pop("arguments", {}))  # of a job: a line each
    table([row for name, value in facts.items() for row in _lines(name, value)], title=file)
    if rows:
        table([[_said(value) for value in row.values()] for row in rows], head=list(rows[0]))


def _facts(path: Path, file: str) -> dict[str, Any]:
    """Plain data about whatever the file holds; its kind is told from its content, not its name."""
    from ..checkpoints import CheckpointError, describe

    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml"):
        job = jobs.read(path)
        return {"kind": "job", **job.model_dump()}
    if suffix == ".csv":
        return _of_scores(path)
    try:
        kind = _kind(path, suffix)
    except CheckpointError as error:
        raise Failure(f"{file} is refused: {error}", DATA) from error
    if kind == "codes":
        return _of_codes(path)
    if kind == "factors":
        from .exchange import Format, imported

        return _of_directions(imported(path, Format.rosinality, space=None, network=None))
    if kind == "directions":
        from ..directions import as_directions

        return _of_directions(as_directions(path))
    try:
        return describe(path)
    except CheckpointError as error:
        raise Failure(f"{file} is refused: {error}", DATA) from error


def _kind(path: Path, suffix: str) -> str | None:
    """What a file says that it holds; None where it does not say, as a checkpoint."""
    if suffix == ".npy":
        return "directions" if path.stem.endswith("boundary") else "codes"
    if suffix == ".npz":
        from ..checkpoints.numpy_file import npz_names

        return "directions" if "lat_comp" in npz_names(path) else "codes"
    if suffix not in (".safetensors", ".pt", ".pth"):
        return None

    from ..checkpoints.containers import read_contents
    from ..checkpoints.records import TensorRecord
    from ..checkpoints.source import FileSource
    from ..checkpoints.tensor_file import parse_json

    with FileSource(path) as source:
        contents = read_contents(source)
    tree, told = contents.tree, parse_json(contents.metadata.get("steerx", "{}"))
    if isinstance(tree, TensorRecord):
        return "codes"  # as e4e and its kin save them
    kind = told.get("kind") if isinstance(told, dict) else None
    if kind is None and isinstance(tree, dict):
        if set(tree) in _CODES:
            return "codes"
        if isinstance(tree.get("eigvec"), TensorRecord):
            return "factors"  # of rosinality
    return kind if isinstance(kind, str) else None


def _of_scores(path: Path) -> dict[str, Any]:
    """Plain data about a table of scores; a score that is NaN counts as none."""
    from .._layers import format_layers
    from ..scoring import Scores

    scores = Scores.load(path, invalid=math.nan)
    return {
        "kind": "scores",
        "names": list(scores.names),
        "images": len(scores),
        "seeds": None if scores.seeds is None else format_layers(sorted(scores.seeds)),
        "without a score": int(scores.values.isnan().any(dim=1).sum()),
    }


def _of_codes(path: Path) -> dict[str, Any]:
    """Plain data about codes."""
    from ..generators.codes_file import read_saved

    saved = read_saved(path)
    rows = saved.codes if isinstance(saved.codes, list) else [saved.codes]
    return {
        "kind": "codes",
        "space": saved.space,
        "shape": [list(row.shape) for row in rows]
        if saved.space == "styles"
        else list(rows[0].shape),
        "dtype": str(rows[0].dtype).removeprefix("torch."),
        **{
            key: value
            for key, value in saved.facts.items()
            if key not in ("kind", "space", "shape")
        },
    }


def _of_directions(directions: Directions) -> dict[str, Any]:
    """Plain data about a set of directions."""
    from .._layers import format_layers

    d = directions
    rows = []
    for k, name in enumerate(d.names):
        layers = d.layers[k]
        row: dict[str, Any] = {"name": name}
        row["layers"] = "all" if layers is None else format_layers(layers)
        row["scale"] = float(d.scale[k])
        if d.scores is not None:
            row[d.score_name or "score"] = _number(d.scores[k])
        rows.append(row)
    return {
        "kind": "directions",
        "method": d.provenance.get("method"),
        "space": d.space,
        "vectors": list(d.vectors.shape),
        "unit": d.unit,
        "motion": d.motion,
        "when": d.when,
        "reads": d.kind,
        "label": d.label,
        "sign": d.sign,
        "model_id": d.model_id,
        "resolution": d.resolution,
        "truncation": None if d.truncation is None else list(d.truncation),
        "directions": rows,
    }


def _number(value: Any) -> float | None:
    """A number that JSON has a word for."""
    return float(value) if math.isfinite(value) else None


def _lines(name: str, value: object) -> list[tuple[str, str]]:
    """A line per fact; facts within facts get lines of their own."""
    if isinstance(value, dict) and any(isinstance(one, dict) for one in value.values()):
        return [row for key, one in value.items() for row in _lines(f"{name} {key}", one)]
    return [(name, _said(value))]


def _said(value: object) -> str:
    """A JSON value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return "  ".join(f"{key}:{_said(one)}" for key, one in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value) or "-"
    return str(value)
