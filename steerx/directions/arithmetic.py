"""One direction from several, and from two sets of codes."""

from __future__ import annotations

from collections.abc import Sequence
from reprlib import repr as brief
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from . import arrays

if TYPE_CHECKING:
    from .belonging import Target
    from .directions import Codes, Directions

ALL_GONE = 1e-6


def combination(
    d: Directions, alphas: Sequence[float] | Tensor, name: str, num_ws: int | None
) -> dict[str, Any]:
    """The fields that `Directions.combined` changes."""
    what = "Directions.combined"
    if d.motion != "relative":
        raise ValueError(
            f'{what}: motion "{d.motion}" moves to a place and has no sum; use steerx.edit with an '
            "alpha each, one direction after the other"
        )
    try:
        weights = torch.as_tensor(alphas, dtype=torch.float64).to(d.vectors.device)
        fits = weights.shape == (len(d),) and bool(weights.isfinite().all())
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            f"{what}: alphas must be K = {len(d)} finite numbers, one per direction, got "
            f"{brief(alphas)}"
        )
    steps = d.vectors.double() * _beside(weights * d.scale.double(), d.vectors)
    layers = d.layers[0]
    if any(rows != layers for rows in d.layers) or (steps.dim() == 3 and layers is not None):
        steps, layers = _spread(d, steps, num_ws), None
    total = steps.sum(dim=0)
    size = float(torch.linalg.vector_norm(steps, dim=-1).amax())
    vector, length = _unit(total)
    if not length > ALL_GONE * size:
        raise ValueError(f"{what}: the steps cancel, so nothing is left to move; use other alphas")
    return {
        "vectors": vector.to(d.vectors)[None],
        "space": "w_plus" if vector.dim() == 2 else d.space,
        "scale": torch.tensor([length], dtype=torch.float64),
        "names": (name,),
        "layers": (layers,),
        "unit": "raw",
        "scores": None,
        "score_name": None,
        "intercepts": None,
        "sign": None,
        "provenance": {
            "combined": {"names": list(d.names), "alphas": weights.tolist()},
            "of": d.provenance,
        },
    }


def between(
    a: Codes,
    b: Codes,
    space: str,
    name: str,
    G: Target | None,
) -> dict[str, Any]:
    """The fields of `Directions.between`."""
    what = "Directions.between"
    if space not in ("z", "w", "w_plus", "styles"):
        raise ValueError(f'{what}: space must be "z", "w", "w_plus" or "styles", got {space!r}')
    sizes: tuple[int, ...] | None = None
    means, counts = [], []
    for said, codes in (("a", a), ("b", b)):
        parts = arrays.parts(f"{what}: {said}", codes)
        rank = 3 if space == "w_plus" else 2
        whole = isinstance(codes, (list, tuple)) == (space == "styles")
        if not whole or 0 in parts[0].shape or any(p.dim() != rank for p in parts):
            wanted = {"w_plus": "[N, L, D]", "styles": "a list of [N, C_l]"}.get(space, "[N, D]")
            raise ValueError(
                f"{what}: codes {said} of space {space} must be {wanted}, got "
                f"{', '.join(str(list(p.shape)) for p in parts)}"
            )
        if space == "styles":
            sizes = tuple(p.shape[1] for p in parts)
        counts.append(len(parts[0]))
        dtype = parts[0].dtype
        means.append(torch.cat([p.double().mean(dim=0) for p in parts], dim=-1))
    if means[0].shape != means[1].shape:
        raise ValueError(
            f"{what}: codes a and b must be of one shape but for N, got means "
            f"{list(means[0].shape)} and {list(means[1].shape)}"
        )
    step = means[1].to(means[0]) - means[0]
    if not bool(step.isfinite().all()):
        raise ValueError(f"{what}: codes must be finite, got NaN or infinity")
    vector, length = _unit(step)
    if not length > ALL_GONE * float(means[0].abs().amax()):
        raise ValueError(f"{what}: a and b have the same mean, so there is no way between them")
    return {
        "vectors": vector.to(dtype)[None],
        "scale": torch.tensor([length], dtype=torch.float64),
        "space": space,
        "names": (name,),
        "when": "before_truncation" if space in ("z", "w") else "after_truncation",
        "kind": "pattern",
        "style_sizes": sizes,
        "model_id": None if G is None else G.model_id,
        "resolution": None if G is None else G.resolution,
        "provenance": {"method": "between", "n": counts},
    }


def _unit(step: Tensor) -> tuple[Tensor, float]:
    """A step [D] or [L, D] as a vector whose longest row is unit, and that row's length."""
    length = float(torch.linalg.vector_norm(step, dim=-1).amax())
    return step / (length or 1.0), length


def _beside(weights: Tensor, vectors: Tensor) -> Tensor:
    """[K] with the trailing axes of the vectors."""
    shaped: Tensor = weights[(..., *[None] * (vectors.dim() - 1))]
    return shaped


def _spread(d: Directions, steps: Tensor, num_ws: int | None) -> Tensor:
    """Steps [K, L, D] of directions that move different layers, 0 where one stays."""
    known = steps.shape[1] if steps.dim() == 3 else num_ws
    least = 1 + max(rows[-1] for rows in d.layers if rows is not None)
    if type(known) is not int or known < least:
        raise ValueError(
            f"Directions.combined: the directions move different layers, so num_ws must say how many "
            f"rows there are, at least {least}, got {known}; use num_ws=G.num_ws"
        )
    if steps.dim() == 2:
        steps = steps[:, None].expand(-1, known, -1)
    mask = steps.new_zeros(len(d), known)
    for k, rows in enumerate(d.layers):
        mask[k, slice(None) if rows is None else list(rows)] = 1
    return steps * mask[:, :, None]
