"""Boundaries of InterFaceGAN (.npy), both ways; GANSpace components are in `ganspace_file`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from .._files import whole_file
from ..checkpoints import CheckpointError
from ..checkpoints.numpy_file import NPZ_LIMIT, read_npy
from .directions import Directions
from .file import DirectionsFileError
from .foreign_arrays import MAX_VECTORS, finite, normalised
from .ganspace_file import load_ganspace as load_ganspace
from .ganspace_file import load_ganspace_activations as load_ganspace_activations
from .ganspace_file import save_ganspace as save_ganspace


def load_boundary(
    path: str | os.PathLike[str], *, space: Literal["z", "w", "w_plus"] | None = None
) -> Directions:
    """Read an InterFaceGAN boundary, `{model}_{attribute}[_c_{condition}...][_w]_boundary.npy`.

    The name says the space (`_w` is w, otherwise z) and the conditions already removed; it becomes
    the name and the provenance of the direction. The file has no intercept, and says nothing of the
    network.

    Args:
        path: an array [1, D] (or [K, D], or [D]) of float32 or float64.
        space: overrules the name; needed where the name does not follow the grammar.

    Raises:
        ValueError: not such an array, or the space is not known.
    """
    path = Path(path)
    try:
        array = finite(path, read_npy(path, limit_bytes=NPZ_LIMIT))
    except (ValueError, CheckpointError) as error:
        raise DirectionsFileError(f"{path.name}: not a boundary: {error}") from error
    if array.ndim not in (1, 2) or len(np.atleast_2d(array)) > MAX_VECTORS:
        raise DirectionsFileError(
            f"{path.name}: a boundary must be [1, D], got {list(array.shape)}"
        )
    said = path.stem.removesuffix("_boundary")
    if space is None:
        if said == path.stem:
            raise ValueError(
                f"{path.name}: the name does not say which space the boundary lives in (expected "
                '{model}_{attribute}[_w]_boundary.npy); say load_boundary(path, space="w")'
            )
        space = "w" if said.endswith("_w") else "z"
    head, _, conditions = said.removesuffix("_w").partition("_c_")
    model, _, name = head.rpartition("_")
    vectors = np.atleast_2d(array)
    return Directions(
        torch.from_numpy(normalised(path, vectors)).float(),
        space=space,
        names=[name] if len(vectors) == 1 else [f"{name}{k}" for k in range(len(vectors))],
        sign="as imported",
        provenance={
            "method": "InterFaceGAN",
            "file": path.name,
            "model": model or None,
            "conditions": [c for c in conditions.replace("_c_", "_").split("_") if c],
        },
    )


def save_boundary(
    directions: Directions, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write one direction as an InterFaceGAN boundary [1, D], without intercept and scale.

    Raises:
        ValueError: more than one direction, or one per layer.
    """
    if len(directions) != 1 or directions.vectors.dim() != 2:
        raise ValueError(
            "save_boundary: the file holds one vector [1, D], got "
            f"{list(directions.vectors.shape)}; pick one, such as directions[0]"
        )
    with whole_file(path, overwrite=overwrite) as handle:
        np.save(handle, directions.vectors.detach().float().cpu().numpy(), allow_pickle=False)
