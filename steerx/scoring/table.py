"""Tables of scores: CSV files of this and of other tools, read line by line as hostile data.

The first line names the columns; a file without such a line is refused, because nobody can tell a seed
from a score in it. One kind of column may say whose scores a line holds, the first of these that is
there: `seed`; file names that end in the number of a seed; `id`. A column of row numbers 0, 1, 2, ...
without a name or called `index`, as some tools write it, is left out. Cells are separated by comma,
semicolon or tab.
"""

from __future__ import annotations

import array
import csv
import io
import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .columns import FILES, IDS, KINDS, ROWS, SEEDS, check_names, is_number, seed_of, twice

_MAX_LINE = 1 << 20
_MAX_CELLS = 1 << 28
_ROWS_AT_ONCE = 4096


class ScoresFileError(ValueError):
    """A file that holds no scores; the message says where and why."""


def write_table(
    handle: IO[bytes], values: Tensor, names: Sequence[str], seeds: Sequence[int] | None
) -> None:
    """Write names, seeds and values [N, A'] so that reading them gives the same bits."""
    head = list(names) if seeds is None else ["seed", *names]
    for first in range(0, len(values), _ROWS_AT_ONCE):
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        if not first:
            lines.writerow(head)
        rows = [list(map(repr, row)) for row in values[first : first + _ROWS_AT_ONCE].tolist()]
        if seeds is not None:
            of = seeds[first : first + _ROWS_AT_ONCE]
            rows = [[str(seed), *row] for seed, row in zip(of, rows, strict=True)]
        lines.writerows(rows)
        handle.write(text.getvalue().encode())


def read_table(
    path: str | os.PathLike[str], invalid: float | None
) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[int, ...] | None]:
    """Values [N, A'], names, and the seeds where a column tells them.

    Raises:
        ScoresFileError: no table of scores.
        OSError: the file cannot be read.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            return _Table(path, handle, invalid).read()
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScoresFileError(f"{path} is refused: not a table of text ({error})") from error


class _Table:
    """A table that is being read."""

    def __init__(self, path: Path, handle: IO[str], invalid: float | None) -> None:
        self.path, self.invalid = path, invalid
        lines = self._lines(handle)
        first = next(lines, "")
        counts = {sign: first.count(sign) for sign in ",;\t"}
        sign = "," if counts[","] else max(counts, key=lambda one: counts[one])
        self.rows = csv.reader(itertools.chain([first.removeprefix("#")], lines), delimiter=sign)
        self.head = [name.strip() for name in next(self.rows, [])]
        self._check_head()

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[int, ...] | None]:
        columns = {kind: self._called(kind) for kind in KINDS}
        telling = next((places for places in columns.values() if places), [])
        apart = {place for places in columns.values() for place in places}
        kept = [place for place in range(len(self.head)) if place not in apart]
        if not kept:
            raise self._refused("there are no scores beside the seeds")
        values = array.array("d")
        told: list[int] = []
        blank = False
        for cells in self.rows:
            if not cells:
                blank = True
                continue
            if blank and len(self.head) == 1:  # an image left out? later rows would move up
                raise self._refused("a blank line before it; write nan and say invalid=", here=True)
            if len(cells) != len(self.head):
                raise self._refused(f"{len(self.head)} cells expected, got {len(cells)}", here=True)
            values.extend([self._number(cells[place], self.head[place]) for place in kept])
            if len(values) > _MAX_CELLS:
                raise self._refused(f"more than {_MAX_CELLS} scores")
            if telling:
                told.append(self._seed([cells[place] for place in telling], telling))
        if not values:
            raise self._refused("give a line of names, then a line per image")
        table = np.frombuffer(values, dtype=np.float64).reshape(-1, len(kept))
        return table, tuple(self.head[place] for place in kept), self._seeds(told, columns)

    def _check_head(self) -> None:
        for name in twice(self.head):
            raise self._refused(f"two columns are called {name[:40]!r}")
        nameless = [name for name in self.head[1:] if not name]
        if not self.head or nameless or all(is_number(name) or not name for name in self.head):
            raise self._refused(
                "its first line must name each column, such as seed,smile; got "
                f"{','.join(self.head)[:80]!r}"
            )
        names = [name for name in self.head if not any(name.casefold() in k for k in KINDS)]
        try:
            check_names(names)
        except ValueError as error:
            raise self._refused(str(error).removeprefix("Scores: ")) from error

    def _called(self, kind: Sequence[str]) -> list[int]:
        return [place for place, name in enumerate(self.head) if name.casefold() in kind]

    def _number(self, cell: str, name: str) -> float:
        text = cell.strip()
        if not text and self.invalid is not None:
            return self.invalid
        try:
            value = float(text)
        except ValueError:
            what = f"holds {text[:40]!r}, which is no number" if text else "is empty"
            remedy = (
                "write decimals with a point, or remove the column"
                if text
                else "say invalid= (--invalid) for images without a score"
            )
            raise self._refused(f"{name!r} {what}; {remedy}", here=True) from None
        marks = math.isnan(value) and self.invalid is not None and math.isnan(self.invalid)
        if not (math.isfinite(value) or value == self.invalid or marks):
            raise self._refused(
                f"{name!r} is {text[:40]}; say invalid= (--invalid) where that marks an image "
                "without a score",
                here=True,
            )
        return value

    def _seed(self, cells: Sequence[str], places: Sequence[int]) -> int:
        """The seed that a line is about; all columns that tell it must agree."""
        seeds = []
        for cell, place in zip(cells, places, strict=True):
            name = self.head[place]
            seed = seed_of(cell, name)
            if seed is None:
                raise self._refused(
                    f"{name!r} holds {cell.strip()[:40]!r}, which tells no seed; give a column seed of "
                    "whole numbers",
                    here=True,
                )
            seeds.append(seed)
        if len(set(seeds)) > 1:
            names = " and ".join(repr(self.head[place]) for place in places)
            raise self._refused(f"{names} tell different seeds; keep one, called seed", here=True)
        return seeds[0]

    def _seeds(
        self, told: list[int], columns: Mapping[tuple[str, ...], list[int]]
    ) -> tuple[int, ...] | None:
        if not told:
            return None
        if not any(columns[kind] for kind in (SEEDS, FILES, IDS)):  # row numbers
            if told == list(range(len(told))):
                return None
            name = self.head[columns[ROWS][0]]
            raise self._refused(f"are the numbers in column {name!r} the seeds? then call it seed")
        for seed in twice(told):
            raise self._refused(f"seed {seed} is there twice; keep one line of it")
        return tuple(told)

    def _lines(self, handle: IO[str]) -> Iterator[str]:
        while line := handle.readline(_MAX_LINE + 1):
            if len(line) > _MAX_LINE:
                raise self._refused(f"a line of more than {_MAX_LINE} characters")
            yield line

    def _refused(self, why: str, *, here: bool = False) -> ScoresFileError:
        place = f", line {self.rows.line_num}" if here else ""
        return ScoresFileError(f"{self.path}{place} is refused: {why}")
