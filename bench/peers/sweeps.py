"""A sweep by `steerx.sweep`, and as published programs do it: picture by picture, each rendered anew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

import steerx
from bench.peers.checkouts import StyleGAN2Ada
from bench.peers.job import Call, Job, Precision
from bench.peers.torch_sides import generator, module, w_plus
from steerx._pictures import to_uint8


def directions(job: Job, width: int) -> Tensor:
    """[K, D], orthonormal, the same in every process."""
    drawn = (
        np.random.default_rng(0).standard_normal((job.grid[0], width)).T
    )  # the first is that of any K
    return torch.from_numpy(np.linalg.qr(drawn)[0].T.astype(np.float32).copy())


def alphas(job: Job) -> list[float]:
    return [float(alpha) for alpha in np.linspace(-3, 3, job.grid[1])]


def ours(job: Job, *, precision: Precision) -> Call:
    G, codes = generator(job, "native", precision), w_plus(job)
    moved = tuple(range(job.layers or 0, G.num_ws))
    found = steerx.Directions(directions(job, G.w_dim), space="w_plus", layers=moved)
    options = {"codes": codes, "space": "w_plus", "directions": found, "alphas": alphas(job)}
    return lambda: steerx.sweep(G, **options).images


def loop(render: Callable[[Tensor], Tensor], job: Job) -> Call:
    """Batch 1: for each direction, for each alpha, one picture."""
    codes = w_plus(job)
    found, steps = directions(job, codes.shape[2]), alphas(job)

    def pictures() -> np.ndarray:
        rows = []
        for base in codes:
            for direction in found:
                for alpha in steps:
                    w = base[None].clone()
                    w[:, job.layers :] += alpha * direction
                    rows.append(to_uint8(render(w))[0].numpy())
        return np.stack(rows).reshape(len(codes), *job.grid, *rows[0].shape)

    return pictures


def published(job: Job) -> Call:
    return loop(module(job, "published"), job)


def stylegan2_ada(job: Job) -> Call:
    return loop(StyleGAN2Ada(job), job)
