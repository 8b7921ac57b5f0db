"""One door for everything that can stand for directions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from . import file, foreign
from .directions import Directions
from .estimator import Estimator

DirectionsLike: TypeAlias = Directions | Estimator | str | os.PathLike[str]


def as_directions(source: DirectionsLike) -> Directions:
    """Directions of a set, a fitted method, or a file (.safetensors; other tools' .npy, .npz).

    Raises:
        TypeError: something else.
        ValueError: a method that was not fitted, or a file that holds no directions.

    Example:
        >>> as_directions("smile.safetensors")  # doctest: +SKIP
    """
    if isinstance(source, Directions):
        return source
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        readers = {
            ".safetensors": file.load,
            ".npy": foreign.load_boundary,
            ".npz": foreign.load_ganspace,
        }
        read = readers.get(path.suffix.lower())
        if read is None:
            raise file.DirectionsFileError(
                f"{path}: directions end in {', '.join(readers)}; `steerx directions import` makes one of "
                "other tools' files"
            )
        return read(path)
    found = getattr(source, "directions_", None)
    if isinstance(found, Directions):
        return found
    if hasattr(source, "fit"):
        raise ValueError(f"{source!r} has learned nothing yet; call fit first")
    raise TypeError(
        "directions must be Directions, a fitted method, or a path to .safetensors, .npy or .npz; "
        f"got {type(source).__name__}"
    )
