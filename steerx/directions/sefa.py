"""SeFa: directions in closed form from the weights that turn w into styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from .._layers import format_layers, parse_layers
from .closed_form import VARIANTS, Compat, ToRGB, Variant, eigen_directions
from .directions import Directions
from .estimator import SIGN, Estimator, StyleWeights, anchor_signs

Rows = tuple[int, ...] | None


class SeFa(Estimator):
    """Directions of w_plus that change the styles most: leading eigenvectors of A Aᵀ.

    A [D, M] has one column per style channel of the chosen layers, the row of that channel in the
    affine, of unit length if `normalize`. A Aᵀ v = lambda v is solved in float64 and sorted
    descending; the largest-magnitude entry of every vector is positive. With columns of unit length
    the eigenvalues sum to the number of non-zero columns.

    Args:
        layers: layer string, the rows of w_plus that are read and later moved.
        k: how many directions (per layer with `per_layer`, per group with `groups`).
        normalize: columns of unit length, so that no weight gain matters. None = as published (True
            but for "rosinality").
        to_rgb: which to_rgb layers count: "last" (as published), "none", "first" or "all". None =
            as published ("last" but for "rosinality" and "e4e").
        per_layer: one set per layer instead of one for all: directions "layer3_0", each moving its
            own layer.
        groups: layer strings, one set per group: ("0-3", "4-9") gives "layers0-3_0", each moving
            its own rows.
        compat: a published program to replay. "sefa": its general eigensolver in float32 and that
            solver's order, where the first k are not the k largest; the vectors are the published
            ones up to sign, their places only as far as that solver repeats itself. "rosinality":
            columns as long as they are, the first to_rgb and no other, the whole network, moved
            before truncation. "e4e": as "sefa" without any to_rgb, moving the rows one below the
            ones that were read, its slip.

    Attributes:
        eigenvalues_: [D], or [n, D] for n layers or groups, float64, descending (in the order of
            the directions with "sefa" and "e4e"). The runtime gains are in the weights, which
            counts where columns are not normalised.
        directions_: the leading k: w_plus, after truncation, unit raw, scores = eigenvalues.

    Source: Shen and Zhou, "Closed-form factorization of latent semantics in GANs", CVPR 2021,
        section 3.

    Example:
        >>> D = SeFa(layers="0-6", k=5).fit(G).directions_  # doctest: +SKIP
        >>> D = SeFa(groups=["0-3", "4-9"]).fit(G).directions_  # doctest: +SKIP
    """

    eigenvalues_: Tensor

    def __init__(
        self,
        layers: str = "all",
        k: int = 5,
        *,
        normalize: bool | None = None,
        to_rgb: ToRGB | None = None,
        per_layer: bool = False,
        groups: Sequence[str] | None = None,
        compat: Compat | None = None,
    ) -> None:
        self.layers = layers
        self.k = k
        self.normalize = normalize
        self.to_rgb = to_rgb
        self.per_layer = per_layer
        self.groups = groups
        self.compat = compat

    def fit(self, G: StyleWeights) -> SeFa:
        """Factorise the affines of a generator (or, for one with z alone, its first layer).

        Raises:
            ValueError: a wrong layer string, more directions than dimensions, parameters that
                contradict one another, or nothing to factorise.
        """
        variant = self._variant()
        if "w_plus" not in G.spaces:
            if self.layers != "all" or self.per_layer or self.groups is not None:
                raise ValueError(
                    f'{self!r}: this generator has no layers to choose; use layers="all"'
                )
            if self.compat in ("rosinality", "e4e"):
                raise ValueError(
                    f'SeFa(compat="{self.compat}"): it is defined for style weights, and this '
                    "generator has z alone; leave out compat="
                )
            return self._solve(G, variant, [(None, None, "sefa")], "z")
        return self._solve(G, variant, self._sets(variant, G.num_ws), "w_plus")

    def _variant(self) -> Variant:
        """The definition that the parameters ask for, or what contradicts what."""
        if self.compat not in VARIANTS:
            raise ValueError(
                f'SeFa: compat must be None, "sefa", "rosinality" or "e4e", got {self.compat!r}'
            )
        variant = VARIANTS[self.compat]
        for name in ("normalize", "to_rgb"):
            wanted, published = getattr(self, name), getattr(variant, name)
            if self.compat is None and wanted is not None:
                variant = replace(variant, **{name: wanted})
            elif wanted not in (None, published):
                raise ValueError(
                    f'SeFa(compat="{self.compat}", {name}={wanted!r}): that program has '
                    f"{name}={published!r}; leave out one of the two"
                )
        chosen = {"layers": self.layers != "all", "per_layer": self.per_layer}
        chosen["groups"] = self.groups is not None
        given = [name for name, said in chosen.items() if said]
        if variant.whole and given:
            raise ValueError(
                f'SeFa(compat="{self.compat}"): that program factorises the whole network; leave '
                f"out {given[0]}"
            )
        if self.groups is not None and len(given) > 1:
            raise ValueError(
                f"SeFa: groups say which layers belong together, so leave out {given[0]}"
            )
        return variant

    def _sets(self, variant: Variant, num_ws: int) -> list[tuple[Rows, Rows, str]]:
        """Per set of directions: the rows read, the rows moved (None = all), the names' stem."""
        if self.groups is not None:
            listed = isinstance(self.groups, Sequence) and not isinstance(self.groups, str)
            texts = list(self.groups) if listed else []
            if not texts or not all(isinstance(text, str) for text in texts):
                raise ValueError(
                    f'SeFa: groups must be layer strings such as ["0-3", "4-9"], got {self.groups!r}'
                )
            read = [parse_layers(text, num_ws, caller="SeFa.groups") for text in texts]
            stems = [f"layers{format_layers(rows)}_" for rows in read]
            if len(set(read)) < len(read):
                raise ValueError(f"SeFa: groups must differ, got {texts}; leave out the repeated")
        else:
            read, stems = [parse_layers(self.layers, num_ws, caller="SeFa")], ["sefa"]
            if variant.below and self.layers == "all":
                read = [read[0][: -variant.below]]  # the last slot has no convolution
            if self.per_layer:
                read, stems = [(row,) for row in read[0]], [f"layer{row}_" for row in read[0]]
        sets: list[tuple[Rows, Rows, str]] = []
        for rows, stem in zip(read, stems, strict=True):
            moved = tuple(row - variant.below for row in rows if row >= variant.below)
            if not moved:
                raise ValueError(
                    f'SeFa(compat="{self.compat}"): that program moves the rows one below, and layers '
                    f'"{format_layers(rows)}" have none; choose higher layers'
                )
            sets.append((rows, None if moved == tuple(range(num_ws)) else moved, stem))
        return sets

    def _solve(
        self, G: StyleWeights, variant: Variant, sets: list[tuple[Rows, Rows, str]], space: str
    ) -> SeFa:
        solved = [self._eigen(G, variant, read) for read, _, _ in sets]
        size = solved[0][1].shape[0]
        if type(self.k) is not int or not 1 <= self.k <= size:
            raise ValueError(f"SeFa(k={self.k}): k must be 1 to {size}, the size of {space}")
        weight_source: dict[str, object] = {
            "weights": "first layer" if space == "z" else "affine",
            "to_rgb": variant.to_rgb,
            "normalize": "columns" if variant.normalize else "none",
            "order": "descending" if variant.sorted else "general eigensolver",
        }
        if variant.below:
            weight_source["rows_read"] = [format_layers(read) for read, _, _ in sets if read]
        vectors = torch.cat([anchor_signs(v[: self.k]) for _, v in solved])
        values = torch.stack([v for v, _ in solved])
        self.eigenvalues_ = values if self.per_layer or self.groups is not None else values[0]
        self.directions_ = Directions(
            vectors.float(),
            space=space,
            names=[f"{stem}{k}" for _, _, stem in sets for k in range(self.k)],
            layers=[moved for _, moved, _ in sets for _ in range(self.k)],
            when=variant.when,
            scores=values[:, : self.k].flatten().float(),
            score_name="eigenvalue",
            weight_source=weight_source,
            sign=SIGN,
            model_id=G.model_id,
            resolution=G.resolution,
            provenance=self._provenance(),
        )
        return self

    def _eigen(self, G: StyleWeights, variant: Variant, group: Rows) -> tuple[Tensor, Tensor]:
        weights = G.style_weights(group, to_rgb=variant.to_rgb)
        if not weights:
            said = "" if group is None else f' for layers "{format_layers(group)}"'
            raise ValueError(
                f'SeFa(to_rgb="{variant.to_rgb}"): no style weights{said}; include more layers or '
                'to_rgb="last"'
            )
        return eigen_directions(weights, normalize=variant.normalize, descending=variant.sorted)
