"""Markdown tables of docs/methods.md, from the numbers of one run."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from bench.methods_agreement import middle

SAID = {"svm": "SVM", "ridge": "ridge", "mean": "mean", "mean as pattern": "mean, as pattern"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with its header."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def digits(value: float | None, places: int = 2) -> str:
    """A number, a dash where there is none; never -0.00."""
    if value is None:
        return "–"
    text = f"{value:.{places}f}"
    return text.lstrip("-") if float(text) == 0 else text


def agreement_rows(numbers: dict[str, Any], **wanted: Any) -> list[dict[str, Any]]:
    """Rows of the agreement with these settings, fewest samples first."""
    rows = [r for r in numbers["agreement"] if all(r[k] == v for k, v in wanted.items())]
    return sorted(rows, key=lambda r: (r["noise"], r["ratio"], r["samples"]))


def expectation(row: dict[str, Any], solver: str) -> list[float]:
    """Expected per factor: the closed form, or the median of the simulation where there is none."""
    known = row["expected"].get(solver)
    return middle(row["simulated"][solver]) if known is None else known


def agreement_table(numbers: dict[str, Any], **wanted: Any) -> str:
    """A row per factor; a column per number of samples and solver: median (range) · expected."""
    rows = agreement_rows(numbers, **wanted)
    columns = [(row, solver) for row in rows for solver in row["measured"]]
    head = ["factor", *(f"{SAID[s]}, {row['samples']:,}" for row, s in columns)]
    lines = []
    for k, name in enumerate(numbers["names"]):
        cells = [name]
        for row, solver in columns:
            runs = [run[k] for run in row["measured"][solver]]
            cells.append(
                f"**{digits(statistics.median(runs), 3)}** ({digits(min(runs), 3)}–"
                f"{digits(max(runs), 3)}) · {digits(expectation(row, solver)[k], 3)}"
            )
        lines.append(cells)
    return table(head, lines)


def ratio_table(numbers: dict[str, Any]) -> str:
    """Every setting in one line: median over factors and the lowest factor."""
    solvers = list(SAID)
    head = ["space", "noise", "share per class", "codes", *(SAID[s] for s in solvers)]
    lines = []
    for space in ("z", "w"):
        for row in agreement_rows(numbers, space=space):
            cells = [space, f"{row['noise']:g} σ", f"{row['ratio']:g}", f"{row['samples']:,}"]
            for solver in solvers:
                if solver not in row["measured"]:
                    cells.append("–")
                    continue
                values = middle(row["measured"][solver])
                cells.append(f"{digits(statistics.median(values), 3)} / {digits(min(values), 3)}")
            lines.append(cells)
    return table(head, lines)


def pictures_table(numbers: dict[str, Any]) -> str:
    """Scores from pictures beside scores from the truth: median over factors, lowest factor."""
    lines = []
    for row in numbers["from pictures"]["rows"]:
        cells = [row["space"], f"{row['samples']:,}"]
        for solver in ("svm", "ridge", "mean"):
            for said in ("truth", "pictures"):
                values = row[said][solver]
                low = numbers["names"][values.index(min(values))]
                cells.append(
                    f"{digits(statistics.median(values), 3)} / {digits(min(values), 3)} ({low})"
                )
        lines.append(cells)
    head = ["space", "codes"]
    for solver in ("SVM", "ridge", "mean"):
        head += [f"{solver}, truth", f"{solver}, pictures"]
    return table(head, lines)


def effect_matrix(numbers: dict[str, Any], one: dict[str, Any]) -> str:
    """Changes of all factors per direction, at matched target change."""
    lines = []
    for name, values, sides in zip(one["rows"], one["at"], one["sides"], strict=True):
        mark = {0: " (not reached)", 1: " (one side)", 2: ""}[sides]
        lines.append([name + mark, *(digits(v) for v in values)])
    return table(["along ↓ · change of →", *numbers["names"]], lines)


def leak_table(numbers: dict[str, Any]) -> str:
    """Mean and largest leak of every factor's direction, a column per kind of direction."""
    kinds = numbers["factors"]
    lines = []
    for k, name in enumerate(numbers["names"]):
        cells = [name]
        for kind in kinds:
            if not kind["sides"][k]:
                slope = digits(kind["slope"][k][k])
                cells.append(f"not reached (slope {slope})")
                continue
            worst = _worst(numbers["names"], kind["at"][k], k)
            mark = " †" if kind["sides"][k] == 1 else ""
            cells.append(f"{digits(kind['leak'][k])} · {worst}{mark}")
        lines.append(cells)
    reached = ["directions that reach it"]
    length = ["length of the step, median"]
    for kind in kinds:
        reached.append(f"{sum(s > 0 for s in kind['sides'])} of {len(kind['sides'])}")
        length.append(digits(statistics.median(kind["step"]), 1))
    return table(["factor", *(kind["said"] for kind in kinds)], [*lines, reached, length])


def _worst(names: Sequence[str], values: Sequence[float | None], target: int) -> str:
    """The factor that leaks most, with its signed change."""
    others = [(abs(v), names[j], v) for j, v in enumerate(values) if j != target and v is not None]
    if not others:
        return "–"
    _, name, value = max(others)
    return f"{name} {digits(value)}"


def conditioned_table(numbers: dict[str, Any], subject: str) -> str:
    """What conditioning does: the condition's change as linear algebra expects it, and in pictures."""
    lines = []
    for one in numbers["conditioned"]:
        if one["subject"] != subject:
            continue
        condition = numbers["names"].index(one["condition"])
        target = numbers["names"].index(subject)
        space, way = one["said"].split(": ")
        lines.append(
            [
                space,
                way,
                digits(one["linear"][0][condition]),
                "not reached" if not one["sides"][0] else digits(one["at"][0][condition]),
                digits(one["leak"][0]),
                _worst(numbers["names"], one["at"][0], target),
                digits(one["slope"][0][target]),
                digits(one["step"][0], 1),
            ]
        )
    condition = next(o["condition"] for o in numbers["conditioned"] if o["subject"] == subject)
    head = ["space", "moved along", f"{condition}, expected", f"{condition}, in pictures"]
    head += ["mean leak", "largest leak", f"{subject} per alpha", "length of the step"]
    return table(head, lines)


def leading_table(numbers: dict[str, Any]) -> str:
    """Slopes of all factors along the leading directions of SeFa and GANSpace, random ones beside."""
    lines = []
    for one in numbers["leading"]:
        rows = zip(one["rows"], one["slope"], one["named share"], one["step"], strict=True)
        for name, values, share, step in rows:
            cells = [name, *(digits(v) for v in values)]
            lines.append([*cells, f"{100 * share:.0f} %", digits(step, 1)])
        by_chance = [digits(v) for v in one["baseline slope"]]
        lines.append([f"random beside {one['said']}, rms", *by_chance, "–", "–"])
    return table(
        ["direction", *numbers["names"], "read by the factors", "length of the step"], lines
    )
