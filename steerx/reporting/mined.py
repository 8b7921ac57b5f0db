"""What a method found, before its strips: its facts, bars of its numbers, and tables of angles."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from .words import fitted_on, method_of

if TYPE_CHECKING:
    from ..directions import Correlation, Directions

MOST = 16  # directions in a table that is as wide as high, and bars in a chart
_ROW, _LEFT, _BAR, _RIGHT = 24, 116, 160, 54  # units of a chart
_LONGEST = 16  # characters of a name beside its bar


def facts_of(found: Directions) -> list[tuple[str, str]]:
    """How a set was found, as pairs of text."""
    facts = [("Method", method_of(found.provenance)), ("Fitted on", fitted_on(found.provenance))]
    parameters = found.provenance.get("parameters")
    if isinstance(parameters, Mapping):
        said = [f"{k}={_brief(v)}" for k, v in parameters.items() if v is not None and k != "names"]
        facts.append(("Parameters", ", ".join(said)))
    facts += [("Space", found.space), ("Unit", found.unit), ("Signs", found.sign or "unknown")]
    if found.truncation is not None:
        psi, cutoff = found.truncation
        facts.append(
            (
                "Truncation when mined",
                f"psi {psi:g}, " + ("all layers" if cutoff is None else f"below {cutoff}"),
            )
        )
    return facts


def charts(found: Directions) -> str:
    """Bars of accuracies, eigenvalues or explained variance; "" where a set has no numbers."""
    charts = []
    accuracy = found.provenance.get("accuracy")
    if isinstance(accuracy, Mapping):
        for part, values in accuracy.items():
            known = _by_name(found, values)
            if known is not None:
                charts.append(bars(f"Accuracy, {part}", found.names, known, most=1.0))
    if not charts and found.scores is not None:
        title = (found.score_name or "score").replace("_", " ").capitalize()
        charts.append(bars(title, found.names, found.scores.tolist()))
    return f'<div class="charts">{"".join(charts)}</div>' if charts else ""


def bars(
    title: str, names: Sequence[str], values: Sequence[float], *, most: float | None = None
) -> str:
    """A bar chart as inline SVG, its numbers as text beside the bars.

    Args:
        title: heading, also for those who hear the page.
        names: of the bars; at most `MOST` are drawn.
        values: one each; what is not finite has no bar.
        most: value of a full bar; None = the largest.
    """
    pairs = list(zip(names, values, strict=True))[:MOST]
    finite = [abs(value) for _, value in pairs if math.isfinite(value)]
    full = most or max(finite, default=0.0) or 1.0
    rows = []
    for i, (name, value) in enumerate(pairs):
        y = i * _ROW
        known = math.isfinite(value)
        width = _BAR * min(abs(value) / full, 1) if known else 0
        short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
        rows.append(
            f'<text x="{_LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(short)}</text>'
            f'<rect x="{_LEFT}" y="{y + 4}" width="{width:.1f}" height="{_ROW - 8}" rx="3"></rect>'
            f'<text class="value" x="{_LEFT + width + 7:.1f}" y="{y + 16}">'
            f"{f'{value:.4g}' if known else '-'}</text>"
        )
    told = ", ".join(f"{name} {value:.4g}" for name, value in pairs)
    more = f"<figcaption>the first {MOST} of {len(names)}</figcaption>" if len(names) > MOST else ""
    return (
        f'<figure class="chart"><h3>{escape(title)}</h3>'
        f'<svg viewBox="0 0 {_LEFT + _BAR + _RIGHT} {len(pairs) * _ROW}" role="img" '
        f'aria-label="{escape(f"{title}: {told}")}">{"".join(rows)}</svg>{more}</figure>'
    )


def angles(found: Directions) -> str:
    """Cosines between the directions, and how what they read goes together where that is known."""
    if len(found) < 2:
        return ""
    some = found[: min(len(found), MOST)]
    tables = [matrix("Cosines", "angles between the directions", some.names, some.cosines())]
    if some.covariance is not None:
        tables.append(
            matrix(
                "Correlation of what they read",
                "cosines in the metric of the covariance of the codes",
                some.names,
                some.cosines(metric="covariance"),
            )
        )
    note = f"<p>The first {MOST} of {len(found)} directions.</p>" if len(found) > MOST else ""
    return "".join(tables) + note


def correlated(found: Correlation) -> str:
    """How the attributes go together in the scores: what the pictures did."""
    said = f"of {found.count} pictures"
    return matrix("Correlation of the scores", said, found.names[:MOST], found.scores[:MOST, :MOST])


def matrix(title: str, aside: str, names: Sequence[str], values: Any) -> str:
    """A table of numbers between -1 and 1, the large ones with more colour."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = []
    for i, (name, row) in enumerate(zip(names, values.tolist(), strict=True)):
        cells = "".join(
            f'<td class="{_shade(value) if i != j else "self"}">{_signed(value)}</td>'
            for j, value in enumerate(row)
        )
        body.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        f"<h3>{escape(title)} <span>{escape(aside)}</span></h3>"
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(title)}">'
        f'<table class="matrix"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _shade(value: float) -> str:
    """Class of a cell: how large the number is."""
    if not math.isfinite(value):
        return "s0"
    return f"s{min(int(abs(value) * 5), 4)}"


def _signed(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _by_name(found: Directions, values: object) -> list[float] | None:
    """A number for every direction, also where some were picked of those that were fitted."""
    parameters = found.provenance.get("parameters")
    fitted = parameters.get("names") if isinstance(parameters, Mapping) else None
    names = fitted if isinstance(fitted, (list, tuple)) else found.names
    if not isinstance(values, (list, tuple)) or len(values) != len(names):
        return None
    if not all(isinstance(value, (int, float)) for value in values):
        return None
    known = dict(zip(map(str, names), map(float, values), strict=True))
    return [known[n] for n in found.names] if set(found.names) <= set(known) else None


def _brief(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:39]}\N{HORIZONTAL ELLIPSIS}"
