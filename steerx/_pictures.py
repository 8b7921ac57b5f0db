"""Pixels: float to uint8, tiles, labels, encoded files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL import Image

Pixels = npt.NDArray[np.uint8]
GUTTER = 2
_INK = (60, 60, 60)
_PAPER = (255, 255, 255)


def to_uint8(images: Tensor) -> Tensor:
    """Float images to pixels: x * 127.5 + 128, clamped, truncated.

    Args:
        images: [N, 3, H, W], nominal range [-1, 1].

    Returns:
        [N, H, W, 3] uint8, contiguous.
    """
    pixels = (images * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).contiguous()


def from_file(path: str | Path, side: int) -> Tensor:
    """A picture file as an image [3, side, side] in [-1, 1]: turned as it says, its middle square, resampled.

    Raises:
        ValueError: a file that is no picture, or one too large to be opened.
        OSError: it cannot be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise ValueError(f"{path} is no picture that can be read: {error}") from error
    square = ImageOps.fit(upright, (side, side), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(square, dtype=np.float32))
    return (pixels / 127.5 - 1).permute(2, 0, 1).contiguous()


def tile(
    rows: Sequence[Sequence[Pixels]],
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    marked: int | None = None,
    scale: int = 1,
) -> Image.Image:
    """Lay pictures out as a grid with a 2 px gutter.

    Args:
        rows: pictures [H, W, 3] of one size, as many in every row.
        row_labels: text left of each row, or none.
        column_labels: text above each column, or none.
        marked: column with a frame around it (the unedited one), or None.
        scale: whole-number magnification, nearest pixel.
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width = (side * scale for side in rows[0][0].shape[:2])
    font = ImageFont.load_default(size=max(10, min(width // 5, 14)))
    assert isinstance(font, ImageFont.FreeTypeFont)
    left = max((int(font.getlength(t)) + 6 for t in row_labels), default=0)
    top = 0 if not column_labels else int(font.size) + 6
    columns = len(rows[0])
    sheet = Image.new(
        "RGB",
        (left + columns * (width + GUTTER) + GUTTER, top + len(rows) * (height + GUTTER) + GUTTER),
        _PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    for i, row in enumerate(rows):
        y = top + GUTTER + i * (height + GUTTER)
        if row_labels:
            draw.text((left - 3, y + height // 2), row_labels[i], _INK, font=font, anchor="rm")
        for j, pixels in enumerate(row):
            picture = Image.fromarray(np.ascontiguousarray(pixels))
            if scale != 1:
                picture = picture.resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(picture, (left + GUTTER + j * (width + GUTTER), y))
    for j, text in enumerate(column_labels):
        x = left + GUTTER + j * (width + GUTTER)
        draw.text((x + width // 2, top // 2), text, _INK, font=font, anchor="mm")
    if marked is not None:
        x = left + marked * (width + GUTTER)
        draw.rectangle((x, top, x + width + GUTTER + 1, sheet.height - 1), outline=_INK, width=2)
    return sheet


def encode(
    pictures: Image.Image | Sequence[Image.Image], suffix: str, *, duration: int = 80
) -> bytes:
    """Encode a picture, or frames as a looping animation, by file suffix.

    Args:
        pictures: one picture, or the frames of an animation.
        suffix: ".png", ".jpg", ".webp" or ".gif"; frames need one of the last two.
        duration: milliseconds per frame.

    Raises:
        ValueError: a suffix that cannot hold it.
    """
    formats = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".gif": "GIF"}
    suffix = suffix.lower()
    if suffix not in formats:
        raise ValueError(f"pictures end in {', '.join(formats)}, got {suffix!r}")
    buffer = io.BytesIO()
    if isinstance(pictures, Sequence):
        if suffix not in (".webp", ".gif"):
            raise ValueError(f"an animation ends in .webp or .gif, got {suffix!r}")
        frames = list(pictures)
        frames[0].save(
            buffer,
            formats[suffix],
            save_all=True,
            append_images=frames[1:],
            duration=duration,
            loop=0,
        )
    else:
        options = {"quality": 92} if formats[suffix] in ("JPEG", "WEBP") else {}
        pictures.save(buffer, formats[suffix], **options)
    return buffer.getvalue()


def suffix_of(path: str | Path) -> str:
    """File suffix, lower case."""
    return Path(path).suffix.lower()
