"""effects: render a sweep, score its pictures, keep the statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from .._seeds import Seeds, seed_numbers
from ..directions import Directions, DirectionsLike, as_directions
from ..editing import several
from ..generators import Generator
from ..rendering import NoiseMode
from ..scoring import Scorer
from ..sweeping import sweep
from .aiming import Targets, aim, check_targets, counted_names, known_names
from .matrix import Effects
from .streaming import Sums


def effects(
    G: Generator,
    directions: DirectionsLike | Sequence[DirectionsLike],
    scorer: Scorer,
    *,
    seeds: Seeds = range(64),
    alphas: Sequence[float] = (-2.0, -1.0, 1.0, 2.0),
    psi: float = 1.0,
    cutoff: int | None = None,
    label: int | None = None,
    noise_mode: NoiseMode = "const",
    noise_key: int = 0,
    names: Sequence[str] | None = None,
    targets: Targets = None,
    baseline: int = 1,
    baseline_seed: int = 0,
    chunk: int = 64,
    batch: int | None = None,
    any_checkpoint: bool = False,
) -> Effects:
    """What directions do to the pictures, as a scorer sees it: the matrix direction x attribute.

    The pictures are those of `steerx.sweep`; alpha 0 is always added and rendered once per seed. Only
    sums over seeds are kept, so memory does not grow with their number.

    Args:
        G: the generator.
        directions: as in `steerx.sweep`; each is measured by itself. Their motion must be relative.
        scorer: images [N, 3, H, W] in [-1, 1] -> scores [N, A'].
        seeds: integers or text such as "0-63"; 2 or more, and all of them enter sigma.
        alphas: edit strengths in units of each direction's scale.
        psi, cutoff, label, noise_mode, noise_key, batch, any_checkpoint: as in `steerx.sweep`.
        names: of the attributes; None = the scorer's own `names`, or "attribute0", "attribute1", ...
        targets: {direction: attribute} where the target is another attribute than the one of the
            direction's name; without either it is the attribute of the largest |slope|.
        baseline: random directions per direction, of its step length, in its space and layers; 0 =
            none. Each of them costs as much as the direction.
        baseline_seed: of the random directions.
        chunk: seeds whose scores are held at once.

    Returns:
        `Effects`. *close* for any chunk and batch, and for any order of the seeds.

    Raises:
        ValueError: an attribute that is the same in every unedited picture, names or targets that do
            not fit, fewer than 2 seeds, no alpha but 0, absolute motion, a scorer of another shape,
            or what `steerx.sweep` refuses.

    Source: re-scoring of HiGAN (Yang, Shen and Zhou, IJCV 2021), here signed and in units of sigma;
        matched target change of StyleSpace (Wu, Lischinski and Shechtman, CVPR 2021).

    Example:
        >>> effects(G, D, steerx.faces.scorer(), seeds="0-127").leak(1.0)  # doctest: +SKIP
    """
    sets = [as_directions(d) for d in several(directions)]
    numbers = seed_numbers(seeds)
    _refuse(sets, numbers, baseline, chunk)
    attributes = known_names(scorer, names)
    how: dict[str, Any] = {
        "alphas": _with_zero(alphas),
        "psi": psi,
        "cutoff": cutoff,
        "label": label,
        "noise_mode": noise_mode,
        "noise_key": noise_key,
        "batch": batch,
        "any_checkpoint": any_checkpoint,
    }
    nothing_rendered_yet = sweep(G, directions=sets, seeds=numbers[:1], **how)
    check_targets(targets, nothing_rendered_yet.directions, attributes)
    measured = _stream(G, sets, scorer, attributes, numbers, chunk, how)
    check_targets(targets, measured.directions, measured.attributes)
    found = aim(targets, measured.directions, measured.attributes, measured.slope)
    measured = replace(measured, targets=found)
    if not baseline:
        return measured
    random = torch.Generator().manual_seed(baseline_seed)
    singles = [one[k] for one in sets for k in range(len(one))]
    rolled = [_random(one, random) for one in singles for _ in range(baseline)]
    by_chance = _stream(G, rolled, scorer, attributes, numbers, chunk, how)
    aims = tuple(target for target in found for _ in range(baseline))
    return replace(measured, baseline=replace(by_chance, targets=aims))


def _stream(
    G: Generator,
    sets: Sequence[Directions],
    scorer: Scorer,
    attributes: tuple[str, ...] | None,
    numbers: list[int],
    chunk: int,
    how: dict[str, Any],
) -> Effects:
    """Effects without targets."""
    alphas = how["alphas"]
    sums = Sums(torch.tensor(alphas, dtype=torch.float64), alphas.index(0.0))
    directions: tuple[str, ...] = ()
    for first in range(0, len(numbers), chunk):
        part = sweep(G, directions=sets, seeds=numbers[first : first + chunk], **how)
        scores = part.scores(scorer)
        directions, attributes = part.directions, counted_names(attributes, scores.shape[-1])
        sums.add(scores)
    assert attributes is not None
    sigma = sums.sigma()
    flat = sums.constant().tolist()
    constant = [name for name, still in zip(attributes, flat, strict=True) if still]
    if constant:
        raise ValueError(
            f"effects: no sigma of {', '.join(constant)}: constant over all {len(numbers)} unedited "
            "pictures; give more seeds, psi above 0, or a scorer without it"
        )
    return Effects(
        directions, attributes, (), tuple(alphas), sums.count, sigma, *sums.statistics(sigma)
    )


def _with_zero(alphas: Sequence[float]) -> list[float]:
    """Ascending, with 0, once each."""
    wanted = sorted({float(a) for a in alphas} | {0.0})
    if len(wanted) < 2 or not all(map(math.isfinite, wanted)):
        raise ValueError(
            f"effects: alphas must be finite numbers, one or more of them not 0, got {list(alphas)}"
        )
    return wanted


def _refuse(sets: Sequence[Directions], numbers: list[int], baseline: int, chunk: int) -> None:
    if len(numbers) < 2 or len(set(numbers)) < len(numbers):
        raise ValueError(
            f"effects: seeds must be 2 or more, each once, got {len(numbers)} "
            f"({len(set(numbers))} different); sigma is taken over them"
        )
    if baseline < 0 or chunk < 1:
        raise ValueError(
            f"effects: baseline must be 0 or more and chunk 1 or more, got {baseline} and {chunk}"
        )
    absolute = [name for one in sets if one.motion == "absolute" for name in one.names]
    if absolute:
        raise ValueError(
            f'effects: {", ".join(absolute)} move to a place (motion "absolute"), so no alpha is the '
            'unedited picture; use motion="relative"'
        )


def _random(one: Directions, random: torch.Generator) -> Directions:
    """A set of the same space, layers and step lengths that points anywhere."""
    vectors = torch.randn(one.vectors.shape, generator=random, dtype=torch.float64).to(one.vectors)
    drawn = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    # A direction per layer has rows of their own lengths, 0 among them.
    return replace(
        one,
        vectors=vectors / drawn * torch.linalg.vector_norm(one.vectors, dim=-1, keepdim=True),
        names=tuple(f"random for {name}" for name in one.names),
        scores=None,
        score_name=None,
        intercepts=None,
        sign=None,
        provenance={"method": "random", "in the place of": list(one.names)},
    )
