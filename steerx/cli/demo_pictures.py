"""Pictures of `steerx demo`: the strip of the README and the moving faces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .._pictures import tile
from ..reporting import Figure
from ..sweeping import sweep

if TYPE_CHECKING:
    from PIL import Image

    from ..directions import Directions
    from ..generators import Generator
    from ..sweeping import Sweep

FRAME = 50  # milliseconds
STEPS = 24  # frames for one direction, there and back
REACH = 2.5
SCALE = 2
MOVING_SCALE = 3


def strips(grid: Sweep) -> list[Image.Image]:
    """A picture per direction: a row per seed, a column per alpha."""
    return [
        tile(
            [list(of_seed[k]) for of_seed in grid.images],
            row_labels=[str(seed) for seed in grid.seeds],
            column_labels=[f"{alpha:+g}" if alpha else "0" for alpha in grid.alphas],
            marked=grid.alphas.index(0.0),
            scale=SCALE,
        )
        for k in range(len(grid.directions))
    ]


def strip(G: Generator, directions: Directions, seeds: Sequence[int], *, psi: float) -> Image.Image:
    """A row per seed: the picture itself, then each direction down and up."""
    grid = sweep(G, directions=directions, alphas=(-REACH, 0.0, REACH), seeds=seeds, psi=psi)
    rows = [
        [of_seed[0][1], *(one[i] for one in of_seed for i in (0, 2))] for of_seed in grid.images
    ]
    labels = [f"{name} {sign}{REACH:g}" for name in grid.directions for sign in "-+"]
    return tile(rows, column_labels=["as it is", *labels], marked=0, scale=SCALE)


def moving(
    G: Generator, directions: Sequence[Directions], seeds: Sequence[int], *, psi: float
) -> list[Image.Image]:
    """Frames of a few faces that move along one direction after the other, there and back."""
    waves = [round(REACH * math.sin(2 * math.pi * step / STEPS), 6) for step in range(STEPS)]
    alphas = sorted({wave + 0.0 for wave in waves})
    grid = sweep(G, directions=directions, alphas=alphas, seeds=seeds, psi=psi)
    frames = []
    for k, name in enumerate(grid.directions):
        for wave in waves:
            row = list(grid.images[:, k, alphas.index(wave)])
            frames.append(_captioned(tile([row], scale=MOVING_SCALE), name))
    return frames


def figures(strip: bytes, moving: bytes) -> list[Figure]:
    """What stands on top of the page."""
    return [
        Figure(
            moving,
            ".webp",
            alt="Drawn faces that smile, turn, grow older, and put eyeglasses on and off",
            caption="Four faces of one network, moved along one direction after the other.",
        ),
        Figure(
            strip,
            ".png",
            alt="Three faces, each with less and with more of smile, age, pose and eyeglasses",
            caption=f"Each row is one face: as it is, then {REACH:g} standard deviations down and "
            "up along each direction.",
        ),
    ]


def _captioned(picture: Image.Image, text: str) -> Image.Image:
    """The picture with a line of text above it."""
    from PIL import Image, ImageDraw, ImageFont

    height = 30
    sheet = Image.new("RGB", (picture.width, picture.height + height), (255, 255, 255))
    sheet.paste(picture, (0, height))
    font = ImageFont.load_default(size=15)
    place = (picture.width // 2, height // 2)
    ImageDraw.Draw(sheet).text(place, text, (60, 60, 60), font=font, anchor="mm")
    return sheet


def closest(directions: Directions, named: Directions) -> str:
    """Which named direction each direction is nearest to, by what both read off."""
    cosines = named.cosines(directions, metric="covariance").T  # [K, named]
    said = []
    for name, row in zip(directions.names, cosines, strict=True):
        best = int(row.abs().argmax())
        sign = "\N{MINUS SIGN}" if row[best] < 0 else ""
        said.append(f"{name} {sign}{named.names[best]} ({abs(float(row[best])):.2f})")
    return f"Nearest named directions, by correlation: {', '.join(said)}."
