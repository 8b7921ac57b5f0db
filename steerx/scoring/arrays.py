"""Files of one array: `.npy`, and `.npz` archives that hold nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..checkpoints import CheckpointError, Kind
from ..checkpoints.numpy_file import npz_names, read_npy, read_npz


def read_array(path: Path, *, limit_bytes: int) -> NDArray[Any]:
    """The array of a file, whatever its name in an archive.

    Raises:
        CheckpointError: several arrays or none, or as `read_npy` and `read_npz`.
        OSError: the file cannot be opened or read.
    """
    if path.suffix.lower() != ".npz":
        return read_npy(path, limit_bytes=limit_bytes)
    names = npz_names(path)
    if len(names) != 1:
        raise CheckpointError(
            Kind.BAD_STRUCTURE, f"{len(names)} arrays, where one is expected; save that as .npy"
        )
    return read_npz(path, names, limit_bytes=limit_bytes)[names[0]]
