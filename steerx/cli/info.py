"""`steerx info`: what a checkpoint or a direction file holds, without running anything in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .failures import DATA, Failure
from .options import Json
from .tables import table

if TYPE_CHECKING:
    from ..directions import Directions


def info(
    file: Annotated[
        str, typer.Argument(help='Checkpoint or direction file, or "faces".', show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Tell what a checkpoint or a direction file holds; nothing in it is run."""
    from ..checkpoints import CheckpointError, describe
    from ..generators.loading import resolve

    path = resolve(file)
    if _holds_directions(path):
        from ..directions import as_directions

        facts = _of_directions(as_directions(path))
    else:
        try:
            facts = describe(path)
        except CheckpointError as error:
            raise Failure(f"{file} is refused: {error}", DATA) from error
    if as_json:
        typer.echo(json.dumps(facts, indent=2, allow_nan=False))
        return
    rows = facts.pop("directions", [])
    table([row for name, value in facts.items() for row in _lines(name, value)], title=file)
    if rows:
        table([[_said(value) for value in row.values()] for row in rows], head=list(rows[0]))


def _holds_directions(path: Path) -> bool:
    """Whether a file is a direction file; the content of a `.safetensors` decides."""
    if path.suffix.lower() in (".npy", ".npz"):
        return True
    if path.suffix.lower() != ".safetensors" or not path.is_file():
        return False
    import safetensors

    try:
        with safetensors.safe_open(path, framework="pt") as opened:
            document = json.loads((opened.metadata() or {}).get("steerx", "{}"))
    except (safetensors.SafetensorError, ValueError, RecursionError, OSError):
        return False  # the checkpoint reader says what is wrong with it
    return isinstance(document, dict) and document.get("kind") == "directions"


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
            row[d.score_name or "score"] = float(d.scores[k])
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
