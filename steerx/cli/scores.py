"""Scores for `steerx mine interfacegan`: of the built-in faces, or from a file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .failures import DATA, IO, USAGE, Failure
from .progress import rendering

if TYPE_CHECKING:
    from torch import Tensor

    from ..generators import Generator

_MAX_BYTES = 2 << 30


@dataclass(frozen=True)
class Scores:
    """Scores of seeds.

    Attributes:
        values: [N, A'], higher = more of the attribute.
        names: A' attributes.
        seeds: seed of each row, or None where rows are the asked-for seeds in order.
    """

    values: Tensor
    names: tuple[str, ...]
    seeds: list[int] | None = None

    def only(self, text: str | None) -> Scores:
        """The attributes of a comma list of names.

        Raises:
            Failure: a name that is not among them.
        """
        if text is None:
            return self
        wanted = [name.strip() for name in text.split(",")]
        unknown = [name for name in wanted if name not in self.names]
        if unknown:
            raise Failure(
                f"--attributes: no attribute {unknown[0]!r}; there are {', '.join(self.names)}",
                USAGE,
            )
        columns = [self.names.index(name) for name in wanted]
        return Scores(self.values[:, columns], tuple(wanted), self.seeds)


def of_pictures(G: Generator, seeds: list[int], *, psi: float, label: int | None) -> Scores:
    """What the built-in scorer sees in the pictures of seeds."""
    from ..faces import scorer
    from ..scoring import score

    warn_of_strangers(G)
    judge = scorer().to(G.device)
    with rendering(G, "rendering and scoring", len(seeds)):
        values = score(G, judge, seeds=seeds, psi=psi, label=label)
    return Scores(values.double(), judge.names)


def warn_of_strangers(G: Generator) -> None:
    """Say so where a scorer of the built-in faces is asked about another network."""
    import warnings

    from ..checkpoints import read
    from ..generators.loading import resolve

    if G.model_id != read(resolve("faces")).model_id:
        warnings.warn(
            "--scorer knows the built-in faces, and this is another network: unless it is a copy of "
            "theirs, the scores mean nothing; give --scores FILE",
            stacklevel=2,
        )


def of_truth(G: Generator, network: str, seeds: list[int]) -> Scores:
    """What is true of the built-in faces, known from z without looking at a picture.

    Raises:
        Failure: another network, whose pictures this knows nothing of.
    """
    from ..faces.truth import FACTORS, Z_DIM, factors

    if G.z_dim != Z_DIM:
        raise Failure(
            f"--scorer truth knows the built-in faces only, and {network} is another network; "
            "render its seeds with `steerx sample`, score them, and give --scores FILE",
            USAGE,
        )
    warn_of_strangers(G)
    z = G.codes(seeds=seeds, space="z")
    assert not isinstance(z, list)
    return Scores(factors(z).double().cpu(), FACTORS)


def from_file(path: Path) -> Scores:
    """Read scores of a `.csv` (a line of names first; a column `seed` is optional) or `.npy`.

    Raises:
        Failure: a file that is neither, or holds something that is not a number.
        OSError: the file cannot be read.
    """
    if not path.is_file():
        raise Failure(f"{path} is no regular file; give scores as .csv or .npy", IO)
    if path.stat().st_size > _MAX_BYTES:
        raise Failure(f"{path}: scores of more than {_MAX_BYTES >> 30} GiB are not read", DATA)
    if path.suffix.lower() == ".npy":
        return _npy(path)
    if path.suffix.lower() == ".csv":
        return _csv(path)
    raise Failure(f"{path}: scores end in .csv or .npy", DATA)


def _npy(path: Path) -> Scores:
    import numpy as np
    import torch

    from ..checkpoints import CheckpointError
    from ..checkpoints.numpy_file import read_npy

    try:
        array = read_npy(path, limit_bytes=_MAX_BYTES)
    except CheckpointError as error:
        raise Failure(f"{path} is refused: {error}", DATA) from error
    if array.ndim not in (1, 2) or array.size == 0:
        raise Failure(
            f"{path} is refused: scores must be [N] or [N, A'], got {list(array.shape)}", DATA
        )
    values = torch.from_numpy(array.astype(np.float64).reshape(len(array), -1))
    return Scores(values, tuple(f"attribute{k}" for k in range(values.shape[1])))


def _csv(path: Path) -> Scores:
    import torch

    try:
        with path.open(newline="", encoding="utf-8") as handle:
            lines = [line for line in csv.reader(handle) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Failure(f"{path} is refused: not a table of text ({error})", DATA) from error
    if len(lines) < 2:
        raise Failure(f"{path} is refused: give a line of names, then a line per picture", DATA)
    head, numbers = [name.strip() for name in lines[0]], []
    if any(not name or head.count(name) > 1 or _is_number(name) for name in head):
        raise Failure(
            f"{path} is refused: its first line must name each column, got {', '.join(head)[:80]}",
            DATA,
        )
    for place, line in enumerate(lines[1:], 2):
        try:
            numbers.append([float(cell) for cell in line])
        except ValueError as error:
            raise Failure(f"{path}, line {place} is refused: {error}", DATA) from error
        if len(line) != len(head):
            raise Failure(f"{path}, line {place} is refused: {len(head)} cells expected", DATA)
    values, names = torch.tensor(numbers, dtype=torch.float64), tuple(head)
    if "seed" not in names:
        return Scores(values, names)
    column = names.index("seed")
    kept = [k for k in range(len(names)) if k != column]
    drawn = values[:, column].tolist()
    if not kept or not all(seed.is_integer() and seed >= 0 for seed in drawn):
        raise Failure(
            f"{path} is refused: expected whole numbers in the column seed, and scores beside it",
            DATA,
        )
    return Scores(values[:, kept], tuple(names[k] for k in kept), [int(seed) for seed in drawn])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
