"""One self-contained HTML page of sweeps: no script, no outside request, all text escaped."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from .._files import whole_file
from .grids import by_direction, by_seed, pictures
from .mined import angles, charts, correlated, facts_of
from .style import STYLE
from .words import direction_rows, model_facts, sweep_facts

if TYPE_CHECKING:
    from ..directions import Correlation, Directions
    from ..sweeping import Sweep

_TYPES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".gif": "gif"}
# Whatever text reaches the page, a browser loads nothing and runs nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Figure:
    """A finished picture on the page.

    Attributes:
        picture: encoded bytes.
        suffix: what they are: ".png", ".jpg", ".webp" or ".gif".
        alt: what the picture shows, for those who do not see it.
        caption: text below it, or "".
    """

    picture: bytes
    suffix: str
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A sweep on the page.

    Attributes:
        title: its heading.
        sweep: the pictures; they are rendered where they were not.
        text: a sentence or two below the heading, or "".
        mined: the set that was found, to tell how, with its numbers and angles; or None.
        correlation: of the scores that it was found by, or None.
    """

    title: str
    sweep: Sweep
    text: str = ""
    mined: Directions | None = None
    correlation: Correlation | None = None


def report(
    sections: Sweep | Sequence[Section | Sweep],
    path: str | os.PathLike[str],
    *,
    title: str = "Sweep",
    lead: str = "",
    command: str = "",
    figures: Sequence[Figure] = (),
    overwrite: bool = False,
) -> None:
    """Write one self-contained HTML page of sweeps, whole or not at all.

    Every sweep is shown in two orders: all directions of a seed, and all seeds of a direction.

    Args:
        sections: a sweep, or several, with a heading and text where they are a `Section`.
        path: the new file.
        title: heading of the page.
        lead: a sentence or two below it.
        command: the command line that made the page.
        figures: pictures above the sweeps.
        overwrite: replace an existing file.

    Raises:
        ValueError: no sweep, or a figure of an unknown kind.
        OSError: the file cannot be written; `FileExistsError` where it exists.

    Example:
        >>> report(steerx.sweep(G, seeds="0-3", directions="smile.safetensors", alphas=[-3, 0, 3]), "a.html")
    """
    several = sections if isinstance(sections, Sequence) else [sections]
    if not several:
        raise ValueError("report: sections must hold at least one sweep, got none")
    named = [one if isinstance(one, Section) else _untitled(one) for one in several]
    text = page(named, title=title, lead=lead, command=command, figures=figures)
    with whole_file(path, overwrite=overwrite) as handle:
        handle.write(text.encode())


def _untitled(sweep: Sweep) -> Section:
    shown = ", ".join(sweep.directions[:4])
    return Section(shown + (", ..." if len(sweep.directions) > 4 else ""), sweep)


def page(
    sections: Sequence[Section],
    *,
    title: str,
    lead: str = "",
    command: str = "",
    figures: Sequence[Figure] = (),
) -> str:
    """The HTML text of `report`."""
    from .._version import version

    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
        f'<header><p class="mark">steerx</p><h1>{escape(title)}</h1>',
        f'<p class="lead">{escape(lead)}</p>' if lead else "",
        "</header>",
        *(_figure(one) for one in figures),
        _facts(model_facts(sections[0].sweep)),
        f"<pre><code>{escape(command)}</code></pre>" if command else "",
        _contents(sections),
        *(_section(number, one) for number, one in enumerate(sections)),
        f"<footer>Made by steerx {escape(version())}. Weights keep their own licence.</footer>",
        "</main></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 2:
        return ""
    links = (f'<a href="#sweep{i}">{escape(one.title)}</a>' for i, one in enumerate(sections))
    return f"<nav>{''.join(links)}</nav>"


def _section(number: int, section: Section) -> str:
    sweep = section.sweep
    uris = pictures(sweep)
    return "\n".join(
        (
            f'<section id="sweep{number}"><h2>{escape(section.title)}</h2>',
            f"<p>{escape(section.text)}</p>" if section.text else "",
            _mined(section),
            _facts(sweep_facts(sweep)),
            _directions(sweep),
            '<h3>By seed <span>every direction of one picture</span></h3><div class="grids">',
            by_seed(sweep, uris),
            "</div><h3>By direction <span>one direction over every picture</span></h3>",
            f'<div class="grids">{by_direction(sweep, uris)}</div></section>',
        )
    )


def _mined(section: Section) -> str:
    """How the directions of a section were found."""
    found = section.mined
    if found is None:
        return ""
    scores = "" if section.correlation is None else correlated(section.correlation)
    return (
        "<h3>What was found</h3>"
        + _facts(facts_of(found))
        + charts(found)
        + angles(found)
        + scores
        + "<h3>What it looks like</h3>"
    )


def _directions(sweep: Sweep) -> str:
    head, *rows = direction_rows(sweep)
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Directions"><table class="list">'
        f"<thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    items = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts)
    return f"<dl>{items}</dl>"


def _figure(figure: Figure) -> str:
    kind = _TYPES.get(figure.suffix.lower())
    if kind is None:
        raise ValueError(
            f"report: a figure's suffix must be one of {', '.join(_TYPES)}, got {figure.suffix!r}"
        )
    data = base64.b64encode(figure.picture).decode()
    caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else ""
    return (
        f'<figure><img alt="{escape(figure.alt)}" src="data:image/{kind};base64,{data}">'
        f"{caption}</figure>"
    )
