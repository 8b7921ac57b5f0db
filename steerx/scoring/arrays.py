"""Files of one array: `.npy`, and `.npz` archives that hold nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Any, cast

from numpy.typing import NDArray

from ..checkpoints import CheckpointError, Kind
from ..checkpoints.numpy_file import _ZIP_ERRORS, _Reader, read_npy, read_npz
from ..checkpoints.source import FileSource


def read_array(path: Path, *, limit_bytes: int) -> NDArray[Any]:
    """The array of a file, whatever its name in an archive.

    Raises:
        CheckpointError: several arrays or none, or as `read_npy` and `read_npz`.
        OSError: the file cannot be opened or read.
    """
    if path.suffix.lower() != ".npz":
        return read_npy(path, limit_bytes=limit_bytes)
    try:
        with FileSource(path) as source:
            entries = zipfile.ZipFile(cast(IO[bytes], _Reader(source))).namelist()
    except _ZIP_ERRORS as error:
        raise CheckpointError(Kind.BAD_ARCHIVE, "not an .npz archive, or a damaged one") from error
    names = [entry.removesuffix(".npy") for entry in entries if entry.endswith(".npy")]
    if len(entries) != 1 or not names:
        raise CheckpointError(
            Kind.BAD_STRUCTURE, f"{len(entries)} arrays, where one is expected; save that as .npy"
        )
    return read_npz(path, names, limit_bytes=limit_bytes)[names[0]]
