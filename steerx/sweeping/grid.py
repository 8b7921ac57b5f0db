"""sweep: the grid seed x direction x alpha, rendered lazily in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from .._pictures import Pixels, tile
from .._seeds import Seeds
from ..directions import Directions, DirectionsLike, as_directions
from ..editing import is_line, several, style_steps
from ..generators import Generator, Start, previewed
from ..generators.generator import Codes, CodeSpace
from ..generators.labels import Label
from ..generators.start import begin
from ..rendering import Batches, Noise, NoiseMode, Out, noise_of
from ..scoring import Scorer, ask, batches_of
from .naming import distinct, position
from .prefixes import Prefixes, depth
from .rows import Cell, Rows

if TYPE_CHECKING:
    from PIL import Image

_MOST = torch.finfo(torch.float32).max  # an alpha beyond it makes no number of a picture


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
    preview: int | None = None,
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
        preview: pixels a side of pictures that end early, at the block of that side: see
            `steerx.generators.previewed`; None = whole ones.
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
    if not alphas or not all(abs(a) <= _MOST for a in alphas):
        raise ValueError(
            f"sweep: alphas must be one or more finite numbers, to {_MOST:.1g}, got {alphas}"
        )
    if len(set(alphas)) < len(alphas):
        raise ValueError(f"sweep: alphas must differ, got {alphas}")
    if not any(len(one) for one in sets):
        raise ValueError("sweep: give at least one direction")
    if preview is not None:
        try:
            G = previewed(G, preview)
        except ValueError as error:
            raise ValueError(f"sweep: {error}") from None
        if isinstance(codes, list) or any(one.space == "styles" for one in sets):
            raise ValueError(
                'sweep: a preview has fewer styles than G; give codes and directions in "w" or "w_plus", or '
                "leave preview out"
            )
    start, numbers = begin(
        "sweep", G, seeds=seeds, codes=codes, space=space, psi=psi, cutoff=cutoff, label=label
    )
    noise_of("sweep", noise_mode, noise_key, (), G.device)  # refuses an unknown mode now
    return Sweep(
        G, start, numbers, sets, alphas, noise_mode, noise_key, batches_of("sweep", G, batch)
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
        batches: how many pictures are rendered at once.
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
        batches: Batches,
    ) -> None:
        """Store; `sweep` has checked."""
        self.G, self.start, self.seeds, self.alphas = G, start, seeds, alphas
        self.singles = [one[k] for one in sets for k in range(len(one))]
        self.directions = distinct([one.names[0] for one in self.singles])
        self.noise_mode, self.noise_key = noise_mode, noise_key
        self.batches = batches

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

    def _cells(self, source: int, directions: Iterable[int] | None = None) -> list[Cell]:
        """The pictures of one seed (along some directions), in order of rendering."""
        columns = list(range(len(self.directions)) if directions is None else directions)
        cells = [Cell(source, k, alpha) for k in columns for alpha in self.alphas]
        edits = [cell for cell in cells if not self._shared(cell.direction, cell.alpha)]
        return edits if len(edits) == len(cells) else [Cell(source, None, 0.0), *edits]

    def __iter__(self) -> Iterator[Batch]:
        """Batches of pictures: seeds outermost, then directions, then alphas."""
        for cells, images in self._rendered("uint8"):
            names = (None if c.direction is None else self.directions[c.direction] for c in cells)
            seeds = tuple(self.seeds[c.source] for c in cells)
            pixels = images.cpu().numpy()
            yield Batch(pixels, seeds, tuple(names), tuple(c.alpha for c in cells))

    def _rendered(self, out: Out) -> Iterator[tuple[Sequence[Cell], Tensor]]:
        """Every picture on the generator's device, with its cell, in batches."""
        sources = range(len(self.seeds))
        first = 0
        # Edits that begin at several layers need a state of each, so their seeds go one by one.
        alone = len(set(self.depths.values())) > 1
        while first < len(sources):
            some = sources[first : first + (1 if alone else self.batches.size)]
            yield from self._render([cell for n in some for cell in self._cells(n)], out)
            first += len(some)

    def _render(
        self, cells: list[Cell], out: Out = "uint8"
    ) -> Iterator[tuple[Sequence[Cell], Tensor]]:
        """The pictures of cells of a few seeds, in batches."""
        if not cells:
            return
        first, last = cells[0].source, cells[-1].source
        with torch.inference_mode():
            rows = Rows(self, self.start.rows(slice(first, last + 1)), first)
        prefixes = Prefixes(self, rows.base, self._noise(self.seeds[first : last + 1]))
        runs = prefixes.runs(cells)
        for number, (layer, run) in enumerate(runs):
            prefixes.prepare(layer)
            prefixes.keep({later for later, _ in runs[number:]})

            @torch.inference_mode()
            def pictures(some: Sequence[Cell], layer: int = layer) -> Tensor:
                noise = self._noise([self.seeds[c.source] for c in some])
                codes = rows.of(some)
                state = prefixes.state(layer, some, rows.sources(some), codes, noise)
                return self.G.renderer.render(codes, state=state, noise=noise, out=out)

            yield from self.batches.over(run, pictures)

    def _noise(self, seeds: Sequence[int]) -> Noise:
        return noise_of("sweep", self.noise_mode, self.noise_key, seeds, self.G.device)

    @cached_property
    def depths(self) -> dict[int | None, int]:
        """The last style_layer that each straight direction leaves as it was, -1 where none.

        The unedited picture may go on from anywhere: it goes with the direction that is rendered next.
        """
        places, steps = self.lines
        depths = {k: depth(self.G, steps[place]) for k, place in places.items() if k is not None}
        return {None: depths.get(0, -1)} | depths

    @cached_property
    def lines(self) -> tuple[dict[int | None, int], Tensor]:
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
        pictures = np.empty(0, dtype=np.uint8)
        for n, of_seed in enumerate(self.by_seed()):
            if not n:
                pictures = np.empty((len(self.seeds), *of_seed.shape), dtype=np.uint8)
            pictures[n] = of_seed
        return pictures

    def by_seed(self) -> Iterator[Pixels]:
        """The pictures [K, A, H, W, 3] uint8 of one seed after the other; no other is kept."""
        if "images" in self.__dict__:
            yield from self.images
            return
        for columns in self._collected("uint8", lambda _, images: images.cpu().numpy()):
            yield np.stack([np.stack(row) for row in columns])

    def scores(self, scorer: Scorer) -> Tensor:
        """What a scorer sees in every picture [N, K, A, A'] float32; pictures are not kept.

        Raises:
            ScorerError: a ValueError: a scorer that raised, or whose result has another shape; it names
                the seeds.
        """
        first: list[Tensor] = []

        def scored(cells: Sequence[Cell], images: Tensor) -> Tensor:
            seeds = [self.seeds[cell.source] for cell in cells]
            with torch.inference_mode():
                result = ask("Sweep.scores", scorer, images, numbers=seeds, before=first)
            first[:] = [result]
            return result

        seeds = [
            torch.stack([torch.stack(row) for row in columns])
            for columns in self._collected("float", scored)
        ]
        return torch.stack(seeds)

    def _collected(
        self, out: Out, made: Callable[[Sequence[Cell], Tensor], Iterable[Any]]
    ) -> Iterator[list[list[Any]]]:
        """What `made` makes of each picture, as [K][A] for one seed after the other."""
        columns: list[list[Any]] = []
        here = -1
        for cells, images in self._rendered(out):
            for cell, value in zip(cells, made(cells, images), strict=True):
                if cell.source != here:
                    if columns:
                        yield columns
                    here, columns = (
                        cell.source,
                        [[None] * len(self.alphas) for _ in self.directions],
                    )
                self._place(cell, value, columns)
        yield columns

    def _place(self, cell: Cell, value: Any, columns: list[list[Any]]) -> None:
        """Put a value where it belongs; the unedited one stands at alpha 0 of every relative direction."""
        alpha = self.alphas.index(cell.alpha)
        if cell.direction is not None:
            columns[cell.direction][alpha] = value
            return
        for k in range(len(self.directions)):
            if self._shared(k, 0.0):
                columns[k][alpha] = value

    def _row(self, source: int, k: int) -> list[Pixels]:
        """The pictures of one seed along one direction; renders no others."""
        if "images" in self.__dict__:
            return list(self.images[source, k])
        columns: list[list[Any]] = [[None] * len(self.alphas) for _ in self.directions]
        for cells, images in self._render(self._cells(source, [k])):
            for cell, image in zip(cells, images.cpu().numpy(), strict=True):
                self._place(cell, image, columns)
        return columns[k]

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
        n = position("strip: seed", seed, self.seeds)
        row = self._row(n, position("strip: direction", direction, self.directions))
        return self._tile([row], [], labels, scale)

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
