"""What the pictures of `faces` do when codes move along what was found, as the scorer sees it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bench.methods_expected import step_length
from bench.methods_world import FACTORS, Codes, Readout
from steerx import Directions, GANSpace, InterFaceGAN, SeFa, faces, score
from steerx.evaluation import effects
from steerx.generators import Generator

CHANGE = 1.0  # sigma of the target at which effects are compared
CONDITIONED = (("age", "eyeglasses"), ("eyeglasses", "age"))


class Pictures:
    """Measures direction sets on the same seeds with the same scorer."""

    def __init__(
        self, G: Generator, references: Sequence[Readout], seeds: int, alphas: Sequence[float]
    ) -> None:
        self.G, self.scorer, self.seeds, self.alphas = G, faces.scorer(), range(seeds), alphas
        self.readouts = {one.space: one for one in references}

    def measure(self, said: str, found: Directions, baseline: int = 0) -> dict[str, Any]:
        """One table: a row per direction, a column per factor.

        Returns:
            "at": changes at matched target change, half the difference of +CHANGE and -CHANGE where
            both are reached, else the one that is; "sides": how many are; "linear": what the linear
            readouts of the truth expect of "at"; "leak", "largest": mean and largest |change| of the
            other factors there; "alpha" there; "slope"; "step": Mahalanobis length of one sigma.
        """
        E = effects(
            self.G, found, self.scorer, seeds=self.seeds, alphas=self.alphas, baseline=baseline
        )
        up, down = E.leak(CHANGE), E.leak(-CHANGE)
        reference = self.readouts["z" if found.space == "z" else "w"]
        v = found.vectors.double()
        moved = v @ (reference.coefficients / reference.sigma[:, None]).T  # [K, F]
        linear = moved / moved.gather(1, torch.tensor(E.targets)[:, None])
        table: dict[str, Any] = {
            "said": said,
            "rows": list(E.directions),
            "targets": [E.attributes[t] for t in E.targets],
            "sides": [int(n) for n in (~up.mean.isnan()).int() + (~down.mean.isnan()).int()],
            "at": _plain(_both(E.at(CHANGE), -E.at(-CHANGE))),
            "linear": _plain(linear),
            "leak": _plain(_both(up.mean, down.mean)),
            "largest": _plain(_both(up.largest, down.largest)),
            "alpha": _plain(_both(up.alpha, -down.alpha)),
            "slope": _plain(E.slope),
            "step": _plain(step_length(v, reference.covariance)),
        }
        if E.baseline is not None:
            table["baseline slope"] = _plain(E.baseline.slope.square().mean(dim=0).sqrt())
        return table


def _both(up: Tensor, down: Tensor) -> Tensor:
    """Mean of the sides that were reached."""
    return torch.stack([up, down]).nanmean(dim=0)


def mined(
    G: Generator, codes: Codes, scores: Tensor, space: Any, solver: Any = "ridge"
) -> Directions:
    """Directions of all factors as a user mines them: from the scorer's scores of pictures."""
    method = InterFaceGAN(solver=solver, space=space, names=FACTORS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a quick run has fewer codes than dimensions
        return method.fit(codes.of(space), scores, G).directions_.in_sigma()


def patterns(found: Directions) -> Directions:
    """S n of each filter n: what moves with the attribute on average."""
    assert found.covariance is not None
    moved = found.vectors.double() @ found.covariance.double()
    unit = (moved / moved.norm(dim=1, keepdim=True)).float()
    return replace(found, vectors=unit, kind="pattern", intercepts=None, scores=None,
                   score_name=None).in_sigma()  # fmt: skip


def picture_scores(G: Generator, codes: Codes) -> Tensor:
    """What the scorer sees in the picture of each code."""
    return score(G, faces.scorer(), codes=codes.z, space="z", names=FACTORS)


def factor_tables(pictures: Pictures, codes: Codes, scores: Tensor) -> list[dict[str, Any]]:
    """Every factor, along everything that InterFaceGAN finds."""

    def of(space: str, solver: str) -> Directions:
        return mined(pictures.G, codes, scores, space, solver)

    return [
        pictures.measure("z, ridge", of("z", "ridge"), baseline=1),
        pictures.measure("w, ridge", of("w", "ridge"), baseline=1),
        pictures.measure("w, svm", of("w", "svm")),
        pictures.measure("w, pattern of ridge", patterns(of("w", "ridge"))),
        pictures.measure("w, mean", of("w", "mean")),
    ]


def conditioned_tables(pictures: Pictures, codes: Codes, scores: Tensor) -> list[dict[str, Any]]:
    """Age without eyeglasses and eyeglasses without age, every way there is."""
    tables = []
    for subject, condition in CONDITIONED:
        for space in ("z", "w"):
            found = mined(pictures.G, codes, scores, space)
            one, other = found[subject], found[condition]
            ways = {"filter": one, "filter, conditioned": one.orthogonal_to(other).in_sigma()}
            if space == "w":
                read = one.orthogonal_to(other, metric="covariance").in_sigma()
                ways |= {
                    "filter, conditioned in the covariance metric": read,
                    "pattern": patterns(one),
                    "pattern, conditioned": patterns(one).orthogonal_to(other).in_sigma(),
                    "pattern of the filter conditioned in the covariance metric": patterns(read),
                }
            for way, directions in ways.items():
                table = pictures.measure(f"{space}: {way}", directions)
                tables.append(table | {"subject": subject, "condition": condition})
    return tables


def leading_tables(pictures: Pictures, codes: Codes, k: int = 5) -> list[dict[str, Any]]:
    """The leading directions of SeFa and GANSpace: which factors they move, and random ones beside."""
    G, S = pictures.G, pictures.readouts["w"].covariance.float()
    found = {
        "SeFa": SeFa(k=k).fit(G).directions_.in_sigma(S),
        "GANSpace": GANSpace(k=k, n=len(codes.w)).fit(G).directions_,
    }
    tables = []
    for said, directions in found.items():
        table = pictures.measure(said, directions, baseline=1)
        table["named share"] = _plain(_named_share(directions.vectors.double(), codes))
        tables.append(table)
    return tables


def _named_share(v: Tensor, codes: Codes) -> Tensor:
    """Share [K] of the variance of v.w that a linear function of the named factors explains."""
    y = codes.w.double() @ v.T
    y, x = y - y.mean(dim=0), codes.truth - codes.truth.mean(dim=0)
    fitted = x @ torch.linalg.lstsq(x, y).solution
    return fitted.square().sum(dim=0) / y.square().sum(dim=0)


def _plain(values: Tensor) -> list[Any]:
    """Numbers for JSON, None where nothing was reached."""
    return [
        _plain(v) if v.dim() else (None if bool(v.isnan()) else round(float(v), 5)) for v in values
    ]
