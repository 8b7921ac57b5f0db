"""Components of rows that come in chunks: principal, independent or sparse, with their spread."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import Tensor

from .estimator import anchor_signs
from .moments import Moments

Kind: TypeAlias = Literal["pca", "ipca", "ica", "spca"]
Chunks: TypeAlias = Callable[[], Iterator[Tensor]]
KINDS: tuple[str, ...] = get_args(Kind)
FULL = 8_000  # features up to which the whole covariance is held (512 MB in float64)
IN_MEMORY = 1 << 26  # numbers that "ica" and "spca" see at once (512 MB in float64)
ITERATIONS = 2


@dataclass(frozen=True)
class Components:
    """Directions of spread of rows [N, F], all float64.

    Attributes:
        vectors: [k, F] unit rows, by falling spread.
        stdev: [k] standard deviation of the rows along them, denominator n - 1.
        variance_ratio: [k] of the whole variance.
        mean: [F].
        covariance: [F, F], or None where it was not formed.
        random_stdevs: [k] along random unit directions: what no choice at all would give.
        count: how many rows were seen.
    """

    vectors: Tensor
    stdev: Tensor
    variance_ratio: Tensor
    mean: Tensor
    covariance: Tensor | None
    random_stdevs: Tensor
    count: int

    def to(self, device: torch.device) -> Components:
        """The same, on a device: scikit-learn answers from the CPU whatever it was asked about."""
        return replace(
            self,
            vectors=self.vectors.to(device),
            stdev=self.stdev.to(device),
            variance_ratio=self.variance_ratio.to(device),
            mean=self.mean.to(device),
            covariance=None if self.covariance is None else self.covariance.to(device),
            random_stdevs=self.random_stdevs.to(device),
        )


def components(
    chunks: Chunks, k: int, features: int, kind: Kind, *, seed: int, batch: int
) -> Components:
    """The k components of rows that `chunks()` yields, the same rows each time it is called.

    "pca" is exact up to 8,000 features; above, a randomised block iteration goes over the rows
    three times. "ipca" is scikit-learn's IncrementalPCA, `batch` rows at a time if they fit in 2^26
    numbers. "ica" and "spca" look at the first rows only, as many as fit there. The result is on the
    device of the rows.

    Source: Halko, Martinsson and Tropp, "Finding structure with randomness", 2011, algorithm 4.4.
    """
    if kind == "pca":
        return _exact(chunks, k) if features <= FULL else _iterated(chunks, k, features, seed)
    if kind == "ipca":
        return _incremental(chunks, k, features, batch)
    return _in_memory(chunks, k, kind, seed)


def from_moments(moments: Moments, k: int) -> Components:
    """Leading eigenvectors of the covariance."""
    covariance = moments.covariance()
    check_spread(float(covariance.diagonal().sum()), moments.count, k)
    values, columns = torch.linalg.eigh(covariance)
    values = values.flip(0).clamp_min(0)
    rows = anchor_signs(columns.T.flip(0)[:k])
    draw = random_units(k, len(covariance)).to(covariance)
    return Components(
        rows,
        values[:k].sqrt(),
        values[:k] / values.sum(),
        moments.mean,
        covariance,
        ((draw @ covariance) * draw).sum(1).sqrt(),
        moments.count,
    )


def check_spread(variance: float, count: int, k: int) -> None:
    """Refuse rows that are all the same."""
    if not variance > 0:
        raise ValueError(
            f"GANSpace(k={k}): all {count} codes are the same; give codes that vary (of a layer: "
            "choose one that depends on z)"
        )


def random_units(k: int, size: int, seed: int = 0) -> Tensor:
    """[k, size] unit rows in random directions, float64."""
    draw = torch.from_numpy(np.random.RandomState(seed).randn(k, size))
    units: Tensor = draw / draw.norm(dim=1, keepdim=True)
    return units


def _exact(chunks: Chunks, k: int) -> Components:
    moments = Moments()
    for rows in chunks():
        moments.add(rows)
    return from_moments(moments, k)


def _iterated(chunks: Chunks, k: int, features: int, seed: int) -> Components:
    """Block iteration on S = sum of (x - mean)(x - mean)ᵀ, which is never formed."""
    block = min(features, 2 * k + 8)
    basis = random_units(block, features, seed % 2**32).T
    shift, offset, total, count = torch.zeros(0), torch.zeros(0), 0.0, 0
    image, draws = basis, torch.zeros(0)
    for step in range(ITERATIONS + 1):
        image, sums, squares, count = torch.zeros(0), torch.zeros(0), 0.0, 0
        for chunk in chunks():
            rows = chunk.detach().double()
            if not image.numel():
                basis = basis.to(rows)
                image, sums = torch.zeros_like(basis), torch.zeros_like(rows[0])
                # Sums about a row near the mean do not cancel; from the second pass on it is the mean.
                shift = shift if shift.numel() else rows.mean(dim=0)
            rows = rows - shift
            image.addmm_(rows.T, rows @ basis)
            sums += rows.sum(dim=0)
            squares += float(rows.square().sum())
            count += len(rows)
        offset = sums / count
        image -= count * torch.outer(offset, offset @ basis)
        if step == 0:
            total = squares - count * float(offset @ offset)
            check_spread(total / max(count - 1, 1), count, k)
            draws = ((basis * image).sum(0)[:k] / (count - 1)).clamp_min(0).sqrt()
            shift = shift + offset
        if step < ITERATIONS:
            basis = torch.linalg.qr(image).Q
    small = basis.T @ image
    values, columns = torch.linalg.eigh((small + small.T) / 2)
    values = values.flip(0)[:k].clamp_min(0) / (count - 1)
    vectors = anchor_signs((basis @ columns.flip(1)[:, :k]).T)
    ratio = values * (count - 1) / total
    return Components(vectors, values.sqrt(), ratio, shift, None, draws, count)


def _incremental(chunks: Chunks, k: int, features: int, batch: int) -> Components:
    from sklearn.decomposition import IncrementalPCA

    wanted = max(batch, k)  # scikit-learn takes no fewer than k
    size = max(k, min(wanted, IN_MEMORY // features))
    if size < wanted:
        warnings.warn(
            f"GANSpace: {wanted} rows of {features} numbers are too many at once, so IncrementalPCA "
            f"takes {size} at a time; its result depends on that number a little",
            stacklevel=4,
        )
    method, moments = IncrementalPCA(n_components=k), Moments()
    draw, device = random_units(k, features), torch.device("cpu")
    kept: list[Any] = []
    for rows in chunks():
        device = rows.device
        array = rows.detach().double().cpu().numpy()
        moments.add(torch.from_numpy(array) @ draw.T)
        kept.append(array)
        while sum(map(len, kept)) >= size:
            whole = np.concatenate(kept)
            _fit_part(method, whole[:size])
            kept = [whole[size:]] if len(whole) > size else []
    left = sum(map(len, kept))
    if left >= k:
        _fit_part(method, np.concatenate(kept))
    elif left:
        warnings.warn(
            f"GANSpace: the last {left} codes are fewer than k = {k} and were left out, as "
            'IncrementalPCA asks; choose n as a multiple of batch, or estimator="pca"',
            stacklevel=4,
        )
    check_spread(float(np.sum(method.var_)), moments.count, k)
    return Components(
        torch.from_numpy(method.components_),
        torch.from_numpy(np.sqrt(method.explained_variance_)),
        torch.from_numpy(method.explained_variance_ratio_),
        torch.from_numpy(method.mean_),
        None,
        moments.covariance().diagonal().sqrt(),
        int(method.n_samples_seen_),
    ).to(device)


def _fit_part(method: Any, rows: Any) -> None:
    with np.errstate(invalid="ignore"):  # codes without spread are refused afterwards
        method.partial_fit(rows)


def _in_memory(chunks: Chunks, k: int, kind: str, seed: int) -> Components:
    """ICA and sparse PCA, which need all their rows at once: the first ones that fit."""
    kept: list[Any] = []
    room, device = math.inf, torch.device("cpu")
    for rows in chunks():
        device = rows.device
        room = min(room, max(k + 1, IN_MEMORY // rows.shape[1]))
        kept.append(rows[: int(room) - sum(map(len, kept))].detach().double().cpu().numpy())
        if sum(map(len, kept)) >= room:
            break
    data = np.concatenate(kept)
    mean = data.mean(axis=0)
    data -= mean
    variance = float(data.var(axis=0, ddof=1).sum())
    check_spread(variance, len(data), k)
    vectors = torch.from_numpy(_fitted(data, k, kind, seed))
    lengths = vectors.norm(dim=1, keepdim=True)
    if not bool((lengths > 0).all()):
        raise ValueError(
            f'GANSpace(k={k}, estimator="{kind}"): {int((lengths == 0).sum())} components are all '
            'noughts; choose a smaller k, or estimator="pca"'
        )
    vectors = anchor_signs(vectors / lengths)
    centred = torch.from_numpy(data)
    stdev = (centred @ vectors.T).std(dim=0)
    order = stdev.argsort(descending=True, stable=True)
    draws = (centred @ random_units(k, vectors.shape[1]).T).std(dim=0)
    stdev = stdev[order]
    ratio = stdev.square() / variance
    middle = torch.from_numpy(mean)
    found = Components(vectors[order], stdev, ratio, middle, None, draws, len(data))
    return found.to(device)


def _fitted(data: Any, k: int, kind: str, seed: int) -> Any:
    from sklearn.decomposition import FastICA, MiniBatchSparsePCA

    random_state = seed % 2**32
    if kind == "ica":
        method = FastICA(k, whiten="unit-variance", random_state=random_state, max_iter=1000)
        return np.asarray(_quiet(method, data).components_, dtype=np.float64)
    method = MiniBatchSparsePCA(k, alpha=1.0, ridge_alpha=0.01, random_state=random_state)
    return np.asarray(_quiet(method, data).components_, dtype=np.float64)


def _quiet(method: Any, data: Any) -> Any:
    """Fit, and say in one line of ours if it did not settle."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        method.fit(data)
    if any(issubclass(one.category, ConvergenceWarning) for one in said):
        warnings.warn(
            f"GANSpace: {type(method).__name__} did not settle; the components are approximate "
            "(Gaussian codes have no independent parts to find)",
            stacklevel=6,
        )
    return method
