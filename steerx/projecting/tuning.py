"""tune: pivotal tuning, which bends a network's weights until given codes make given pictures."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import functional_call

from .._seeds import normal, subkey
from .._shapes import shape
from ..checkpoints import StyleGAN3Config, model_id
from ..generators import Generator
from ..generators.loading import build
from ..generators.saving import checkpoint_of
from ..generators.styled import StyledGenerator
from .descent import Descent, Named
from .journal import Journal
from .losses import Features, Loss
from .projection import check_pictures, frozen, named, per_batch, spread_of_w

STEPS, RATE, LOCALITY = 350, 3e-4, 0.1  # as published
_DRAW, _STEP = 1, 2  # purposes of the seed


def tune(
    G: Generator,
    pictures: Tensor,
    codes: Tensor,
    *,
    steps: int = STEPS,
    rate: float = RATE,
    locality: float = LOCALITY,
    features: Features | None = None,
    pixels: float = 1.0,
    label: int | None = None,
    seed: int = 0,
    batch: int | None = None,
    journal: str | os.PathLike[str] | None = None,
    watch: Callable[[int, int], object] | None = None,
) -> Generator:
    """A copy of the generator whose pictures of these codes are closer to the given ones.

    The codes stay; Adam moves the synthesis network's weights, each at the rate of the unit scale at which
    published networks store it. Beside each code another one is drawn, a spread of w away towards a random w, where
    the picture is held to what it was.

    Args:
        G: of a family that `load` reads, with a w.
        pictures: [N, 3, H, W] of the generator's size, nominal range [-1, 1].
        codes: w [N, D] or w_plus [N, L, D] of these pictures, as `project` gives them; w is where edits do best.
        steps: for each batch of pictures, which come in turn.
        rate: learning rate.
        locality: weight of what is held; 0 = off.
        features, pixels: what is compared, as in `project`.
        label: class of a conditional network, for the random w.
        seed: of what is drawn.
        batch: pictures at once; None = by resolution.
        journal: file that keeps a run on its way, as in `project`.
        watch: is told (steps made, steps in all) before the first step and after each.

    Returns:
        The tuned generator with a `model_id` of its own; `steerx.generators.save` writes it.

    Raises:
        JournalError: a ValueError: the journal belongs to another run.
        ValueError, TypeError: a generator, pictures or codes that do not fit.
        OSError: the journal cannot be written.

    Source: Roich et al. 2022 (PTI), sections 3.2 and 3.3; their step towards a random w is 30, of FFHQ's w.
    """
    if not isinstance(G, StyledGenerator):
        raise ValueError(
            f"tune: a generator of family {G.family!r} cannot be saved; tune it yourself"
        )
    loss = Loss(features, pixels)
    loss.check("tune")
    if steps < 1 or not rate > 0 or not locality >= 0:
        raise ValueError(
            f"tune: steps, rate and locality must be positive, got {steps}, {rate} and {locality}"
        )
    check_pictures("tune", G, pictures)
    space = G.space_of("tune", codes, "w" if codes.dim() == 2 else "w_plus")
    shape("tune: codes", codes, "N D" if space == "w" else "N L D", N=len(pictures))
    like = next(G.parameters())
    targets, codes = pictures.detach().to(like), codes.detach().to(like)
    if space == "w":
        codes = G.truncate(codes)
    size = min(per_batch("tune", G, batch), len(targets))
    rounds = [slice(start, start + size) for start in range(0, len(targets), size)]
    about = {
        "network": G.model_id,
        "pictures": model_id({"pictures": targets, "codes": codes}),
        "steps": steps,
        "rate": rate,
        "locality": locality,
        "features": named(features),
        "pixels": pixels,
        "label": label,
        "seed": seed,
        "batch": size,
    }
    notes = Journal(journal, caller="tune", of=about)
    kept = notes.read()
    descent = Descent.begin({n: p.detach().clone() for n, p in G.synthesis.named_parameters()})
    if kept is not None:
        try:
            descent = descent.taken_up(kept.tensors, kept.step)
        except KeyError as error:
            raise notes.damaged() from error
    scale = {name: gain(G, name, value) for name, value in descent.values.items()}
    tell = watch or (lambda made, of: None)
    total = steps * len(rounds)
    with frozen(G):
        spread = spread_of_w(G, label=label, seed=subkey(seed, _DRAW))[1]
        with torch.no_grad():
            seen = [loss.see(targets[rows]) for rows in rounds]
        tell(descent.step, total)
        try:
            while descent.step < total:
                place = descent.step % len(rounds)
                pivots = codes[rounds[place]]
                near = _near(G, pivots, spread, label, subkey(subkey(seed, _STEP), descent.step))
                with torch.no_grad():
                    held = loss.see(G.synthesis(near)) if locality else []

                def objective(
                    now: Named,
                    pivots: Tensor = pivots,
                    near: Tensor = near,
                    target: list[Tensor] = seen[place],
                    held: list[Tensor] = held,
                ) -> Tensor:
                    result = loss.of(functional_call(G.synthesis, dict(now), (pivots,)), target)
                    if locality:
                        moved = functional_call(G.synthesis, dict(now), (near,))
                        result = result + locality * loss.of(moved, held)
                    return result.mean()

                descent = descent.advanced(objective, rate, scale=scale)
                notes.keep(descent.tensors(), done=0, step=descent.step)
                tell(descent.step, total)
        except BaseException:
            notes.keep(descent.tensors(), done=0, step=descent.step, now=True)
            raise
        notes.keep(descent.tensors(), done=0, step=descent.step, now=True)
    return _with(G, descent.values)


def gain(G: StyledGenerator, name: str, weight: Tensor) -> float:
    """What a weight's steps are multiplied by: the gain that published networks apply at run time, folded here."""
    layer, _, leaf = name.rpartition(".")
    if leaf != "weight":
        return 1.0
    demodulated = isinstance(G.config, StyleGAN3Config) and weight.dim() == 4
    last = layer == f"layers.{len(G.synthesis.layers) - 1}"
    return 1.0 if demodulated and not last else float(weight[0].numel()) ** -0.5


def _near(G: Generator, pivots: Tensor, spread: Tensor, label: int | None, key: int) -> Tensor:
    """Codes [N, L, D] a spread of w away from the pivots, towards a random w, on each slot."""
    ids = torch.arange(len(pivots), device=pivots.device)
    with torch.no_grad():
        away: Tensor = G.mapping(normal(key, ids, G.z_dim), label)[:, None] - pivots
        near: Tensor = pivots + spread * away / away.norm(dim=-1, keepdim=True).clamp_min(1e-8)
    return near


def _with(G: Generator, values: Named) -> Generator:
    """A copy of a generator with other weights in its synthesis network."""
    now = checkpoint_of(G)
    now.tensors.update({f"synthesis.{n}": t.to("cpu", torch.float32) for n, t in values.items()})
    like = next(G.parameters())
    copy = build(now, device=like.device, dtype=getattr(G.renderer, "dtype", None) or like.dtype)
    copy.model_id = model_id(now.tensors)
    return copy
