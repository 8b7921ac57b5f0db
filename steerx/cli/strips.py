"""Files of a sweep: a strip per direction and seed as it is rendered, and what shows all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .failures import USAGE, Failure
from .writing import stems, write

if TYPE_CHECKING:
    from PIL import Image

    from .._pictures import Pixels
    from ..sweeping import Sweep

PIXELS = 1 << 27  # of a grid, an animation or a page: 400 MB in memory while it is made
PAGE_PICTURES = 2000  # some 15 MB of HTML; a browser is slow above it
WEBP_SIDE = 16_383  # what the format can say


def strip_files(grid: Sweep, folder: Path, *, start: str) -> list[list[Path]]:
    """A file per seed and direction [N][K]; `start` says what is numbered: "seed" or "code"."""
    names = stems(grid.directions)
    return [[folder / f"{name}_{start}{n:04d}.png" for name in names] for n in grid.seeds]


def write_strips(
    grid: Sweep, files: Sequence[Sequence[Path]], *, scale: int, force: bool, keep: bool
) -> None:
    """Render a sweep; the strips of each seed are written while the next is rendered.

    Args:
        grid: the sweep.
        files: of `strip_files`.
        scale: magnification.
        force: replace files.
        keep: keep all pictures as `grid.images`; else those of three seeds at most are in memory.
    """
    import numpy as np

    from .._behind import behind
    from .._pictures import encode, tile

    kept: Pixels | None = None

    def finish(seed: tuple[int, Pixels]) -> None:
        nonlocal kept
        n, of_seed = seed
        for file, row in zip(files[n], of_seed, strict=True):
            write(file, encode(tile([list(row)], scale=scale), ".png"), force=force)
        if keep:
            if kept is None:
                kept = np.empty((len(files), *of_seed.shape), of_seed.dtype)
            kept[n] = of_seed

    behind(enumerate(grid.by_seed()), finish)
    if kept is not None:
        grid.images = kept


def pictures_of(grid: Sweep) -> int:
    """Pictures that a grid shows; more than are rendered, as the unedited one stands in every row."""
    return len(grid.seeds) * len(grid.directions) * len(grid.alphas)


def fits(grid: Sweep, *, scale: int = 1) -> bool:
    """Whether one picture of everything is small enough to be held and looked at."""
    return pictures_of(grid) * (grid.G.resolution * scale) ** 2 <= PIXELS


def too_large(grid: Sweep, *, scale: int) -> str:
    """What is said where there is no grid."""
    pixels = pictures_of(grid) * (grid.G.resolution * scale) ** 2
    return f"it would have {pixels / 1e6:.0f} megapixels, at most {PIXELS / 1e6:.0f} are drawn"


def check_page(grid: Sweep) -> None:
    """Refuse a page that would hold too many pictures, before any is rendered.

    Raises:
        Failure: it would.
    """
    count = pictures_of(grid)
    most = min(PAGE_PICTURES, PIXELS // grid.G.resolution**2)
    if count > most:
        raise Failure(
            f"--report: a page holds at most {most} pictures of {grid.G.resolution} px, and this "
            f"sweep has {count}; give fewer --seeds, --alphas or directions (--only)",
            USAGE,
        )


def check_film(grid: Sweep, *, scale: int) -> None:
    """Refuse an animation that WebP cannot hold, before anything is rendered.

    Raises:
        Failure: frames that are too large.
    """
    import numpy as np

    side = grid.G.resolution * scale
    pixels = pictures_of(grid) * side**2 * 2  # there and back
    words = "give fewer --seeds, a smaller --scale, or fewer directions (--only)"
    if pixels > PIXELS:
        raise Failure(
            f"--webp: the frames would have {pixels / 1e6:.0f} megapixels, at most "
            f"{PIXELS / 1e6:.0f} are drawn; {words}",
            USAGE,
        )
    blank = np.zeros((grid.G.resolution, grid.G.resolution, 3), dtype=np.uint8)
    width, height = _frame(
        grid, [[blank] * len(grid.directions)] * len(grid.seeds), scale=scale
    ).size
    if max(width, height) > WEBP_SIDE:
        raise Failure(
            f"--webp: a frame would have {width} x {height} pixels, WebP holds {WEBP_SIDE} of a "
            f"side; {words}",
            USAGE,
        )


def frames(grid: Sweep, *, scale: int) -> list[Image.Image]:
    """A looping animation: a row per seed, a column per direction, alpha there and back."""
    order = sorted(range(len(grid.alphas)), key=lambda i: grid.alphas[i])
    return [
        _frame(grid, [list(of_seed[:, i]) for of_seed in grid.images], scale=scale)
        for i in [*order, *order[-2:0:-1]]
    ]


def _frame(grid: Sweep, rows: list[list[Pixels]], *, scale: int) -> Image.Image:
    from .._pictures import tile

    return tile(
        rows,
        row_labels=[str(seed) for seed in grid.seeds],
        column_labels=grid.directions,
        scale=scale,
    )
