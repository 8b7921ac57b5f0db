"""What `steerx directions list` and `show` tell: plain data, and tables of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from .tables import table

if TYPE_CHECKING:
    from ..directions import Directions

_WIDE = 12  # directions in a table of cosines; more are in --json


def show_list(sets: Sequence[tuple[str, Directions]], *, as_json: bool) -> None:
    """A line per direction, of all files."""
    rows = [{"file": file, **row} for file, one in sets for row in _rows(one)]
    if as_json:
        typer.echo(as_json_text({"kind": "direction list", "directions": rows}))
        return
    head = ["file", "name", "method", "space", "network", "layers", "sigma", "fitted on"]
    table([[_text(row, key) for key in head] for row in rows], head=head)


def show_one(one: Directions, file: str) -> None:
    """All facts of a set, its directions, and their cosines."""
    told = facts(one, file)
    rows, cosines = told.pop("directions"), told.pop("cosines")
    table(list(_lines(told)), title=file)
    table([[_say(value) for value in row.values()] for row in rows], head=list(rows[0]))
    if len(one) < 2:
        return
    if len(one) > _WIDE:
        pairs = [(i, j) for j in range(len(one)) for i in range(j)]
        pairs.sort(key=lambda pair: -abs(cosines[pair[0]][pair[1]]))
        typer.echo(f"the {_WIDE} pairs with the largest cosine (--json has all)")
        table(
            [
                [f"{one.names[i]}, {one.names[j]}", f"{cosines[i][j]:+.3f}"]
                for i, j in pairs[:_WIDE]
            ],
            head=["directions", "cosine"],
        )
        return
    typer.echo("cosines between the directions")
    table(
        [[name, *(f"{v:+.2f}" for v in row)] for name, row in zip(one.names, cosines, strict=True)],
        head=["", *one.names],
    )


def facts(one: Directions, file: str) -> dict[str, Any]:
    """Plain data about a set; every number is one that JSON has a word for."""
    from ..reporting.words import method_of

    rows = []
    for k, row in enumerate(_rows(one)):
        told = {"name": row["name"], "layers": row["layers"], "scale": float(one.scale[k])}
        if one.scores is not None:
            told[one.score_name or "score"] = float(one.scores[k])
        if one.intercepts is not None and one.intercepts.dim() == 1:
            told["intercept"] = float(one.intercepts[k])
        rows.append(told)
    return {
        "kind": "directions",
        "file": file,
        "method": method_of(one.provenance),
        "space": one.space,
        "vectors": list(one.vectors.shape),
        "unit": one.unit,
        "motion": one.motion,
        "origin": one.origin,
        "when": one.when,
        "reads": one.kind,
        "label": one.label,
        "sign": one.sign,
        "network": one.model_id,
        "resolution": one.resolution,
        "truncation": None if one.truncation is None else list(one.truncation),
        "mean": one.mean is not None,
        "covariance": one.covariance is not None,
        "weight_source": one.weight_source,
        "provenance": one.provenance,
        "directions": rows,
        "cosines": one.cosines().tolist(),
    }


def as_json_text(told: dict[str, Any]) -> str:
    """One JSON object."""
    return json.dumps(_plain(told), indent=2, allow_nan=False)


def _rows(one: Directions) -> list[dict[str, Any]]:
    """What a list tells of each direction."""
    from .._layers import format_layers
    from ..reporting.words import fitted_on, method_of

    return [
        {
            "name": name,
            "method": method_of(one.provenance),
            "space": one.space,
            "network": one.model_id,
            "layers": "all" if layers is None else format_layers(layers),
            "unit": one.unit,
            "scale": float(one.scale[k]),
            "fitted on": fitted_on(one.provenance),
        }
        for k, (name, layers) in enumerate(zip(one.names, one.layers, strict=True))
    ]


def _text(row: dict[str, Any], key: str) -> str:
    if key == "network":
        return str(row[key])[:12] if row[key] else "unknown"
    if key == "sigma":
        return f"{row['scale']:.4g}" if row["unit"] == "sigma" else f"- ({row['unit']})"
    return _say(row[key])


def _lines(told: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in told.items():
        if isinstance(value, dict) and value:
            lines += _lines(value, f"{before}{name} ")
        else:
            lines.append((f"{before}{name}", _say(value)))
    return lines


def _say(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        few = ", ".join(_say(one) for one in value[:8])
        return few + (f", ... ({len(value)})" if len(value) > 8 else "") or "-"
    return str(value)


def _plain(value: Any) -> Any:
    """Data in which what is no finite number is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
