"""A run's numbers by what they mean, for the sentences of docs/methods.md."""

from __future__ import annotations

import statistics
from typing import Any

from bench.methods_agreement import middle
from bench.methods_tables import SAID, agreement_rows, digits, expectation


class Facts:
    """Medians, lowest factors, gaps and leaks of one run."""

    def __init__(self, numbers: dict[str, Any]) -> None:
        self.n = numbers
        sizes = numbers["sizes"]
        self.few, self.many = min(sizes["samples"]), max(sizes["samples"])
        self.narrow, self.wide = min(sizes["ratios"]), max(sizes["ratios"])
        self.noise = max(sizes["noises"])
        self.kinds = {one["said"]: one for one in numbers["factors"]}

    def per_factor(
        self,
        space: str,
        solver: str,
        samples: int,
        *,
        noise: float = 0.0,
        ratio: float = 0.0,
        world: str = "measured",
    ) -> dict[str, float]:
        """Median over draws of each factor, here or in the "simulated" world."""
        wanted = {"space": space, "noise": noise, "ratio": ratio or self.narrow}
        row = agreement_rows(self.n, samples=samples, **wanted)[0]
        return dict(zip(self.n["names"], middle(row[world][solver]), strict=True))

    def typical(self, *where: Any, **how: Any) -> float:
        """Median over factors."""
        return statistics.median(self.per_factor(*where, **how).values())

    def lowest(self, *where: Any, **how: Any) -> tuple[str, float]:
        """The factor that does worst."""
        values = self.per_factor(*where, **how)
        name = min(values, key=lambda k: values[k])
        return name, values[name]

    def gaps(self) -> list[tuple[float, str]]:
        """Measured less expected, the largest first, with what it is."""
        found = []
        for row in self.n["agreement"]:
            for solver, runs in row["measured"].items():
                for name, got, wanted in zip(
                    self.n["names"], middle(runs), expectation(row, solver), strict=True
                ):
                    where = f"{row['space']}, {SAID[solver]}, {row['samples']:,} codes"
                    where += f", noise {row['noise']:g} σ, share {row['ratio']:g}: {name}"
                    found.append((got - wanted, f"{where} {digits(got, 3)} ({digits(wanted, 3)})"))
        return sorted(found, key=lambda gap: -abs(gap[0]))

    def spread_of_gaps(self, space: str, solver: str) -> float:
        """Median |measured - expected| over settings and factors."""
        found = []
        for row in agreement_rows(self.n, space=space):
            if solver in row["measured"]:
                pairs = zip(middle(row["measured"][solver]), expectation(row, solver), strict=True)
                found += [abs(got - wanted) for got, wanted in pairs]
        return statistics.median(found)

    def leak(self, kind: str) -> float | None:
        """Median over the factors that are reached."""
        values = [v for v in self.kinds[kind]["leak"] if v is not None]
        return statistics.median(values) if values else None

    def reached(self, kind: str) -> int:
        return sum(sides > 0 for sides in self.kinds[kind]["sides"])

    def conditioned(self, subject: str, said: str, what: str) -> float | None:
        """Change of the condition ("at", "linear") or a number of the row ("leak", "step")."""
        for one in self.n["conditioned"]:
            if one["subject"] == subject and one["said"] == said:
                value = one[what][0]
                k = self.n["names"].index(one["condition"])
                found: float | None = value[k] if isinstance(value, list) else value
                return found
        raise KeyError(said)

    def picture_gap(self, solver: str) -> tuple[str, float, float]:
        """The factor in z that loses most when scores come from pictures: name, truth, pictures."""
        rows = [r for r in self.n["from pictures"]["rows"] if r["space"] == "z"]
        row = max(rows, key=lambda r: r["samples"])
        pairs = list(
            zip(self.n["names"], row["truth"][solver], row["pictures"][solver], strict=True)
        )
        return max(pairs, key=lambda pair: pair[1] - pair[2])

    def along(self, kind: str, row: str, factor: str) -> float | None:
        """Change of a factor along a direction at matched target change."""
        one = self.kinds[kind]
        found: float | None = one["at"][one["rows"].index(row)][self.n["names"].index(factor)]
        return found

    def worst_leak(self, kind: str) -> tuple[str, str, float]:
        """Direction, factor that leaks, and its change."""
        one, names = self.kinds[kind], self.n["names"]
        return max(
            (
                (row, names[j], v)
                for k, row in enumerate(one["rows"])
                for j, v in enumerate(one["at"][k])
                if v is not None and names[j] != one["targets"][k]
            ),
            key=lambda found: abs(found[2]),
            default=("", "", 0.0),
        )

    def summary(self) -> str:
        """The page in two sentences."""
        many, noise = self.many, self.noise

        def low(space: str, solver: str, noise: float = 0.0) -> str:
            return digits(self.lowest(space, solver, many, noise=noise)[1], 3)

        return (
            f"from {many:,} codes ridge reads every factor (lowest cosine {low('z', 'ridge')} in z, "
            f"{low('w', 'ridge')} in w;\nwith noise of {noise:g} σ {low('z', 'ridge', noise)} and "
            f"{low('w', 'ridge', noise)}), the SVM on {100 * self.narrow:g} % of them per class {low('z', 'svm')} "
            f"and {low('w', 'svm')}\n(with noise {low('z', 'svm', noise)} and {low('w', 'svm', noise)}). "
            f"To move one factor and no other is harder; the others change by this much when it\nchanges by "
            f"{self.n['change']:g} σ (median over factors): {digits(self.leak('z, ridge'), 3)} σ in z, "
            f"{digits(self.leak('w, pattern of ridge'), 3)} σ along a pattern in w, "
            f"{digits(self.leak('w, svm'), 3)} σ along an\nSVM's normal in w, and "
            f"{digits(self.leak('w, ridge'), 3)} σ along a filter of ridge in w, where it gets there at all "
            f"({self.reached('w, ridge')} of {len(self.n['names'])})."
        )
