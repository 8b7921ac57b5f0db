"""Arrays out of files of other tools, checked before they become directions."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .file import DirectionsFileError

MAX_VECTORS = 10_000  # each gets a name; a file of noughts could ask for millions
_ROUNDING = 1e-5  # how far from 1 the length of a unit row in float32 may be


def finite(path: Path, value: Any) -> NDArray[np.float64]:
    """The array in float64, if it holds finite floating-point numbers."""
    array = np.array(value)
    if array.dtype.kind != "f" or array.size == 0 or not np.isfinite(array).all():
        raise DirectionsFileError(
            f"{path.name}: expected finite floating-point numbers, got {array.dtype} {array.shape}"
        )
    return array.astype(np.float64)


def normalised(path: Path, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of unit length; rows that have it already stay as they are, bit for bit."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError(f"{path.name}: a vector of zeros is no direction")
    if np.abs(lengths - 1).max() > 1e-3:
        warnings.warn(
            f"{path.name}: vectors of length {lengths.min():.4g} to {lengths.max():.4g} were made "
            "unit length; multiply an alpha of the other tool by its length to go as far here",
            stacklevel=3,
        )
    if np.abs(lengths - 1).max() <= _ROUNDING:
        return vectors
    return np.asarray(vectors / lengths, dtype=np.float64)
