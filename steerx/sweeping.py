"""sweep: the grid seed x direction x alpha, rendered lazily in batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from . import ops
from ._pictures import Pixels, tile
from ._seeds import Seeds
from .directions import Directions, DirectionsLike, as_directions
from .editing import edited, is_line, several, style_steps
from .generators import Generator, Start
from .generators.generator import Codes, CodeSpace
from .generators.labels import Label
from .generators.start import begin
from .rendering import NoiseMode, noise_of
from .scoring import batch_size

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Batch:
    """Some pictures of a sweep.

    Attributes:
        images: [B, H, W, 3] uint8 pixels.
        seeds: seed of each picture (its row, where codes were given).
        directions: name of the direction each moved along; None for the unedited picture, which stands
            at alpha 0 of every relative direction and is rendered once.
        alphas: alpha of each picture.
    """

    images: Pixels
    seeds: tuple[int, ...]
    directions: tuple[str | None, ...]
    alphas: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.seeds)


@dataclass(frozen=True)
class _Cell:
    source: int  # row of the start codes
    direction: int | None  # index of the direction, None = unedited
    alpha: float


def sweep(
    G: Generator,
    *,
    directions: DirectionsLike | Sequence[DirectionsLike],
    alphas: Sequence[float],
    seeds: Seeds | None = None,
    codes: Codes | None = None,
    space: CodeSpace | None = None,
    psi: float = 1.0,
    cutoff: int | None = None,
    label: Label = None,
    noise_mode: NoiseMode = "const",
    noise_key: int = 0,
    batch: int | None = None,
    any_checkpoint: bool = False,
) -> Sweep:
    """The grid seed x direction x alpha; nothing is rendered before it is asked for.

    Args:
        G: the generator.
        directions: a `Directions`, a fitted estimator or a path; or a sequence of these. Each of their
            K directions is swept by itself. Whether a step acts before or after truncation is the
            direction's own.
        alphas: edit strengths in units of each direction's scale.
        seeds: integers or text such as "0,1,4-6".
        codes: z, w, w_plus or styles to start from, instead of seeds.
        space: which of these the codes are; must be told for [N, Z] and [N, D].
        psi, cutoff: truncation of z and w, or the one that w_plus codes went through: those are rendered
            as they are, and directions that act before truncation move them by psi times their step.
        label: class of a conditional network, for seeds and z.
        noise_mode: "const" (one noise for all), "random", "none" or "sample" (drawn by seed).
        noise_key: key of the "sample" draw.
        batch: pictures rendered at once; None = by resolution.
        any_checkpoint: take directions that were mined on another checkpoint (never of another
            resolution).

    Returns:
        A `Sweep`: iterate it for batches, or ask for `.grid()` and `.strip()`. *repeatable*.

    Raises:
        ValueError: directions of another network, alphas that are not finite, empty input, or spaces that
            do not fit.

    Example:
        >>> steerx.sweep(G, seeds=range(8), directions="smile.safetensors", alphas=[-3, 0, 3]).grid()
    """
    sets = [as_directions(d) for d in several(directions)]
    for one in sets:
        one.check_generator(G, any_checkpoint=any_checkpoint)
        if one.space not in G.spaces or one.space.startswith("act:"):
            raise ValueError(
                f"sweep: directions in {one.space!r} cannot be swept on this generator; "
                f"its spaces are {', '.join(G.spaces)}"
            )
    alphas = [float(a) for a in alphas]
    if not alphas or not all(map(math.isfinite, alphas)):
        raise ValueError(f"sweep: alphas must be one or more finite numbers, got {alphas}")
    if len(set(alphas)) < len(alphas):
        raise ValueError(f"sweep: alphas must differ, got {alphas}")
    if not any(len(one) for one in sets):
        raise ValueError("sweep: give at least one direction")
    start, numbers = begin(
        "sweep", G, seeds=seeds, codes=codes, space=space, psi=psi, cutoff=cutoff, label=label
    )
    noise_of("sweep", noise_mode, noise_key, (), G.device)  # refuses an unknown mode now
    return Sweep(
        G, start, numbers, sets, alphas, noise_mode, noise_key, batch_size("sweep", G, batch)
    )


class Sweep:
    """A grid of pictures. Made by `sweep`; holds no picture until one is asked for.

    Attributes:
        G: the generator.
        start: codes that the edits start from.
        seeds: seed of each row of the codes.
        singles: each direction as a set of one.
        directions: their names, all different.
        alphas: edit strengths.
        noise_mode, noise_key: see `sweep`.
        batch: pictures rendered at once.
    """

    def __init__(
        self,
        G: Generator,
        start: Start,
        seeds: tuple[int, ...],
        sets: list[Directions],
        alphas: list[float],
        noise_mode: NoiseMode,
        noise_key: int,
        batch: int,
    ) -> None:
        """Store; `sweep` has checked."""
        self.G, self.start, self.seeds, self.alphas = G, start, seeds, alphas
        self.singles = [one[k] for one in sets for k in range(len(one))]
        self.directions = _distinct([one.names[0] for one in self.singles])
        self.noise_mode, self.noise_key, self.batch = noise_mode, noise_key, batch

    def __repr__(self) -> str:
        n, k, a = len(self.seeds), len(self.directions), len(self.alphas)
        return f"Sweep({n} seeds x {k} directions x {a} alphas: {self.renders} renders)"

    @property
    def renders(self) -> int:
        """Pictures to render; the unedited one of each seed counts once."""
        return len(self._cells(0)) * len(self.seeds)

    def _shared(self, k: int | None, alpha: float) -> bool:
        """Whether this cell shows the unedited picture."""
        return k is None or (alpha == 0 and self.singles[k].motion == "relative")

    def _cells(self, source: int, directions: Iterable[int] | None = None) -> list[_Cell]:
        """The pictures of one seed (along some directions), in order of rendering."""
        columns = list(range(len(self.directions)) if directions is None else directions)
        cells = [_Cell(source, k, alpha) for k in columns for alpha in self.alphas]
        edits = [cell for cell in cells if not self._shared(cell.direction, cell.alpha)]
        return edits if len(edits) == len(cells) else [_Cell(source, None, 0.0), *edits]

    def __iter__(self) -> Iterator[Batch]:
        """Batches of at most `batch` pictures: seeds outermost, then directions, then alphas."""
        for first in range(0, len(self.seeds), self.batch):
            sources = range(first, min(first + self.batch, len(self.seeds)))
            cells = [cell for source in sources for cell in self._cells(source)]
            yield from self._batches(cells)

    def _batches(self, cells: list[_Cell]) -> Iterator[Batch]:
        """Batches of cells of a few seeds."""
        if not cells:
            return
        first, last = cells[0].source, cells[-1].source
        with torch.inference_mode():
            rows = _Rows(self, self.start.rows(slice(first, last + 1)), first)
        for i in range(0, len(cells), self.batch):
            yield self._render(rows, cells[i : i + self.batch])

    @torch.inference_mode()
    def _render(self, rows: _Rows, cells: list[_Cell]) -> Batch:
        seeds = tuple(self.seeds[c.source] for c in cells)
        noise = noise_of("sweep", self.noise_mode, self.noise_key, seeds, self.G.device)
        images = self.G.renderer.render(rows.of(cells), noise=noise, out="uint8")
        names = tuple(None if c.direction is None else self.directions[c.direction] for c in cells)
        return Batch(images.cpu().numpy(), seeds, names, tuple(c.alpha for c in cells))

    @cached_property
    def _lines(self) -> tuple[dict[int | None, int], Tensor]:
        """Row of each straight direction among the style steps, and the steps; row 0 is no step at all."""
        G, start = self.G, self.start
        lines = [k for k, one in enumerate(self.singles) if is_line(one) and G.has_styles()]
        with torch.inference_mode():
            steps = [
                style_steps(G, self.singles[k], psi=start.psi, cutoff=start.cutoff) for k in lines
            ]
            base = G.pack(start.rows(slice(0, 1)).rendered(G))
            table = torch.cat([torch.zeros_like(base), *(s.to(base) for s in steps)])
        return {None: 0} | {k: i for i, k in enumerate(lines, 1)}, table

    @cached_property
    def images(self) -> Pixels:
        """All pictures [N, K, A, H, W, 3] uint8, rendered at first use and kept."""
        cells = (cell for source in range(len(self.seeds)) for cell in self._cells(source))
        pictures: Pixels | None = None
        for batch in self:
            if pictures is None:
                grid = (len(self.seeds), len(self.directions), len(self.alphas))
                pictures = np.empty((*grid, *batch.images.shape[1:]), dtype=np.uint8)
            for image in batch.images:
                self._place(next(cells), image, pictures)
        assert pictures is not None
        return pictures

    def _place(self, cell: _Cell, image: Pixels, pictures: Pixels) -> None:
        """Put a picture where it belongs; the unedited one stands at alpha 0 of every relative direction."""
        column = self.alphas.index(cell.alpha)
        if cell.direction is not None:
            pictures[cell.source, cell.direction, column] = image
            return
        for k in range(len(self.directions)):
            if self._shared(k, 0.0):
                pictures[cell.source, k, column] = image

    def _row(self, source: int, k: int) -> list[Pixels]:
        """The pictures of one seed along one direction; renders no others."""
        if "images" in self.__dict__:
            return list(self.images[source, k])
        cells = self._cells(source, [k])
        pictures = [image for batch in self._batches(cells) for image in batch.images]
        by_alpha = {c.alpha: image for c, image in zip(cells, pictures, strict=True)}
        return [by_alpha[alpha] for alpha in self.alphas]

    def grid(
        self, *, order: Literal["seed", "direction"] = "seed", labels: bool = True, scale: int = 1
    ) -> Image.Image:
        """One picture of everything: a row per seed and direction, a column per alpha.

        Args:
            order: which comes first from the top: all directions of a seed, or all seeds of a direction.
            labels: write seeds, directions and alphas beside the pictures.
            scale: whole-number magnification.
        """
        if order not in ("seed", "direction"):
            raise ValueError(f'grid: order must be "seed" or "direction", got {order!r}')
        pairs = [(n, k) for n in range(len(self.seeds)) for k in range(len(self.directions))]
        if order == "direction":
            pairs.sort(key=lambda pair: (pair[1], pair[0]))
        rows = [list(self.images[n, k]) for n, k in pairs]
        names = [f"{self.directions[k]}  {self.seeds[n]}" for n, k in pairs]
        return self._tile(rows, names if labels else [], labels, scale)

    def strip(
        self,
        *,
        seed: int | None = None,
        direction: str | None = None,
        labels: bool = False,
        scale: int = 1,
    ) -> Image.Image:
        """One row: a seed along a direction.

        Args:
            seed: one of the sweep's; None = the first.
            direction: name of one of the sweep's; None = the first.
            labels: write alphas above.
            scale: whole-number magnification.

        Raises:
            ValueError: a seed or direction that was not swept.
        """
        n = _position("strip: seed", seed, self.seeds)
        k = _position("strip: direction", direction, self.directions)
        return self._tile([self._row(n, k)], [], labels, scale)

    def _tile(
        self, rows: list[list[Pixels]], names: list[str], labels: bool, scale: int
    ) -> Image.Image:
        unedited = self.alphas.index(0.0) if 0.0 in self.alphas and len(self.alphas) > 1 else None
        return tile(
            rows,
            row_labels=names,
            column_labels=[f"{a:+g}" if a else "0" for a in self.alphas] if labels else [],
            marked=unedited if labels else None,
            scale=scale,
        )


class _Rows:
    """What enters the renderer for any cells of a few seeds: lines by one operator, the rest by paths."""

    def __init__(self, sweep: Sweep, start: Start, first: int) -> None:
        self.sweep, self.start, self.first = sweep, start, first
        self.base = sweep.G.pack(start.rendered(sweep.G))

    def of(self, cells: list[_Cell]) -> Codes:
        device = self.base.device

        def index(values: Iterable[int]) -> Tensor:
            return torch.tensor(list(values), dtype=torch.int64, device=device)

        sources = index(c.source - self.first for c in cells)
        lines, steps = self.sweep._lines
        columns = index(lines.get(c.direction, 0) for c in cells)
        alphas = torch.tensor([c.alpha for c in cells], dtype=self.base.dtype, device=device)
        rows = ops.edit_styles(self.base, steps, alphas, sources, columns)
        for k in sorted({c.direction for c in cells} - set(lines)):  # type: ignore[type-var]
            where = index(i for i, c in enumerate(cells) if c.direction == k)
            assert k is not None
            one = self.sweep.singles[k].to(device)
            moved = edited(self.start.rows(sources[where]), self.sweep.G, one, 0, alphas[where])
            rows[where] = self.sweep.G.pack(moved)
        return self.sweep.G.unpack(rows)


def _position(name: str, wanted: object, present: Sequence[object]) -> int:
    if wanted is None:
        return 0
    if wanted not in present:
        raise ValueError(f"{name} must be one of {', '.join(map(str, present))}, got {wanted}")
    return list(present).index(wanted)


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Names told apart by a number where several sets use the same ones."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(result)
