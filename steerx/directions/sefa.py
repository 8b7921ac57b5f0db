"""SeFa: directions in closed form from the weights that turn w into styles."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .._layers import format_layers, parse_layers
from .directions import Directions
from .estimator import SIGN, Estimator, StyleWeights, anchor_signs


class SeFa(Estimator):
    """Directions of w_plus that change the styles most: leading eigenvectors of A Aᵀ.

    A [D, M] has one column per style channel of the chosen layers, the row of that channel in the
    affine, of unit length if `normalize`. A Aᵀ v = lambda v is solved in float64 and sorted
    descending; the largest-magnitude entry of every vector is positive. With columns of unit length
    the eigenvalues sum to the number of non-zero columns.

    Args:
        layers: layer string, the rows of w_plus that are read and later moved.
        k: how many directions (per layer with `per_layer`).
        normalize: columns of unit length, so that no weight gain matters.
        to_rgb: which to_rgb layers count: "last" (as published), "none", "first" or "all".
        per_layer: one set per layer instead of one for all: directions "layer3_0", each moving its
            own layer.

    Attributes:
        eigenvalues_: [D], or [n, D] for n layers, float64, descending.
        directions_: the leading k: w_plus, after truncation, unit raw, scores = eigenvalues.

    Source: Shen and Zhou, "Closed-form factorization of latent semantics in GANs", CVPR 2021,
    section 3.

    Example:
        >>> D = SeFa(layers="0-6", k=5).fit(G).directions_  # doctest: +SKIP
    """

    eigenvalues_: Tensor

    def __init__(
        self,
        layers: str = "all",
        k: int = 5,
        *,
        normalize: bool = True,
        to_rgb: Literal["last", "none", "first", "all"] = "last",
        per_layer: bool = False,
    ) -> None:
        self.layers = layers
        self.k = k
        self.normalize = normalize
        self.to_rgb = to_rgb
        self.per_layer = per_layer

    def fit(self, G: StyleWeights) -> SeFa:
        """Factorise the affines of a generator (or, for one with z alone, its first layer).

        Raises:
            ValueError: a wrong layer string, more directions than dimensions, or nothing to
                factorise.
        """
        if "w_plus" not in G.spaces:
            if self.layers != "all" or self.per_layer:
                raise ValueError(
                    f'{self!r}: this generator has no layers to choose; use layers="all"'
                )
            return self._solve(G, [None], "z")
        rows = parse_layers(self.layers, G.num_ws, caller="SeFa")
        return self._solve(G, [(row,) for row in rows] if self.per_layer else [rows], "w_plus")

    def _solve(self, G: StyleWeights, groups: list[tuple[int, ...] | None], space: str) -> SeFa:
        solved = [self._eigen(G, group) for group in groups]
        size = solved[0][1].shape[0]
        if not 1 <= self.k <= size:
            raise ValueError(f"SeFa(k={self.k}): k must be 1 to {size}, the size of {space}")
        everything = space == "z" or groups == [tuple(range(G.num_ws))]
        names, layers = [], []
        for group in groups:
            prefix = f"layer{group[0]}_" if self.per_layer and group else "sefa"
            names += [f"{prefix}{k}" for k in range(self.k)]
            layers += [None if everything else group] * self.k
        weight_source = {
            "weights": "first layer" if space == "z" else "affine",
            "to_rgb": self.to_rgb,
            "normalize": "columns" if self.normalize else "none",
            "order": "descending",
        }
        vectors = torch.cat([anchor_signs(v[: self.k]) for _, v in solved])
        values = torch.stack([v for v, _ in solved])
        self.eigenvalues_ = values if self.per_layer else values[0]
        self.directions_ = Directions(
            vectors.float(),
            space=space,
            names=names,
            layers=layers,
            when="after_truncation",
            scores=values[:, : self.k].flatten().float(),
            score_name="eigenvalue",
            weight_source=weight_source,
            sign=SIGN,
            model_id=G.model_id,
            resolution=G.resolution,
            provenance=self._provenance(),
        )
        return self

    def _eigen(self, G: StyleWeights, group: tuple[int, ...] | None) -> tuple[Tensor, Tensor]:
        weights = G.style_weights(group, to_rgb=self.to_rgb)
        if not weights:
            said = "" if group is None else f' for layers "{format_layers(group)}"'
            raise ValueError(
                f'SeFa(to_rgb="{self.to_rgb}"): no style weights{said}; include more layers or '
                'to_rgb="last"'
            )
        return eigen_directions(weights, normalize=self.normalize)


def eigen_directions(weights: list[Tensor], *, normalize: bool = True) -> tuple[Tensor, Tensor]:
    """Eigenvalues [D], descending, and eigenvectors [D, D] as rows of sum_l W_lᵀ W_l, in float64.

    Args:
        weights: style weights [C_l, D]; a row of zeros (a channel that listens to nothing) adds
            nothing.
        normalize: rows of unit length first.
    """
    rows = torch.cat([weight.detach().double() for weight in weights])
    if normalize:
        lengths = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
        rows = rows / lengths.where(lengths > 0, 1.0)
    values, columns = torch.linalg.eigh(rows.T @ rows)
    return values.flip(0).clamp_min(0), columns.T.flip(0)
