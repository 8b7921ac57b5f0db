"""InterFaceGAN: a linear boundary between codes of high and of low score."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import boundaries
from .arrays import as_tensor
from .boundaries import Boundary
from .directions import Directions, Motion, Origin
from .estimator import Estimator, Network
from .extremes import Extremes, choose, columns
from .moments import Moments

# Training codes per class. Of codes of 512 numbers that no plane separates, 2,500 per class took the
# svm one minute on one core and 5,000 eleven.
SLOW = 5_000
Numbers = Tensor | NDArray[Any]


class InterFaceGAN(Estimator):
    """Directions that raise a score: unit normals of boundaries between high and low scores.

    Codes are sorted by their score; the m highest and m lowest are the two classes, a share `split`
    of each trains the boundary and the rest validates it. Several score columns give one direction
    each, codes per layer [N, L, D] one boundary per layer.

    Args:
        ratio: m / N (0 < ratio <= 1) or m itself (above 1, a whole number, as published); never
            more than half of the codes.
        split: share of each class that trains.
        solver: "svm" (linear, hinge loss, as published; slow above some thousand codes per class),
            "ridge" (regression on the scores of all codes that do not validate; closed form) or
            "mean" (difference of the class means, which is a pattern, not a filter).
        C: of the svm.
        space: what the codes are: "z", "w", or "w_plus" for [N, L, D].
        invalid: score value that marks a code without a score (NaN may be one).
        seed: of the shuffle that splits each class; a stream of its own.
        names: of the attributes, one per score column.
        motion: of the directions: "relative" (alpha is added), or "absolute" (alpha becomes the
            distance, as published for z and w).
        origin: of absolute motion: "zero" (the plane through the origin, as published) or
            "boundary" (the true boundary, its intercept included).
        compat: "interfacegan" shuffles as the published code does after `numpy.random.seed(seed)`.

    Attributes:
        directions_: K = number of score columns, with intercepts, mean and covariance of the codes
            (of codes per layer the mean of the layers' covariances, and no mean).
        accuracy_: "train", "validation" and "middle" (all codes in neither class, against the
            middle of the score range), each [K] or [K, L]; NaN where there is no such code.
        n_class_: m per attribute.

    Source: Shen et al., "Interpreting the latent space of GANs for semantic face editing", CVPR
    2020, section 3.2.

    Example:
        >>> smile = InterFaceGAN(names=["smile"]).fit(w, scores).directions_  # doctest: +SKIP
    """

    accuracy_: dict[str, Tensor]
    n_class_: tuple[int, ...]

    def __init__(
        self,
        ratio: float = 0.02,
        *,
        split: float = 0.7,
        solver: Literal["svm", "ridge", "mean"] = "svm",
        C: float = 1.0,
        space: Literal["z", "w", "w_plus"] = "w",
        invalid: float | None = None,
        seed: int = 0,
        names: str | Sequence[str] | None = None,
        motion: Motion = "relative",
        origin: Origin = "zero",
        compat: Literal["interfacegan"] | None = None,
    ) -> None:
        self.ratio = ratio
        self.split = split
        self.solver = solver
        self.C = C
        self.space = space
        self.invalid = invalid
        self.seed = seed
        self.names = names
        self.motion = motion
        self.origin = origin
        self.compat = compat

    @torch.no_grad()
    def fit(
        self,
        codes: Numbers,
        scores: Numbers,
        G: Network | None = None,
        *,
        label: int | None = None,
        truncation: tuple[float, int | None] | None = None,
    ) -> InterFaceGAN:
        """Find one boundary per score column.

        Args:
            codes: [N, D], or [N, L, D] of space "w_plus".
            scores: [N] or [N, A'], higher = more of the attribute.
            G: the generator that made the images, for the record.
            label: class of the codes, for the record.
            truncation: (psi, cutoff) of the images that were scored, for the record.

        Raises:
            ValueError: shapes that do not fit, scores that are not finite or do not differ, too few
                codes per class, or an unknown solver; the message names the attribute.
        """
        self._check_parameters()
        x = self._codes(codes)
        y = columns(scores, len(x))
        names = self._names(y.shape[1])
        generator = np.random.RandomState(self.seed)
        solved: list[list[Boundary]] = []
        accuracy: dict[str, list[list[float]]] = {"train": [], "validation": [], "middle": []}
        sizes, few = [], {}
        for column, name in enumerate(names):
            if self.compat is None:  # one stream per attribute: adding a column changes no other
                generator = np.random.RandomState([self.seed, column])
            picked = choose(y[:, column], name, self, generator)
            sizes.append(picked.size)
            few[name] = len(picked.train_high) + len(picked.train_low)
            if self.solver != "svm":  # a few codes may train these, if not fewer than dimensions
                few[name] += len(picked.test_high) + len(picked.test_low) + len(picked.middle)
            if column == 0:
                self._warn_if_slow(len(picked.train_high))
            found = [self._solve(layer, y[:, column], picked) for layer in x.unbind(1)]
            solved.append(found)
            for part, values in accuracy.items():
                values.append(
                    [picked.accuracy(part, *pair) for pair in zip(x.unbind(1), found, strict=True)]
                )
        self._warn_if_few(few, x.shape[2])
        per_layer = self.space == "w_plus"
        self.n_class_ = tuple(sizes)
        self.accuracy_ = {part: _table(values, per_layer) for part, values in accuracy.items()}
        validation = self.accuracy_["validation"]
        validation = validation.mean(dim=1) if per_layer else validation
        measured = not bool(validation.isnan().any())
        normals = torch.stack([torch.stack([b.normal for b in row]) for row in solved])
        offsets = _table([[b.intercept for b in row] for row in solved], per_layer)
        mean, covariance = _moments(x)
        self.directions_ = Directions(
            (normals if per_layer else normals[:, 0]).float().to(x.device),
            space=self.space,
            names=names,
            kind="pattern" if self.solver == "mean" else "filter",
            when="after_truncation" if per_layer else "before_truncation",
            label=label,
            scores=validation if measured else None,
            score_name="validation_accuracy" if measured else None,
            intercepts=offsets,
            motion=self.motion,
            origin=self.origin,
            mean=None if per_layer else mean,
            covariance=covariance,
            sign="positive side has the higher score",
            model_id=None if G is None else G.model_id,
            resolution=None if G is None else G.resolution,
            truncation=truncation,
            provenance={
                **self._provenance(),
                "n": len(x),
                "n_class": sizes,
                "accuracy": {part: _said(values) for part, values in self.accuracy_.items()},
            },
        )
        return self

    def _solve(self, x: Tensor, y: NDArray[np.float64], picked: Extremes) -> Boundary:
        """The boundary of one layer (or of codes without layers) [N, D]."""
        positive, negative = x[picked.train_high], x[picked.train_low]
        if self.solver == "svm":
            return boundaries.svm(positive, negative, C=self.C)
        if self.solver == "mean":
            return boundaries.mean(positive, negative)
        if self.solver == "ridge":
            kept = picked.not_validating
            return boundaries.ridge(
                x[kept], torch.from_numpy(y[kept]).to(x.device), positive, negative
            )
        raise ValueError(
            f'InterFaceGAN: solver must be "svm", "ridge" or "mean", got {self.solver!r}'
        )

    def _check_parameters(self) -> None:
        """Refuse, before anything is computed, what would be refused or wrong after it."""
        if not 0 < self.C < math.inf:
            raise ValueError(f"InterFaceGAN: C must be a finite number above 0, got {self.C!r}")
        if self.motion not in ("relative", "absolute") or self.origin not in ("zero", "boundary"):
            raise ValueError(
                'InterFaceGAN: motion must be "relative" or "absolute" and origin "zero" or '
                f'"boundary", got motion={self.motion!r}, origin={self.origin!r}'
            )
        if self.origin == "boundary" and self.motion == "relative":
            raise ValueError(
                'InterFaceGAN: origin="boundary" says where absolute distances start; add '
                'motion="absolute"'
            )
        if self.motion == "absolute" and self.space == "w_plus":
            raise ValueError(
                'InterFaceGAN(space="w_plus"): motion="absolute" is a distance in z or w; use '
                'motion="relative", or codes [N, D]'
            )

    def _warn_if_slow(self, count: int) -> None:
        """The published solver is quadratic in the codes, which nobody expects who waits for it."""
        if self.solver == "svm" and count > SLOW:
            warnings.warn(
                f"InterFaceGAN: the svm's time grows with the square of its codes, and it has {count} "
                'per class; use a smaller ratio, or solver="ridge", which reads all scores at once',
                stacklevel=4,  # fit runs inside the decorator of no_grad
            )

    def _warn_if_few(self, count: dict[str, int], size: int) -> None:
        """One warning for all attributes that have fewer codes than the codes have dimensions."""
        few = [name for name, codes in count.items() if codes < size]
        if few and self.solver == "svm":
            warnings.warn(
                f"InterFaceGAN: {', '.join(few)} have {min(count.values())} training codes or more for "
                f"{size} dimensions, so almost any direction separates them; give more codes, a "
                'larger ratio, or solver="ridge"',
                stacklevel=4,  # fit runs inside the decorator of no_grad
            )
        elif few:
            warnings.warn(
                f"InterFaceGAN: {', '.join(few)} have {min(count.values())} codes or more for {size} "
                "dimensions, so most of the direction is chance; give more codes than dimensions",
                stacklevel=4,
            )

    def _codes(self, codes: Numbers) -> Tensor:
        """Codes as [N, L, D], L = 1 where there are no layers."""
        x = as_tensor(codes)
        rank, shape = (3, "[N, L, D]") if self.space == "w_plus" else (2, "[N, D]")
        if x.dim() != rank or 0 in x.shape or not x.dtype.is_floating_point:
            raise ValueError(
                f'InterFaceGAN(space="{self.space}"): codes must be floating-point {shape}, got '
                f"{x.dtype} {list(x.shape)}"
            )
        if not bool(x.isfinite().all()):
            raise ValueError("InterFaceGAN: codes must be finite, got NaN or infinity")
        return x if rank == 3 else x[:, None]

    def _names(self, count: int) -> list[str]:
        if self.names is None:
            return [f"attribute{k}" for k in range(count)]
        names = [self.names] if isinstance(self.names, str) else list(self.names)
        if len(names) != count:
            raise ValueError(
                f"InterFaceGAN(names={self.names!r}): scores have {count} columns, names "
                f"{len(names)} entries"
            )
        return names


def _moments(x: Tensor, chunk: int = 65_536) -> tuple[Tensor, Tensor]:
    """Mean [D] and covariance [D, D] of codes [N, L, D], averaged over the layers."""
    layers = [Moments() for _ in range(x.shape[1])]
    for moments, codes in zip(layers, x.unbind(1), strict=True):
        for part in torch.split(codes, chunk):
            moments.add(part)
    mean = torch.stack([m.mean for m in layers]).mean(dim=0)
    covariance = torch.stack([m.covariance() for m in layers]).mean(dim=0)
    return mean.float(), covariance.float()


def _table(values: list[list[float]], per_layer: bool) -> Tensor:
    """[K, L], or [K] where there are no layers."""
    table = torch.tensor(values, dtype=torch.float64)
    return table if per_layer else table[:, 0]


def _said(values: Tensor) -> Any:
    """Numbers for a JSON record, None where nothing was measured."""
    if values.dim():
        return [_said(row) for row in values]
    return None if bool(values.isnan()) else float(values)
