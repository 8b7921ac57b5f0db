"""Scores as a value: of which attributes, of which seeds, and the files they come in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .._files import whole_file
from .._marks import marked
from .._seeds import Seeds, seed_numbers
from ..checkpoints import CheckpointError
from .arrays import read_array
from .columns import check_names, twice
from .scorers import said
from .table import ScoresFileError, read_table, write_table

MAX_BYTES = 2 << 30


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of images.

    Attributes:
        values: [N, A'] float64, higher = more of the attribute.
        names: A' attributes, all different.
        seeds: seed of each row, all different; None where rows are in an order that is known elsewhere.
    """

    values: Tensor
    names: tuple[str, ...]
    seeds: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        values, names = self.values.detach().double().cpu(), tuple(self.names)
        seeds = None if self.seeds is None else tuple(seed_numbers(self.seeds))
        if values.dim() != 2 or not values.numel():
            raise ValueError(f"Scores: values must be [N, A'], got {list(values.shape)}")
        check_names(names)
        if len(names) != values.shape[1]:
            raise ValueError(f"Scores: {values.shape[1]} columns need as many names, got {names}")
        if seeds is not None and (len(seeds) != len(values) or twice(seeds)):
            raise ValueError(
                f"Scores: seeds must be {len(values)} different ones, one per row"
                + "".join(f"; {said('seed', [seed])} is there twice" for seed in twice(seeds))
            )
        for name, value in (("values", values), ("names", names), ("seeds", seeds)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        of = "" if self.seeds is None else f" of {said('seed', self.seeds)}"
        return f"Scores({len(self)} images x {', '.join(self.names)}{of})"

    def only(self, names: str | Iterable[str] | None) -> Scores:
        """The scores of some attributes, in the order given.

        Args:
            names: attributes, or a comma list of them; None = all.

        Raises:
            ValueError: a name that is not among them.
        """
        if names is None:
            return self
        listed = names.split(",") if isinstance(names, str) else names
        wanted = [name.strip() for name in listed]
        for name in wanted:
            if name not in self.names:
                close = get_close_matches(name, self.names, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"no attribute {name!r}; there are {', '.join(self.names)}{hint}")
        columns = [self.names.index(name) for name in wanted]
        return Scores(self.values[:, columns], tuple(wanted), self.seeds)

    def aligned(self, seeds: Seeds) -> Scores:
        """The rows of some seeds, in their order.

        Args:
            seeds: integers or text such as "0-99", each once.

        Raises:
            ValueError: the seeds of the rows are not known, a seed has no scores, or is asked for twice.
        """
        if self.seeds is None:
            raise ValueError("Scores.aligned: these scores do not say their seeds")
        wanted = tuple(seed_numbers(seeds))
        place = {seed: row for row, seed in enumerate(self.seeds)}
        missing = [seed for seed in wanted if seed not in place]
        if missing:
            raise ValueError(f"Scores.aligned: no scores of {said('seed', missing)}")
        if twice(wanted):
            raise ValueError(f"Scores.aligned: {said('seed', twice(wanted))} asked for twice")
        return Scores(self.values[[place[seed] for seed in wanted]], self.names, wanted)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write `.csv` (names, seeds and values, every bit of them) or `.npy` (values alone).

        Raises:
            ValueError: another ending.
            FileExistsError: the file exists and `overwrite` is False.
            OSError: the disk is full, or the like; the file is whole or absent.
        """
        path = Path(path)
        if path.suffix.lower() not in (".csv", ".npy"):
            raise ValueError(f"Scores.save: the name must end in .csv or .npy, got {path.name!r}")
        with whole_file(path, overwrite=overwrite) as handle:
            if path.suffix.lower() == ".npy":
                array = np.ascontiguousarray(self.values.numpy())
                layout = np.lib.format.header_data_from_array_1_0(array)
                np.lib.format.write_array_header_1_0(handle, layout)
                handle.write(array.data)  # numpy.save would not say why a disk takes no more
            else:
                write_table(handle, self.values, self.names, self.seeds)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, invalid: float | None = None) -> Scores:
        """Read scores of this or another tool: `.csv`, `.npy` [N] or [N, A'], or `.npz` with one array.

        A `.csv` opens with a line of names. The column `seed` says whose scores they are; without one,
        a column of file names such as `seed0085.png` or `000085.png` does, or a column `id`. Arrays,
        and tables without such a column, have no seeds, and arrays are named attribute0, attribute1, ...

        Args:
            path: a regular file.
            invalid: score that marks an image without one, NaN perhaps. Such scores stay as they are, and
                empty cells of a table become it. Without it every score must be finite.

        Raises:
            ScoresFileError: a ValueError: a file that holds no scores, or is too large.
            OSError: the file cannot be read.
        """
        path = Path(path)
        readers: dict[str, Callable[[Path, float | None], Scores]]
        readers = {".csv": cls._table, ".npy": cls._array, ".npz": cls._array}
        read = readers.get(path.suffix.lower())
        if read is None:
            raise ScoresFileError(f"{path} is refused: scores end in .csv, .npy or .npz")
        if path.exists() and not path.is_file():
            raise ScoresFileError(f"{path} is refused: it is no regular file")
        if path.stat().st_size > MAX_BYTES:
            raise ScoresFileError(f"{path} is refused: more than {MAX_BYTES >> 30} GiB of scores")
        return read(path, invalid)

    @classmethod
    def _table(cls, path: Path, invalid: float | None) -> Scores:
        values, names, seeds = read_table(path, invalid)
        return cls(torch.from_numpy(values), names, seeds)

    @classmethod
    def _array(cls, path: Path, invalid: float | None) -> Scores:
        try:
            array = read_array(path, limit_bytes=MAX_BYTES)
        except CheckpointError as error:
            raise ScoresFileError(f"{path} is refused: {error}") from error
        if array.ndim not in (1, 2) or array.size == 0:
            raise ScoresFileError(
                f"{path} is refused: scores must be [N] or [N, A'], got {list(array.shape)}"
            )
        values = torch.from_numpy(array.astype(np.float64).reshape(len(array), -1))
        bad = (~values.isfinite() & ~marked(values, invalid)).nonzero()
        if len(bad):
            row, column = bad[0].tolist()
            raise ScoresFileError(
                f"{path} is refused: row {row}, column {column} is {float(values[row, column])}; say "
                "invalid= (--invalid) where that marks an image without a score"
            )
        return cls(values, tuple(f"attribute{k}" for k in range(values.shape[1])))
