"""Grids of a page: a table per seed or per direction, a column per alpha, pictures as data URIs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from .._pictures import Pixels, encode
from .words import alpha_text

if TYPE_CHECKING:
    from ..sweeping import Sweep

LARGEST = 192  # pixels of a side on the page
URIs = list[list[list[str]]]


def pictures(sweep: Sweep) -> URIs:
    """Data URIs [N][K][A] of a sweep's pictures, WebP, no larger than a page needs."""
    known: dict[bytes, str] = {}  # the unedited picture stands in every row of its seed

    def uri(pixels: Pixels) -> str:
        key = pixels.tobytes()
        if key not in known:
            known[key] = _uri(pixels)
        return known[key]

    return [[[uri(one) for one in row] for row in rows] for rows in sweep.images]


def by_seed(sweep: Sweep, uris: URIs) -> str:
    """A table per seed, a row per direction."""
    ks = range(len(sweep.directions))
    return "".join(
        _table(sweep, f"seed {seed}", sweep.directions, [uris[n][k] for k in ks])
        for n, seed in enumerate(sweep.seeds)
    )


def by_direction(sweep: Sweep, uris: URIs) -> str:
    """A table per direction, a row per seed."""
    seeds = [f"seed {seed}" for seed in sweep.seeds]
    ns = range(len(seeds))
    return "".join(
        _table(sweep, name, seeds, [uris[n][k] for n in ns])
        for k, name in enumerate(sweep.directions)
    )


def _uri(pixels: Pixels) -> str:
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return f"data:image/webp;base64,{base64.b64encode(encode(picture, '.webp')).decode()}"


def _side(sweep: Sweep) -> int:
    """Width of a picture on the page: small ones are shown larger than they are."""
    return min(max(sweep.G.resolution, 112), LARGEST)


def _table(sweep: Sweep, caption: str, rows: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A row of pictures per name."""
    zero = [' class="zero"' if alpha == 0 else "" for alpha in sweep.alphas]
    alphas = [alpha_text(alpha) for alpha in sweep.alphas]
    columns = zip(alphas, zero, strict=True)
    head = "".join(f'<th scope="col"{mark}>{text}</th>' for text, mark in columns)
    body = []
    for name, uris in zip(rows, cells, strict=True):
        said = escape(f"{caption}, {name}")
        pictures = "".join(
            f'<td{mark}><img loading="lazy" alt="{said}, alpha {text}" src="{uri}"></td>'
            for text, mark, uri in zip(alphas, zero, uris, strict=True)
        )
        body.append(f'<tr><th scope="row">{escape(name)}</th>{pictures}</tr>')
    return (
        f'<div class="grid" tabindex="0" role="region" aria-label="{escape(caption)}" '
        f'style="--side:{_side(sweep)}px"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
