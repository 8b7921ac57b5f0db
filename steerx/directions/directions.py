"""`Directions`: unit vectors of a latent space, with all that is needed to apply them honestly."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor

from . import algebra, arithmetic, belonging, checks, joining, reading

Unit: TypeAlias = Literal["raw", "sigma"]
Motion: TypeAlias = Literal["relative", "absolute"]
Origin: TypeAlias = Literal["zero", "boundary"]
When: TypeAlias = Literal["before_truncation", "after_truncation"]
Kind: TypeAlias = Literal["filter", "pattern"]
Codes: TypeAlias = Tensor | NDArray[Any] | Sequence[Tensor]
LayersLike: TypeAlias = Sequence[int] | Sequence[Sequence[int] | None] | None

PER_DIRECTION = ("vectors", "names", "layers", "scale", "scores", "intercepts")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Directions:
    """K unit vectors of one latent space; alpha moves a code by `alpha * scale * vector`.

    Attributes:
        vectors: [K, D] for "z", "w", "act:<layer>" and a "w_plus" vector that all layers share; [K,
            L, D] for "w_plus" with a vector per layer (the longest row of unit length, zero where a
            layer stays); [K, S] for "styles", the style rows one after the other, to_rgb rows
            included. Unit L2 length.
        space: "z", "w", "w_plus", "styles" or "act:<layer>".
        names: K different names.
        layers: per direction the rows of w_plus that it moves, or None for all of them.
        scale: [K], length of alpha = 1 in latent units.
        unit: "raw" (alpha counts lengths `scale`, most often 1) or "sigma" (standard deviations).
        motion: "relative" (code + alpha * scale * vector) or "absolute" (the projection becomes
            that value).
        origin: of absolute motion: "zero" (the published rule) or "boundary" (intercepts count).
        when: whether the step is added "before_truncation" (truncation then shrinks it) or
            "after_truncation".
        kind: "filter" (reads an attribute) or "pattern" (what moves with it on average).
        label: class under which the directions were mined, or None.
        scores: [K], sorting value of the method, or None.
        score_name: what `scores` are.
        intercepts: [K] ([K, L] per layer): the boundary is vector . code + intercept = 0; or None.
        mean: [D] mean of the codes seen, or None.
        covariance: [D, D] of the codes seen, or None; needed by metric="covariance".
        style_sizes: channels of each style row (space "styles" only); they sum to S.
        weight_source: of a method that reads weights: which, normalised how, in which order; or
            None.
        sign: the convention that fixed the signs, or None.
        model_id: `Generator.model_id` of the network, or None where unknown.
        resolution: pixels of that network, or None where unknown.
        truncation: (psi, cutoff) of the codes at discovery, or None where it does not apply or is
            unknown.
        provenance: JSON-able facts for people: method, its parameters, what was done since.
    """

    vectors: Tensor
    space: str
    names: tuple[str, ...]
    layers: tuple[tuple[int, ...] | None, ...]
    scale: Tensor
    unit: Unit
    motion: Motion
    origin: Origin
    when: When
    kind: Kind
    label: int | None
    scores: Tensor | None
    score_name: str | None
    intercepts: Tensor | None
    mean: Tensor | None
    covariance: Tensor | None
    style_sizes: tuple[int, ...] | None
    weight_source: dict[str, Any] | None
    sign: str | None
    model_id: str | None
    resolution: int | None
    truncation: tuple[float, int | None] | None
    provenance: dict[str, Any]

    def __init__(
        self,
        vectors: Tensor,
        *,
        space: str,
        names: Sequence[str] | None = None,
        layers: LayersLike = None,
        scale: Tensor | None = None,
        unit: Unit = "raw",
        motion: Motion = "relative",
        origin: Origin = "zero",
        when: When = "before_truncation",
        kind: Kind = "filter",
        label: int | None = None,
        scores: Tensor | None = None,
        score_name: str | None = None,
        intercepts: Tensor | None = None,
        mean: Tensor | None = None,
        covariance: Tensor | None = None,
        style_sizes: Sequence[int] | None = None,
        weight_source: Mapping[str, Any] | None = None,
        sign: str | None = None,
        model_id: str | None = None,
        resolution: int | None = None,
        truncation: tuple[float, int | None] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        """Check and store; `layers` are rows for all directions, or one entry per direction.

        Raises:
            ValueError: a field that contradicts another, named with what was expected.
            TypeError: vectors are not a floating-point tensor.
        """
        count = checks.vectors(vectors, space)
        checks.unit_length(vectors)
        for name, said in (("score_name", score_name), ("sign", sign), ("model_id", model_id)):
            checks.text(name, said)
        checks.whole("label", label, least=0)
        checks.whole("resolution", resolution, least=1)
        values: dict[str, Any] = {
            "vectors": vectors,
            "space": space,
            "names": checks.names(names, count),
            "layers": checks.layers(layers, count, space, vectors),
            "scale": checks.scale(torch.ones(count) if scale is None else scale, vectors),
            "unit": checks.choice("unit", unit, ("raw", "sigma")),
            "motion": checks.motion(motion, space),
            "origin": checks.origin(origin, motion, intercepts),
            "when": checks.choice("when", when, ("before_truncation", "after_truncation")),
            "kind": checks.choice("kind", kind, ("filter", "pattern")),
            "label": label,
            "scores": None if scores is None else checks.per_direction("scores", scores, vectors),
            "score_name": score_name,
            "intercepts": None if intercepts is None else checks.intercepts(intercepts, vectors),
            "mean": checks.statistic("mean", mean, vectors, 1),
            "covariance": checks.statistic("covariance", covariance, vectors, 2),
            "style_sizes": checks.style_sizes(style_sizes, space, vectors),
            "weight_source": None if weight_source is None else dict(weight_source),
            "sign": sign,
            "model_id": model_id,
            "resolution": resolution,
            "truncation": checks.truncation(truncation),
            "provenance": dict(provenance or {}),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Directions]:
        return (self[k] for k in range(len(self)))

    def __getitem__(self, key: int | str | slice | Sequence[int | str]) -> Directions:
        """Some of the directions, as `Directions`: by number, name, slice, or a list of these."""
        rows = checks.rows(key, self.names)
        picked: dict[str, Any] = {}
        for name in PER_DIRECTION:
            value = getattr(self, name)
            if isinstance(value, Tensor):
                picked[name] = value[rows]
            elif value is not None:
                picked[name] = tuple(value[k] for k in rows)
        return replace(self, **picked)

    def __neg__(self) -> Directions:
        """The same directions the other way; "smile" becomes "-smile" and back."""
        sign = None
        if self.sign is not None:
            bare = self.sign.removesuffix(", negated")
            sign = bare if bare != self.sign else f"{self.sign}, negated"
        return replace(
            self,
            vectors=-self.vectors,
            intercepts=None if self.intercepts is None else -self.intercepts,
            names=tuple(n[1:] if n.startswith("-") else f"-{n}" for n in self.names),
            sign=sign,
        )

    def __repr__(self) -> str:
        shown = ", ".join(self.names[:3]) + (", ..." if len(self) > 3 else "")
        return (
            f"Directions({len(self)} x {list(self.vectors.shape[1:])} in {self.space}, "
            f"{checks.describe_layers(self.layers)}, {self.unit}, {self.motion}, {self.when}: "
            f"{shown})"
        )

    def rename(self, names: str | Sequence[str] | Mapping[str, str]) -> Directions:
        """Other names: one per direction, or a mapping old -> new for some of them.

        Example:
            >>> D.rename({"sefa0": "pose"})  # doctest: +SKIP
        """
        if isinstance(names, str):
            names = (names,)
        if isinstance(names, Mapping):
            for old in names:
                checks.rows(old, self.names)
            return replace(self, names=tuple(names.get(n, n) for n in self.names))
        return replace(self, names=tuple(names))

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Directions:
        """All tensors on another device or in another floating-point dtype."""
        moved = {
            f.name: getattr(self, f.name).to(device=device, dtype=dtype)
            for f in fields(self)
            if isinstance(getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)

    def concatenate(
        self: Directions | Sequence[Directions], *others: Directions | Sequence[Directions]
    ) -> Directions:
        """One set from several: `a.concatenate(b)`, or `Directions.concatenate([a, b])`.

        Fields of the whole set must agree; provenance becomes the list of theirs.

        Raises:
            ValueError: nothing to concatenate, or a field of the whole set differs (the message
                names it).
        """
        given = ([one] if isinstance(one, Directions) else one for one in (self, *others))
        return joining.concatenated([one for some in given for one in some], PER_DIRECTION)

    def combined(
        self, alphas: Sequence[float] | Tensor, *, name: str = "combined", num_ws: int | None = None
    ) -> Directions:
        """One direction that is these with an alpha each: `edit(x, D, alpha=alphas)` at alpha = 1.

        Exact: scale is the length of the sum; where layers differ it has a vector per layer.

        Args:
            alphas: [K], in units of each direction's scale.
            num_ws: `G.num_ws`, needed where shared vectors move different layers.

        Raises:
            ValueError: absolute motion, no number per direction, or steps that cancel.
        """
        return replace(self, **arithmetic.combination(self, alphas, name, num_ws))

    @staticmethod
    def between(
        a: Codes, b: Codes, *, space: str, name: str = "between", G: belonging.Target | None = None
    ) -> Directions:
        """The direction from the mean of codes a to that of codes b; alpha = 1 goes all the way.

        Args:
            a, b: z or w [N, D], w_plus [N, L, D] or styles (a list of [N, C_l]), N of its own each.
            space: what the codes are; w before truncation, w_plus and styles after it.
            G: network of the codes, for the record and the sizes.

        Raises:
            ValueError: codes that do not fit the space, G or one another, or have the same mean.
        """
        found = Directions(**arithmetic.between(a, b, space, name, G))
        if G is not None:
            found.check_generator(G)
        return found

    def distances(self, codes: Codes) -> Tensor:
        """Signed distances of codes to the boundaries, float64 in latent units (not in `scale`).

        vector . code + intercept; without intercepts of the plane through the origin. All layers
        are read, whichever are moved; a layer without a vector gives NaN.

        Args:
            codes: of this set's space, N of them: [N, D], w_plus [N, L, D], or a list of styles.

        Returns:
            [N, K], or [N, K, L] of w_plus codes.
        """
        return reading.distances(self, codes)

    def orthogonal_to(
        self,
        *others: Directions,
        metric: Literal["plain", "covariance"] = "plain",
        any_checkpoint: bool = False,
    ) -> Directions:
        """These directions without what they share with any number of conditions.

        `p' = p - P p`, normalised, P the orthogonal projector on the span of all conditions; per
        layer where the vectors are per layer. With metric="covariance" the projector is orthogonal
        in the metric of this set's `covariance` S, so that p'ᵀ S c = 0: what p' reads off is
        uncorrelated with what c reads off. "w" and "w_plus" vectors are coordinates of one space
        and may condition each other. Conditions that depend on one another are harmless: the rank is
        cut at 1e-6 in float64, said in a warning and in the provenance. Scores and intercepts
        belonged to the old vectors and are dropped. A sigma scale is computed anew from this set's
        covariance; without one alpha is a plain length (unit "raw"), said in a warning.

        Args:
            others: conditions, each a set of one or more directions. None returns this set.
            metric: "plain" or "covariance".
            any_checkpoint: take conditions of another checkpoint (never of another resolution).

        Returns:
            K directions with the names of this set.

        Raises:
            ValueError: another space or size, no covariance, or a direction lies in the span of the
                conditions.

        Source: Shen et al., "Interpreting the latent space of GANs", section 3.3, for any number of
            conditions.
        """
        if not others:
            return self
        belonging.check_together("orthogonal_to", [self, *others], any_checkpoint)
        return algebra.orthogonal(self, others, metric)

    def orthonormal(self, *, metric: Literal["plain", "covariance"] = "plain") -> Directions:
        """Each direction without what it shares with those before it (Gram-Schmidt), unit length.

        As `orthogonal_to` with the earlier directions as conditions: per layer where the vectors
        are, and with metric="covariance" so that no two read what is correlated.

        Raises:
            ValueError: no covariance, or a direction in the span of those before it.
        """
        return algebra.orthonormal(self, metric)

    def cosines(
        self,
        other: Directions | None = None,
        *,
        metric: Literal["plain", "covariance"] = "plain",
        any_checkpoint: bool = False,
    ) -> Tensor:
        """Cosines [K, K'] in float64 of these directions with others (or with one another).

        With metric="covariance": aᵀSb / sqrt(aᵀSa · bᵀSb), S the `covariance` of this set: for
        codes of covariance S it is the correlation of what two directions read off, where the plain
        cosine is not. Vectors per layer count as one long vector; `layers` are not looked at.
        """
        if other is not None:
            belonging.check_together("cosines", [self, other], any_checkpoint)
        return algebra.cosines(self, self if other is None else other, metric)

    def in_sigma(self, covariance: Tensor | None = None) -> Directions:
        """The same directions with alpha = 1 as one standard deviation of the codes along them.

        scale_k = sqrt(v_kᵀ S v_k), unit "sigma": what GANSpace uses, for any method; of vectors per
        layer the root mean square over the rows that move. The set keeps S as its `covariance`.

        Args:
            covariance: S [D, D] of the codes, such as `GANSpace.covariance_`; None = this set's own.

        Raises:
            ValueError: no covariance, or one of another size.
        """
        spread = self.covariance if covariance is None else covariance
        return replace(self, scale=reading.in_sigma(self, spread), unit="sigma", covariance=spread)

    def check_model(
        self, model_id: str | None, resolution: int, *, any_checkpoint: bool = False
    ) -> None:
        """Refuse to be applied to a network that these directions were not mined in.

        A set that does not know its network (an imported file) passes. `any_checkpoint` allows
        another checkpoint of the same resolution (a fine-tuned one, say).

        Raises:
            ValueError: another resolution; or another checkpoint without `any_checkpoint`.
        """
        belonging.check_model(self, model_id, resolution, any_checkpoint)

    def check_generator(self, G: belonging.Target, *, any_checkpoint: bool = False) -> None:
        """Refuse a generator that these directions were not mined in, or do not fit.

        More than `check_model`: also for a set that does not know its network, and under
        `any_checkpoint`, vectors must be as long as codes of their space and layers must be there.

        Raises:
            ValueError: as `check_model`, or vectors or layers that do not fit.
        """
        belonging.check_model(self, G.model_id, G.resolution, any_checkpoint)
        belonging.check_sizes(self, G)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the set as safetensors, whole or not at all (format: `directions.file`)."""
        from . import file

        file.save(self, path, overwrite=overwrite)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Directions:
        """Read what `save` wrote; nothing in the file is executed."""
        from . import file

        return file.load(path)
