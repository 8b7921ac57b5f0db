"""The methods, each against the tool that its publication uses for the same step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

import steerx
from bench.peers.network import random_generator
from bench.rows import Row, Sides, quoted, rows, timed
from steerx.directions.activations import Layer
from steerx.generators.renderers import install

WIDTH = 512  # of w in the stock networks
LIBRARY = {"svm": "SVC and numpy", "ridge": "RidgeCV and numpy", "mean": "numpy"}


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sefa() -> Sides:
    weights = [drawn(WIDTH, WIDTH, seed=n) for n in range(14)]  # of a 256 px network
    G: Any = SimpleNamespace(
        spaces=("z", "w", "w_plus"),
        num_ws=14,
        model_id="bench",
        resolution=256,
        style_weights=lambda layers=None, to_rgb="last": weights,
    )

    def general() -> np.ndarray:
        stacked = np.concatenate([w.numpy() for w in weights]).T
        stacked = stacked / np.linalg.norm(stacked, axis=0, keepdims=True)
        values, _ = np.linalg.eig(stacked @ stacked.T)
        return np.sort(values)[::-1][:5]

    return {
        "steerx": lambda: steerx.SeFa(k=5).fit(G).directions_.scores,
        "np.linalg.eig": general,
    }


def ganspace() -> Sides:
    codes = (
        drawn(20_000, WIDTH) @ (drawn(WIDTH, WIDTH, seed=1) * torch.linspace(1, 0.05, WIDTH)) + 1
    )

    def incremental() -> np.ndarray:
        from sklearn.decomposition import IncrementalPCA

        fitted = IncrementalPCA(20, batch_size=5_000).fit(codes.numpy())
        return np.sqrt(fitted.explained_variance_)

    return {
        "steerx": lambda: steerx.GANSpace(k=20, batch=5_000).fit(codes).directions_.scale,
        "IncrementalPCA": incremental,
    }


def layer() -> Sides:
    """A layer of a 256 px network: as it is read, by plain modules, and by them one sample at a time."""
    native, plain = (random_generator(256, WIDTH) for _ in range(2))
    install(native, "native")
    ours, theirs = Layer(native, "act:3"), Layer(plain, "act:3")
    z = drawn(16, WIDTH)
    return {
        "steerx": lambda: ours.rows(z),
        "plain modules": lambda: theirs.rows(z),
        "one by one": lambda: torch.cat([theirs.rows(one) for one in z.split(1)]),
    }


def interfacegan(solver: Any) -> Sides:
    """2 % of the codes per class; both sides also give accuracies of all codes, and mean and covariance."""
    w = drawn(20_000, WIDTH)
    scores = w @ drawn(WIDTH, seed=1) / WIDTH**0.5 + drawn(20_000, seed=2)

    def theirs() -> np.ndarray:
        from sklearn.linear_model import RidgeCV
        from sklearn.svm import SVC

        rows, values = w.double().numpy(), scores.double().numpy()
        order = np.argsort(values)[::-1]
        chosen, classes = np.concatenate([order[:280], order[-280:]]), np.repeat([1.0, 0.0], 280)
        if solver == "svm":
            normal = SVC(kernel="linear").fit(rows[chosen], classes).coef_[0]
        elif solver == "ridge":
            normal = RidgeCV(10.0 ** np.arange(-1, 6)).fit(rows, values).coef_
        else:
            normal = rows[order[:280]].mean(axis=0) - rows[order[-280:]].mean(axis=0)
        normal = normal / np.linalg.norm(normal)
        ((rows @ normal > 0) == (values > 0)).mean(), rows.mean(axis=0), np.cov(rows.T)
        return normal[None]

    method = steerx.InterFaceGAN(0.02, solver=solver, names="score")
    return {"steerx": lambda: method.fit(w, scores).directions_.vectors, LIBRARY[solver]: theirs}


def conditioned(metric: Any) -> Sides:
    """20 directions without what they share with 5 conditions."""
    square = drawn(WIDTH, WIDTH, seed=2)
    S = torch.eye(WIDTH) if metric == "plain" else square @ square.T / WIDTH + torch.eye(WIDTH)
    vectors, conditions = (torch.nn.functional.normalize(drawn(k, WIDTH, seed=k)) for k in (20, 5))
    D = steerx.Directions(vectors, space="w", covariance=S)
    C = steerx.Directions(conditions, space="w", names=[f"c{k}" for k in range(5)])

    def one_by_one() -> np.ndarray:
        metric_, basis = S.double().numpy(), conditions.double().numpy()
        done = []
        for vector in vectors.double().numpy():
            shared = np.linalg.solve(basis @ metric_ @ basis.T, basis @ metric_ @ vector)
            rest = vector - shared @ basis
            done.append(rest / np.linalg.norm(rest))
        return np.stack(done)

    return {
        "steerx": lambda: D.orthogonal_to(C, metric=metric).vectors,
        "numpy one by one": one_by_one,
    }


ROWS: list[Any] = [
    *rows("sefa, 14 affines of 512 x 512", "steerx, np.linalg.eig", sefa, tolerance=1e-3),
    *rows("ganspace, 20,000 x 512, k = 20", "steerx, IncrementalPCA", ganspace, tolerance=0.05),
    *rows("act:3 of 256 px, 512 channels, 16 codes", "steerx, plain modules, one by one", layer),
    *(
        row
        for solver in ("svm", "ridge", "mean")
        for row in rows(
            f"interfacegan, {solver}, 20,000 x 512",
            f"steerx, {LIBRARY[solver]}",
            lambda solver=solver: interfacegan(solver),
            tolerance=None,
        )
    ),
    *rows("conditioned, 20 on 5", "steerx, numpy one by one", lambda: conditioned("plain")),
    *rows(
        "conditioned, covariance, 20 on 5",
        "steerx, numpy one by one",
        lambda: conditioned("covariance"),
    ),
]


@pytest.mark.parametrize("row", ROWS)
def test_mining(benchmark: BenchmarkFixture, row: Row) -> None:
    timed(benchmark, row)


if __name__ == "__main__":
    quoted("mining", ROWS)
