"""Agreement of what InterFaceGAN finds with the truth of `faces`, in z and in w."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench import methods_expected as expected
from bench.methods_world import FACTORS, Codes, Readout, gaussian_twin, noisy, true_directions
from steerx import Directions, InterFaceGAN

SOLVERS = ("svm", "ridge", "mean")
SPLIT = 0.7


@dataclass(frozen=True)
class Setting:
    """One column of a table: how many codes, which share of them per class, how noisy their scores."""

    samples: int
    ratio: float
    noise: float

    def said(self) -> dict[str, float]:
        return {"samples": self.samples, "ratio": self.ratio, "noise": self.noise}


class Target:
    """What a direction of one space is compared with."""

    def __init__(self, reference: Readout) -> None:
        self.reference = reference
        self.z = true_directions(reference) if reference.space == "z" else None

    def cosines(self, found: Directions, *, pattern: bool = False) -> list[float]:
        """Plain cosine with the true direction in z; in w in the metric of the covariance.

        A pattern is compared with S n in the metric S^-1, where the linear algebra of filters holds.
        """
        if self.z is not None:
            return (found.vectors.double() * self.z).sum(dim=1).tolist()
        if not pattern:
            both = self.reference.directions.cosines(
                found, metric="covariance", any_checkpoint=True
            )
            return both.diagonal().tolist()
        S, n = self.reference.covariance, self.reference.coefficients
        d = found.vectors.double()
        length = (d * torch.linalg.solve(S, d.T).T).sum(1) * ((n @ S) * n).sum(1)
        return ((d * n).sum(dim=1) / length.sqrt()).tolist()


def fitted(codes: Tensor, scores: Tensor, setting: Setting, solver: Any, space: Any) -> Directions:
    """The directions of all factors, as a user would mine them."""
    method = InterFaceGAN(setting.ratio, split=SPLIT, solver=solver, space=space, names=FACTORS)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # fewer codes than dimensions is what we measure
        return method.fit(codes, scores).directions_


def compare(
    target: Target, codes: Tensor, scores: Tensor, setting: Setting, solvers: Sequence[str]
) -> dict[str, list[float]]:
    """Cosines per factor of each solver, and of the mean read as the pattern that it is."""
    space, found = target.reference.space, {}
    for solver in solvers:
        directions = fitted(codes, scores, setting, solver, space)
        found[solver] = target.cosines(directions)
        if solver == "mean" and space == "w":
            found["mean as pattern"] = target.cosines(directions, pattern=True)
    return found


def closed_form(reference: Readout, setting: Setting) -> dict[str, list[float]]:
    """What the linear-Gaussian calculation expects of ridge and mean."""
    r2 = reference.r2 / (1 + setting.noise**2)
    size = len(reference.covariance)
    seen = expected.regression_count(setting.samples, setting.ratio, SPLIT)
    means = expected.class_means(setting.samples, setting.ratio, SPLIT, size, r2).tolist()
    found = {"ridge": expected.least_squares(seen, size, r2).tolist()}
    if reference.space == "z":
        return found | {"mean": means}
    as_filter = expected.class_means_as_filter(
        setting.samples, setting.ratio, SPLIT, r2, reference.coefficients, reference.covariance
    )
    return found | {"mean": as_filter.tolist(), "mean as pattern": means}


def agreement(
    draws: Sequence[Codes], references: Sequence[Readout], settings: Sequence[Setting]
) -> list[dict[str, Any]]:
    """One row per space and setting: measured over the draws, simulated, and expected.

    Returns:
        Rows with "measured" and "simulated" {solver: [draw][factor]} and "expected" {solver: [factor]}.
    """
    rows = []
    for reference in references:
        target = Target(reference)
        for setting in settings:
            measured, simulated = [], []
            for seed, codes in enumerate(draws):
                part = slice(0, setting.samples)
                scores = noisy(codes.truth[part], setting.noise, seed)
                x = codes.of(reference.space)[part]
                measured.append(compare(target, x, scores, setting, SOLVERS))
                x, y = gaussian_twin(reference, setting.samples, seed)
                twin = Target(reference)
                twin.z = None if twin.z is None else reference.directions.vectors.double()
                simulated.append(compare(twin, x, noisy(y, setting.noise, seed), setting, SOLVERS))
            rows.append(
                {"space": reference.space, **setting.said()}
                | {"measured": _by_solver(measured), "simulated": _by_solver(simulated)}
                | {"expected": closed_form(reference, setting)}
            )
    return rows


def whitened_svm(codes: Codes, reference: Readout, setting: Setting) -> dict[str, list[float]]:
    """Covariance-metric cosine per factor of the svm on whitened w, here and in the Gaussian twin."""
    values, columns = torch.linalg.eigh(reference.covariance)
    white = (columns * values.rsqrt()) @ columns.T
    x, y = gaussian_twin(reference, setting.samples, 0)
    worlds = {
        "measured": (codes.w[: setting.samples], codes.truth[: setting.samples]),
        "simulated": (x, y),
    }
    found = {}
    for said, (w, scores) in worlds.items():
        n = fitted((w.double() @ white).float(), scores, setting, "svm", "w").vectors.double()
        back = n @ white
        unit = (back / back.norm(dim=1, keepdim=True)).float()
        found[said] = Target(reference).cosines(Directions(unit, space="w", names=FACTORS))
    return found


def _by_solver(runs: list[dict[str, list[float]]]) -> dict[str, list[list[float]]]:
    return {solver: [run[solver] for run in runs] for solver in runs[0]}


def middle(runs: Sequence[Sequence[float]]) -> list[float]:
    """Median over draws of each factor."""
    return [statistics.median(values) for values in zip(*runs, strict=True)]
