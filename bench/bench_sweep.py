"""seed x direction x alpha, and codes -> pictures -> scores, against the loop that everybody writes first."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

import steerx
from bench.rows import Row, Sides, quoted, rows, timed

SEEDS, ALPHAS = (0, 1), (-4.0, -2.0, 0.0, 2.0, 4.0)


def sweep(layers: str) -> Sides:
    G = steerx.load("faces")
    found = steerx.SeFa(layers=layers, k=3).fit(G).directions_
    options = {"seeds": SEEDS, "directions": found, "alphas": ALPHAS}

    def loop() -> np.ndarray:
        pictures = []
        for seed in SEEDS:
            for direction in found:
                for alpha in ALPHAS:
                    codes = steerx.edit(G.codes(seeds=[seed]), direction, alpha=alpha)
                    pictures.append(G.renderer.render(G.styles(codes), out="uint8").numpy())
        return np.stack(pictures).reshape(
            len(SEEDS), len(found), len(ALPHAS), *pictures[0].shape[1:]
        )

    return {"steerx": lambda: steerx.sweep(G, **options).images, "every picture by itself": loop}


def score() -> Sides:
    G, scorer = steerx.load("faces"), steerx.faces.scorer()

    def loop() -> torch.Tensor:
        pictures = [G.renderer.render(G.codes(seeds=[n], space="styles")) for n in range(32)]
        return torch.cat([scorer(picture) for picture in pictures])

    return {
        "steerx": lambda: steerx.score(G, scorer, seeds=range(32)),
        "every picture by itself": loop,
    }


NAMES, ONE_STEP = "steerx, every picture by itself", 1.01 / 255  # of uint8
ROWS = [
    *rows("sweep 2 x 3 x 5, layers 0-3", NAMES, lambda: sweep("0-3"), tolerance=ONE_STEP),
    *rows("sweep 2 x 3 x 5, layers 6-9", NAMES, lambda: sweep("6-9"), tolerance=ONE_STEP),
    *rows("score, 32 pictures", NAMES, score, tolerance=1e-3),
]


@pytest.mark.parametrize("row", ROWS)
def test_sweep(benchmark: BenchmarkFixture, row: Row) -> None:
    timed(benchmark, row)


if __name__ == "__main__":
    quoted("sweep", ROWS)
