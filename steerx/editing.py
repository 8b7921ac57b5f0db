"""Edits: codes moved along directions. Codes in, codes out; nothing is rendered here.

An edit of one direction is a path ``code(alpha)``, and `move` is the one place that walks it. Relative
edits in w, w_plus and styles are straight lines in style space (`is_line`) and take the fast way
(`style_steps`: N + K rows of styles serve every alpha); edits in z, absolute distances and whatever else is
no line take the general way (`edited`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from ._shapes import shape
from .directions import Directions, DirectionsLike, as_directions
from .generators import Generator, Start
from .generators.generator import Codes, check_truncation
from .generators.start import STAGES


def edit(
    codes: Codes,
    directions: DirectionsLike | Sequence[DirectionsLike],
    *,
    alpha: float | Sequence[float] | Tensor,
    psi: float = 1.0,
    cutoff: int | None = None,
    G: Generator | None = None,
    any_checkpoint: bool = False,
) -> Codes:
    """Codes moved along one or several directions at once, each by its alpha.

    Relative: x + sum_k alpha_k scale_k v_k on the layers of each direction. Absolute (InterFaceGAN's
    rule for z and w): x + (alpha scale - x.v) v, one direction after the other; with origin "boundary"
    x + (alpha scale - x.v - intercept) v, so that `Directions.distances` becomes alpha scale. *sample-exact*: a row
    of the result depends on its own row alone.

    Args:
        codes: z [N, Z], w [N, D], w_plus [N, L, D], or styles (a list of [N, C_l]); w_plus and styles as
            they are rendered, that is after truncation. Codes [N, D] do not say whether they are z or
            w: they are taken to be in the directions' own space.
        directions: a `Directions`, a fitted estimator or a path; or a sequence of these.
        alpha: in units of each direction's scale: one number for all, or one per direction (all K of
            all sets, in order), or [N, K].
        psi, cutoff: the truncation that w_plus codes went through: a direction that acts before
            truncation moves them by psi times its step there. Not used for other codes.
        G: network of the codes; directions that were mined on another one are refused.
        any_checkpoint: take directions of another checkpoint (never of another resolution).

    Returns:
        Edited codes, of the same kind and shape.

    Raises:
        ValueError: spaces or sizes that do not fit, directions of another network, or an alpha that is
            not finite.

    Source: Shen et al. 2020 (InterFaceGAN), section 3.1; Härkönen et al. 2020 (GANSpace), section 2.2.

    Example:
        >>> w_plus = G.codes(seeds="0-3")
        >>> older = steerx.edit(w_plus, "age.safetensors", alpha=2.0)
    """
    sets = [as_directions(d) for d in several(directions)]
    if G is not None:
        for one in sets:
            one.check_generator(G, any_checkpoint=any_checkpoint)
    parts = codes if isinstance(codes, list) else [codes]
    if not parts or not all(isinstance(c, Tensor) and c.is_floating_point() for c in parts):
        came = ", ".join(str(getattr(c, "dtype", type(c).__name__)) for c in parts[:3])
        raise ValueError(
            "edit: codes must be a floating-point tensor, or a list of them for styles, got "
            f"{came or 'an empty list'}"
        )
    slots = codes.shape[1] if isinstance(codes, Tensor) and codes.dim() == 3 else cutoff or 0
    check_truncation(psi, cutoff, slots)
    spaces = sorted({one.space for one in sets})
    if isinstance(codes, Tensor) and codes.dim() == 2 and len(spaces) > 1:
        raise ValueError(
            f"edit: codes {list(codes.shape)} are in one space, the directions in {', '.join(spaces)}; "
            "edit in one space after the other"
        )
    batch = codes[0].shape[0] if isinstance(codes, list) else codes.shape[0]
    alphas = _alphas(alpha, batch, sum(len(d) for d in sets))
    column = 0
    for one in sets:
        for k in range(len(one)):
            codes = move(codes, one, k, alphas[:, column], psi=psi, cutoff=cutoff)
            column += 1
    return codes


def several(directions: DirectionsLike | Sequence[DirectionsLike]) -> Sequence[DirectionsLike]:
    """One directions-like thing, or a list or tuple of them, as a sequence."""
    if isinstance(directions, (list, tuple)):
        return directions
    return [cast("DirectionsLike", directions)]


def move(
    codes: Codes,
    directions: Directions,
    k: int,
    alphas: Tensor,
    *,
    psi: float = 1.0,
    cutoff: int | None = None,
) -> Codes:
    """Codes moved along direction k, sample n by alphas[n]. See `edit`."""
    space = directions.space
    step = directions.scale[k].to(alphas) * alphas  # [N], latent units
    vector = directions.vectors[k]
    if isinstance(codes, list):
        if space != "styles":
            raise ValueError(
                f"edit: a direction in {space!r} does not move styles; give codes of its space"
            )
        assert directions.style_sizes is not None
        parts = vector.split(list(directions.style_sizes))
        if [c.shape[1] for c in codes] != list(directions.style_sizes):
            raise ValueError(
                f"edit: styles have {[c.shape[1] for c in codes]} channels, the direction "
                f"{list(directions.style_sizes)}; it belongs to another network"
            )
        return [c + step[:, None].to(c) * v.to(c) for c, v in zip(codes, parts, strict=True)]
    step, vector = step.to(codes), vector.to(codes)
    if codes.dim() == 2:
        return _move_flat(codes, directions, k, step, vector)
    if space not in ("w", "w_plus"):
        raise ValueError(f"edit: a direction in {space!r} does not move w_plus [N, L, D]")
    if directions.motion == "absolute":
        raise ValueError(
            'edit: motion "absolute" is a distance in z or w before truncation, on all layers; '
            'start from seeds or w [N, D], or make the motion "relative"'
        )
    slots = codes.shape[1]
    shape("edit: w_plus", codes, "N L D", D=vector.shape[-1])
    if vector.dim() == 2:
        shape("edit: direction", vector, "L D", L=slots)
    mask = layer_mask(directions, k, slots).to(codes)
    if directions.when == "before_truncation" and psi != 1:
        mask[:cutoff] *= psi
    return codes + step[:, None, None] * mask[:, None] * vector


def _move_flat(
    codes: Tensor, directions: Directions, k: int, step: Tensor, vector: Tensor
) -> Tensor:
    """z [N, Z] or w [N, D], which have no layers."""
    if directions.space not in ("z", "w", "w_plus") or vector.dim() != 1:
        raise ValueError(
            f"edit: a direction in {directions.space!r} with vectors "
            f"{list(directions.vectors.shape)} does not move codes {list(codes.shape)}; give w_plus"
        )
    if directions.layers[k] is not None:
        raise ValueError(
            f"edit: direction {directions.names[k]!r} moves some layers only, and codes "
            f"{list(codes.shape)} have none; give w_plus [N, L, D]"
        )
    if directions.space != "z" and directions.when == "after_truncation":
        raise ValueError(
            f"edit: direction {directions.names[k]!r} acts after truncation, and codes "
            f"{list(codes.shape)} are before it; give w_plus [N, L, D]"
        )
    shape("edit: codes", codes, "N D", D=vector.shape[0])
    if directions.motion == "absolute":
        step = step - codes @ vector
        if directions.origin == "boundary":
            assert directions.intercepts is not None
            step = step - directions.intercepts[k].to(codes)
    return codes + step[:, None] * vector


def layer_mask(directions: Directions, k: int, num_ws: int) -> Tensor:
    """1 on the w slots that direction k moves [L], 0 elsewhere.

    Raises:
        ValueError: a layer that this generator does not have.
    """
    layers = directions.layers[k]
    mask = torch.zeros(num_ws)
    if layers is None:
        return mask + 1
    if layers[-1] >= num_ws:
        raise ValueError(
            f"edit: direction {directions.names[k]!r} moves layer {layers[-1]}, this generator has "
            f"w slots 0-{num_ws - 1}"
        )
    mask[list(layers)] = 1
    return mask


def is_line(directions: Directions) -> bool:
    """Whether edits are straight lines in style space: relative, in w, w_plus or styles."""
    return directions.motion == "relative" and directions.space in ("w", "w_plus", "styles")


def style_steps(
    G: Generator, directions: Directions, *, psi: float = 1.0, cutoff: int | None = None
) -> Tensor:
    """What alpha = 1 of each direction adds to packed styles [K, S]; the fast way of an edit.

    Affines are linear, styles(w + a d) = styles(w) + a A d, so N + K rows of styles serve a whole sweep.

    Args:
        G: the generator.
        directions: a set of which `is_line` holds.
        psi, cutoff: truncation, which shrinks the steps of directions that act before it.
    """
    vectors = directions.vectors.to(G.device)
    scale = directions.scale.to(vectors)
    if directions.space == "styles":
        return scale[:, None] * vectors
    if vectors.dim() == 2:
        vectors = vectors[:, None].expand(-1, G.num_ws, -1)
    masks = [layer_mask(directions, k, G.num_ws) for k in range(len(directions))]
    weight = scale[:, None] * torch.stack(masks).to(vectors)  # [K, L]
    if directions.when == "before_truncation":
        weight = weight * G.truncation_scale(psi=psi, cutoff=cutoff).to(vectors)
    dtype = next(G.parameters()).dtype
    return G.pack(G.style_steps((weight[:, :, None] * vectors).to(dtype)))


def edited(start: Start, G: Generator, directions: Directions, k: int, alphas: Tensor) -> Codes:
    """What enters the renderer for row n moved along direction k by alphas[n]; the general way.

    Raises:
        ValueError: a direction whose space these codes do not reach.
    """
    here = reach(start, G, directions)
    codes = move(here.codes, directions, k, alphas, psi=here.psi, cutoff=here.cutoff)
    return replace(here, codes=codes).rendered(G)


def along(start: Start, G: Generator, moves: Sequence[tuple[Directions, float | Tensor]]) -> Start:
    """Codes after several edits, each direction (of one) by its alpha, at the furthest space they reach.

    Edits follow each other as their spaces do, since codes go from z towards styles only; within a space the
    order is that of the moves. An alpha is one number, or one per code [N]; codes with NaN are not moved,
    which for an absolute motion is something else than 0.

    Raises:
        ValueError: a direction whose space these codes do not reach.
    """
    first = start.rows(slice(0, 1))
    stages = [STAGES.index(reach(first, G, one).space) for one, _ in moves]
    for place in sorted(range(len(moves)), key=stages.__getitem__):
        one, alpha = moves[place]
        start = reach(start, G, one)
        alphas = torch.as_tensor(alpha, dtype=torch.float64, device=G.device).expand(len(start))
        codes = move(start.codes, one.to(G.device), 0, alphas, psi=start.psi, cutoff=start.cutoff)
        start = replace(start, codes=_where(alphas.isnan(), start.codes, codes))
    while G.has_styles() and start.space in ("z", "w"):
        start = start.onward(G)
    return start


def _where(rows: Tensor, these: Codes, others: Codes) -> Codes:
    """These codes in some rows [N], others elsewhere."""
    if isinstance(these, list):
        return [torch.where(rows[:, None], a, b) for a, b in zip(these, others, strict=True)]
    assert isinstance(others, Tensor)
    return torch.where(rows.view(-1, *[1] * (these.dim() - 1)), these, others)


def reach(start: Start, G: Generator, directions: Directions) -> Start:
    """These codes in the space where a direction acts."""
    stage = directions.space
    shared = directions.vectors.dim() == 2 and not any(directions.layers)
    if stage == "w" and not (shared and directions.when == "before_truncation"):
        stage = "w_plus"
    if stage == "w" and start.space == "w_plus":
        stage = "w_plus"  # a step in w is the same step on every w slot
    order: tuple[str, ...] = STAGES
    if stage not in order or order.index(stage) < order.index(start.space):
        raise ValueError(
            f"edit: a direction in {directions.space} needs codes in {directions.space}, and "
            f"these are {start.space}; give seeds, or codes of that space"
        )
    while start.space != stage:
        start = start.onward(G)
    return start


def _alphas(alpha: float | Sequence[float] | Tensor, batch: int, count: int) -> Tensor:
    """[N, K] of one number, one per direction, or all of them."""
    alphas = torch.as_tensor(alpha, dtype=torch.float64)
    if alphas.dim() == 0:
        alphas = alphas.expand(count)
    if alphas.dim() == 1:
        shape("edit: alpha", alphas, "K", K=count)
        alphas = alphas.expand(batch, count)
    shape("edit: alpha", alphas, "N K", N=batch, K=count)
    if not alphas.isfinite().all():
        raise ValueError("edit: alpha must be finite numbers, got NaN or infinity")
    return alphas
