"""The direction file, version 1: safetensors, and one JSON string under the metadata key `steerx`.

Tensors: `vectors`, `scale`, and where known `scores`, `intercepts`, `mean`, `covariance`.
JSON: `{"kind": "directions", "version": 1, "required": [...], "fields": {...}}`; `fields` holds
every other attribute of `Directions` by its own name. `required` lists fields that a reader must
understand to apply the set; a reader that meets one it does not know refuses the file, and ignores
all other unknown fields. Files of version 1 stay readable.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import fields
from pathlib import Path
from reprlib import repr as brief
from typing import Any

import safetensors.torch
from torch import Tensor

from .._files import whole_file
from ..checkpoints import CheckpointError, Kind
from ..checkpoints.loading import load_tensor
from ..checkpoints.source import FileSource
from ..checkpoints.tensor_file import MAX_HEADER_BYTES, parse_json, read_tensor_file
from .directions import Directions

VERSION = 1
# A set of the widest styles with their covariance has a third of it; a sparse file costs no disk.
MAX_TENSOR_BYTES = 1 << 30
_MAX_DEPTH = 50
_TENSORS = ("vectors", "scale", "scores", "intercepts", "mean", "covariance")
_PLAIN = tuple(f.name for f in fields(Directions) if f.name not in _TENSORS)
_NEEDED = ("space", "names", "layers", "unit", "motion", "when", "kind")
_TYPES = {
    "label": int,
    "resolution": int,
    "model_id": str,
    "sign": str,
    "score_name": str,
    "truncation": list,
    "weight_source": dict,
    "provenance": dict,
}


class DirectionsFileError(ValueError):
    """A file that is not a direction file this version can read; the message says why."""


def save(directions: Directions, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a set, whole or not at all.

    Raises:
        ValueError: provenance or weight_source hold something that JSON cannot say.
        FileExistsError: the file exists and `overwrite` is False.
    """
    values = {name: getattr(directions, name) for name in _PLAIN}
    # A reader that does not know where distances start would apply the set wrongly.
    required = ["origin"] if directions.origin != "zero" else []
    document = {"kind": "directions", "version": VERSION, "required": required, "fields": values}
    try:
        text = json.dumps(document, allow_nan=False, sort_keys=True)
        _check_plain(document)
        if len(text) > MAX_HEADER_BYTES // 4:  # quoted once more in the header
            raise ValueError(f"{len(text)} characters, at most {MAX_HEADER_BYTES // 4} are kept")
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"Directions.save: provenance and weight_source must be plain JSON data: {error}"
        ) from error
    tensors = {
        name: getattr(directions, name).detach().cpu().contiguous()
        for name in _TENSORS
        if getattr(directions, name) is not None
    }
    with whole_file(path, overwrite=overwrite) as handle:
        handle.write(safetensors.torch.save(tensors, {"steerx": text}))


def load(path: str | os.PathLike[str]) -> Directions:
    """Read a direction file of version 1; data only, nothing is executed.

    Raises:
        FileNotFoundError: there is no such file.
        DirectionsFileError: it is no direction file, of a newer version, or incomplete.
    """
    path = Path(path)
    try:
        metadata, tensors = _read(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"Directions.load: there is no file {path}; check the path"
        ) from error
    except CheckpointError as error:
        raise DirectionsFileError(f"{path} is not a direction file: {error}") from error
    if "steerx" not in metadata:
        raise DirectionsFileError(f"{path} holds no directions: its metadata has no key steerx")
    values = _fields(path, metadata["steerx"])
    if "vectors" not in tensors:
        raise DirectionsFileError(f"{path}: the tensor vectors is missing")
    return _build(path, tensors, values)


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and known tensors, by the reader that expects hostile files."""
    with FileSource(path) as source:
        records, metadata = read_tensor_file(source)
        needed = sum(r.storage.nbytes for name, r in records.items() if name in _TENSORS)
        if needed > MAX_TENSOR_BYTES:
            raise CheckpointError(Kind.LIMIT, f"{needed} bytes of directions")
        tensors = {
            # What must be finite is checked by name when the set is made; an accuracy may be NaN.
            name: load_tensor(record, name=name, dtype=None, allow_nonfinite=True)
            for name, record in records.items()
            if name in _TENSORS
        }
        source.check_unchanged()
    return metadata, tensors


def _fields(path: Path, text: str) -> dict[str, Any]:
    """The fields of the JSON document, after every check that the format asks of a reader."""
    try:
        document = parse_json(text)
        _check_plain(document)
    except (ValueError, CheckpointError) as error:
        raise DirectionsFileError(f"{path}: the steerx metadata is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("kind") != "directions":
        kind = document.get("kind") if isinstance(document, dict) else type(document).__name__
        raise DirectionsFileError(f"{path}: expected a file of kind directions, got {brief(kind)}")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise DirectionsFileError(
            f"{path}: version must be an integer from 1, got {brief(version)}"
        )
    if version > VERSION:
        raise DirectionsFileError(
            f"{path}: direction file version {brief(version)}, this steerx reads up to {VERSION}; install "
            "a newer steerx"
        )
    values, required = document.get("fields"), document.get("required", [])
    if not isinstance(values, dict) or not isinstance(required, list):
        raise DirectionsFileError(f"{path}: fields must be an object and required a list")
    unknown = [brief(name).strip("'") for name in required if name not in _PLAIN + _TENSORS]
    if unknown:
        raise DirectionsFileError(
            f"{path}: applying this set needs {', '.join(unknown[:3])}, which this steerx does not "
            "know; install a newer steerx"
        )
    missing = [name for name in _NEEDED if name not in values]
    if missing:
        raise DirectionsFileError(f"{path}: the fields {', '.join(missing)} are missing")
    for name, kind in _TYPES.items():
        if values.get(name) is not None and type(values[name]) is not kind:
            raise DirectionsFileError(
                f"{path}: {name} must be {kind.__name__}, got {brief(values[name])}"
            )
    return {name: value for name, value in values.items() if name in _PLAIN}


def _build(path: Path, tensors: dict[str, Any], values: dict[str, Any]) -> Directions:
    if values.get("truncation") is not None:
        values["truncation"] = tuple(values["truncation"])
    try:
        return Directions(**tensors, **values)
    except (TypeError, ValueError, IndexError) as error:
        raise DirectionsFileError(f"{path}: {error}") from error


def _check_plain(document: object) -> None:
    """Refuse what parses but cannot be shown or written again, before anything recurses into it."""
    level: list[object] = [document]
    for _ in range(_MAX_DEPTH):
        deeper: list[object] = []
        for value in level:
            if isinstance(value, dict):
                deeper += [*value, *value.values()]
            elif isinstance(value, (list, tuple)):
                deeper += value
            elif isinstance(value, float) and not math.isfinite(value):
                raise ValueError("a number is too large")
            elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
                raise ValueError("a text has half a character")
        if not deeper:
            return
        level = deeper
    raise ValueError(f"nested more than {_MAX_DEPTH} deep")
