"""What a page says about a sweep: facts and units, as pairs and rows of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._layers import format_layers

if TYPE_CHECKING:
    from ..directions import Directions
    from ..sweeping import Sweep


def model_facts(sweep: Sweep) -> list[tuple[str, str]]:
    """What the generator is."""
    G = sweep.G
    return [
        ("Model", f"{G.family}, {G.resolution} px"),
        ("Model id (sha256 of the weights)", G.model_id or "unknown"),
    ]


def sweep_facts(sweep: Sweep) -> list[tuple[str, str]]:
    """How the pictures were rendered."""
    start = sweep.start
    facts = [
        ("Seeds", _numbers(sweep.seeds)),
        ("Alphas", ", ".join(alpha_text(alpha) for alpha in sweep.alphas)),
        ("Truncation psi", _psi(start.psi, start.cutoff)),
        ("Noise", sweep.noise_mode),
    ]
    if start.label is not None:
        facts.append(("Class", str(start.label)))
    return facts


def direction_rows(sweep: Sweep) -> list[list[str]]:
    """A line of headings, then a line per direction."""
    singles = sweep.singles
    score = {one.score_name for one in singles if one.scores is not None}
    head = ["Direction", "Method", "Space", "Layers", "Alpha 1 is", "Added"]
    rows = [head + ([_plain(score.pop() or "score").capitalize()] if len(score) == 1 else [])]
    for name, one in zip(sweep.directions, singles, strict=True):
        layers = one.layers[0]
        row = [
            name,
            method_of(one.provenance),
            one.space,
            "all" if layers is None else format_layers(layers),
            _unit(one),
            _plain(one.when),
        ]
        if len(rows[0]) > len(row):
            row.append("-" if one.scores is None else f"{float(one.scores[0]):.4g}")
        rows.append(row)
    return rows


def alpha_text(alpha: float) -> str:
    """An alpha with its sign, as it stands above a column."""
    return f"{alpha:+g}".replace("-", "\N{MINUS SIGN}") if alpha else "0"


def method_of(provenance: dict[str, Any]) -> str:
    """Who found a direction, also where several sets were joined."""
    parts = provenance.get("concatenated")
    if isinstance(parts, list):
        return ", ".join(dict.fromkeys(method_of(part) for part in parts if isinstance(part, dict)))
    return str(provenance.get("method", "-"))


def fitted_on(provenance: dict[str, Any]) -> str:
    """What a method learned from, as far as its record says."""
    parts = provenance.get("concatenated")
    if isinstance(parts, list):
        said = dict.fromkeys(fitted_on(part) for part in parts if isinstance(part, dict))
        return ", ".join(said) or "-"
    count = provenance.get("n", provenance.get("count"))
    if isinstance(count, int) and not isinstance(count, bool):
        return f"{count} codes"
    if isinstance(count, str) and count.isdecimal():
        return f"{count} codes"
    if provenance.get("file"):
        return f"file {provenance['file']}"
    return "weights" if provenance.get("method") == "SeFa" else "-"


def _unit(one: Directions) -> str:
    length = f"{float(one.scale[0]):.4g} in {one.space}"
    if one.motion == "absolute":
        return f"a distance of {length}" + (
            " from the boundary" if one.origin == "boundary" else ""
        )
    return f"1 sigma ({length})" if one.unit == "sigma" else length


def _psi(psi: float, cutoff: int | None) -> str:
    if psi == 1:
        return "1 (off)"
    return f"{psi:g}, " + ("all layers" if cutoff is None else f"w slots below {cutoff}")


def _numbers(seeds: tuple[int, ...]) -> str:
    many = len(seeds) > 16
    return format_layers(seeds) if many else ", ".join(map(str, seeds))


def _plain(words: str) -> str:
    return words.replace("_", " ")
