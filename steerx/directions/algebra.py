"""Projections and cosines of direction sets in float64, plain or in the metric of a covariance."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from . import reading

if TYPE_CHECKING:
    from .directions import Directions

Metric = Literal["plain", "covariance"]

RANK_CUT = 1e-6
SPAN_CUT = 1e-4


def orthogonal(subject: Directions, others: Sequence[Directions], metric: Metric) -> Directions:
    """See `Directions.orthogonal_to`."""
    what = "orthogonal_to"
    for other in others:
        _same_space(what, subject, other)
    root = _root(what, subject, metric)
    sets = [subject.vectors, *(other.vectors for other in others)]
    if any(v.dim() == 3 for v in sets) and subject.space == "w":
        raise ValueError(
            f'{what}: the conditions are per layer, so the directions must be of space "w_plus", '
            'got "w"'
        )
    p, *c = _per_layer_alike(what, sets)  # [K,(L,)D]
    conditions = torch.cat(c)
    if p.dim() == 2:
        rest, ranks = _reject(p, conditions, root)
        counts = [len(conditions)]
    else:
        parts = [_reject(p[:, row], conditions[:, row], root) for row in range(p.shape[1])]
        rest = torch.stack([part[0] for part in parts], dim=1)
        ranks = [rank for part in parts for rank in part[1]]
        counts = (conditions != 0).any(dim=-1).sum(dim=0).tolist()
    before, after = torch.linalg.vector_norm(p, dim=-1), torch.linalg.vector_norm(rest, dim=-1)
    lost = ((after < SPAN_CUT * before) & (before > 0)).reshape(len(p), -1).any(dim=1)
    if bool(lost.any()):
        gone = ", ".join(subject.names[int(k)] for k in lost.nonzero().flatten())
        raise ValueError(
            f"{what}: {gone} lies in the span of the {len(conditions)} conditions, nothing would "
            "be left; leave out the condition that is the same attribute"
        )
    if any(rank < count for rank, count in zip(ranks, counts, strict=True)):
        _say_dependent([name for other in others for name in other.names], conditions, root, ranks)
    note = {
        "conditions": [name for other in others for name in other.names],
        "metric": metric,
        "rank": ranks[0] if len(set(ranks)) == 1 else ranks,
    }
    # Rows per layer keep their lengths beside one another.
    unit = rest * (before / after.where(after > 0, 1.0))[..., None]
    return _remade(what, subject, unit, note, left=_left(before, after))


def orthonormal(subject: Directions, metric: Metric) -> Directions:
    """See `Directions.orthonormal`."""
    what = "orthonormal"
    root = _root(what, subject, metric)
    p = subject.vectors.double()
    rows = p[:, None] if p.dim() == 2 else p  # [K,L,D]
    before = torch.linalg.vector_norm(rows, dim=-1)
    rest = torch.stack([_gram_schmidt(rows[:, row], root) for row in range(rows.shape[1])], dim=1)
    after = torch.linalg.vector_norm(rest, dim=-1)
    lost = ((after < SPAN_CUT * before) & (before > 0)).any(dim=1)
    if bool(lost.any()):
        gone = ", ".join(subject.names[int(k)] for k in lost.nonzero().flatten())
        raise ValueError(
            f"{what}: {gone} lies in the span of the directions before it, nothing would be left; "
            "leave it out"
        )
    unit = rest * (before / after.where(after > 0, 1.0))[..., None]
    note = {"conditions": ["the directions before"], "metric": metric}
    return _remade(what, subject, unit.reshape(p.shape), note, left=_left(before, after))


def _gram_schmidt(p: Tensor, root: Tensor | None) -> Tensor:
    """Every row of p [K,D] minus its part in the span of the rows before it."""
    rest: list[Tensor] = []
    basis: list[Tensor] = []
    seen_basis: list[Tensor] = []
    for one in p:
        for _ in range(2):  # the second pass removes what rounding left of the first
            if basis:
                seen = one if root is None else one @ root
                one = one - (torch.stack(seen_basis) @ seen) @ torch.stack(basis)
        rest.append(one)
        seen = one if root is None else one @ root
        length = torch.linalg.vector_norm(seen)
        if bool(length > 0):
            basis.append(one / length)
            seen_basis.append(seen / length)
    return torch.stack(rest)


def _say_dependent(
    names: list[str], conditions: Tensor, root: Tensor | None, ranks: list[int]
) -> None:
    """Warn that conditions depend on one another, and name those that those before them span."""
    rows = conditions[:, None] if conditions.dim() == 2 else conditions
    spare = set()
    for row in range(rows.shape[1]):
        given = rows[:, row]
        left = torch.linalg.vector_norm(_gram_schmidt(given, root), dim=-1)
        length = torch.linalg.vector_norm(given, dim=-1)
        few = (left < 10 * RANK_CUT * length).nonzero().flatten()
        spare |= {int(k) for k in few}
    remedy = ", ".join(names[k] for k in sorted(spare)) or "one of them"
    warnings.warn(
        f"orthogonal_to: the {len(names)} conditions depend on one another (rank {min(ranks)} at a "
        f"cut of {RANK_CUT:g}); the result is orthogonal to what they span; leaving out {remedy} "
        "gives the same",
        stacklevel=4,
    )


def _left(before: Tensor, after: Tensor) -> Tensor:
    """Share [K] of each step that is left, of lengths [K] or [K, L]."""
    whole, rest = (lengths.reshape(len(lengths), -1).norm(dim=1) for lengths in (before, after))
    share: Tensor = rest / whole
    return share


def _remade(
    what: str, subject: Directions, unit: Tensor, note: dict[str, Any], *, left: Tensor
) -> Directions:
    """The set with other vectors: what belonged to the old ones is dropped or computed anew."""
    changed: dict[str, Any] = {}
    if subject.unit == "raw" and bool((subject.scale != 1).any()):
        # A whole way, as `between` and `combined` make it: alpha = 1 goes what is left of it.
        changed["scale"] = subject.scale * left.to(subject.scale)
    if subject.unit == "sigma" and subject.covariance is not None:
        changed["scale"] = reading.sigma(subject, unit, subject.covariance).to(subject.scale)
    elif subject.unit == "sigma":
        warnings.warn(
            f"{what}: without a covariance the sigma of the new vectors is not known, so alpha is a "
            "plain length now; .in_sigma(covariance) makes it sigma again",
            stacklevel=4,
        )
        changed.update(scale=torch.ones_like(subject.scale), unit="raw")
    if subject.origin == "boundary":
        warnings.warn(
            f"{what}: the boundaries of the old vectors are not those of the new ones, so alpha is a "
            "distance through the origin now; mine the new ones to measure from a boundary",
            stacklevel=4,
        )
        changed["origin"] = "zero"
    earlier = subject.provenance.get(what, [])
    return replace(
        subject,
        vectors=unit.to(subject.vectors),
        scores=None,
        score_name=None,
        intercepts=None,
        provenance={**subject.provenance, what: [*earlier, note]},
        **changed,
    )


def cosines(a: Directions, b: Directions, metric: Metric) -> Tensor:
    """See `Directions.cosines`."""
    _same_space("cosines", a, b)
    root = _root("cosines", a, metric)
    first, second = (
        (v if root is None else v @ root).flatten(1)
        for v in _per_layer_alike("cosines", [a.vectors, b.vectors])
    )
    lengths = [torch.linalg.vector_norm(v, dim=1, keepdim=True) for v in (first, second)]
    if not all(bool((length > 0).all()) for length in lengths):
        raise ValueError(
            "cosines: the codes do not vary along a direction, so it reads nothing; use "
            'metric="plain", or a covariance of codes that vary along all of them'
        )
    first, second = first / lengths[0], second / lengths[1]
    product: Tensor = first @ second.T
    return product


def _reject(p: Tensor, c: Tensor, root: Tensor | None) -> tuple[Tensor, list[int]]:
    """p [K,D] minus its part in the span of c [M,D], in the metric root rootᵀ; and the rank."""
    seen, seen_p = (c, p) if root is None else (c @ root, p @ root)
    lengths = torch.linalg.vector_norm(seen, dim=1, keepdim=True)
    safe = lengths.where(lengths > 0, 1.0)
    c, seen = c / safe, seen / safe
    u, s, vh = torch.linalg.svd(seen, full_matrices=False)
    rank = int((s > RANK_CUT * s[0]).sum()) if bool(s[0] > 0) else 0
    basis = (u[:, :rank] / s[:rank]).T @ c  # [rank,D], orthonormal in the metric
    for _ in range(2):  # the second pass removes what rounding left of the first
        p = p - (seen_p @ vh[:rank].T) @ basis
        seen_p = p if root is None else p @ root
    return p, [rank]


def _root(what: str, subject: Directions, metric: Metric) -> Tensor | None:
    """R [D,D] with R Rᵀ = covariance, or None for the plain metric."""
    if metric == "plain":
        return None
    if metric != "covariance":
        raise ValueError(f'{what}: metric must be "plain" or "covariance", got {metric!r}')
    if subject.covariance is None:
        raise ValueError(
            f'{what}: metric="covariance" needs the covariance of the codes, and {subject!r} has '
            "none; .in_sigma(covariance) gives it one, or call it on a set that was mined from codes"
        )
    values, columns = torch.linalg.eigh(subject.covariance.double())
    root: Tensor = columns * values.clamp_min(0).sqrt()
    return root


def _same_space(what: str, a: Directions, b: Directions) -> None:
    alike = {"w", "w_plus"}
    if a.space != b.space and not {a.space, b.space} <= alike:
        raise ValueError(
            f'{what}: both sets must be of one space, got "{a.space}" and "{b.space}"; mine one of '
            "them again"
        )
    if a.vectors.shape[-1] != b.vectors.shape[-1] or a.style_sizes != b.style_sizes:
        raise ValueError(
            f"{what}: both sets must have vectors of one size, got {list(a.vectors.shape)} and "
            f"{list(b.vectors.shape)}"
        )


def _per_layer_alike(what: str, sets: list[Tensor]) -> list[Tensor]:
    """All vectors in float64 on one device, and all per layer [K,L,D] as soon as one set is."""
    counts = {v.shape[1] for v in sets if v.dim() == 3}
    if len(counts) > 1:
        raise ValueError(
            f"{what}: the sets have vectors for different numbers of layers: {sorted(counts)}"
        )
    sets = [v.to(device=sets[0].device, dtype=torch.float64) for v in sets]
    if not counts:
        return sets
    rows = counts.pop()
    return [v if v.dim() == 3 else v[:, None].expand(-1, rows, -1) for v in sets]
