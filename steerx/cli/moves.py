"""How far and along what a sweep moves: alphas, and directions as the options change them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .failures import USAGE, Failure, argument
from .opening import picked
from .options import MotionName, UnitName, rows_of

if TYPE_CHECKING:
    from torch import Tensor

    from ..directions import Directions
    from ..generators import Generator

ALPHAS = "-3,-1.5,0,1.5,3"
DRAWN = 10_000  # codes that say how far apart codes are, where a file does not
FROM, TO, STEPS = -3.0, 3.0, 5  # where only some of --from, --to and --steps are given


def alphas_of(
    text: str | None, start: float | None, end: float | None, steps: int | None
) -> list[float]:
    """Alphas of `-3,0,3`, or evenly spaced ones.

    Raises:
        Failure: both, or something that is not a finite number.
    """
    if text is not None and (start, end, steps) != (None, None, None):
        raise Failure("give --alphas, or --from, --to and --steps", USAGE)
    if (start, end, steps) == (None, None, None):
        try:
            values = [float(part) for part in (ALPHAS if text is None else text).split(",")]
        except ValueError as error:
            raise Failure(
                f"--alphas must be different finite numbers such as -3,0,3, got {text!r}", USAGE
            ) from error
    else:
        first = FROM if start is None else start
        last = TO if end is None else end
        count = STEPS if steps is None else steps
        gap = (last - first) / max(count - 1, 1)
        values = [round(first + i * gap, 9) for i in range(count)]
    if not all(map(math.isfinite, values)) or len(set(values)) < len(values):
        raise Failure("--alphas must be different finite numbers such as -3,0,3", USAGE)
    return [value + 0.0 for value in values]  # no -0


def changed(
    singles: Sequence[Directions],
    G: Generator,
    *,
    layers: str | None = None,
    motion: MotionName | None = None,
    unit: UnitName | None = None,
) -> list[Directions]:
    """Directions that move other layers, to a distance instead of by one, or by other lengths.

    Raises:
        Failure: layers that are not there, or a direction that has no distance or no deviation.
    """
    if layers is not None:
        rows = rows_of(layers, G.num_ws)
        singles = [replace(one, layers=(rows,)) for one in singles]
    if motion == MotionName.absolute:
        for one in singles:
            if one.space not in ("z", "w") or one.layers[0] is not None:
                raise Failure(
                    f"--motion absolute is a distance in z or w on all layers, and {one.names[0]} moves "
                    f"{one.space}{'' if one.layers[0] is None else ' on some layers'}; leave it out",
                    USAGE,
                )
    if motion is not None:
        origins = [one.origin if motion == MotionName.absolute else "zero" for one in singles]
        singles = [
            replace(one, motion=motion.value, origin=origin)
            for one, origin in zip(singles, origins, strict=True)
        ]
    if unit is not None:
        singles = [_counted(one, G, unit) for one in singles]
    return list(singles)


def _counted(one: Directions, G: Generator, unit: UnitName) -> Directions:
    """A direction whose alpha counts lengths, or standard deviations of the network's codes along it."""
    if one.unit == unit.value:
        return one
    if unit == UnitName.raw:
        return replace(one, unit="raw", scale=one.scale.new_ones(1))
    if one.space not in ("z", "w", "w_plus"):
        raise Failure(
            f"--unit sigma is of codes in z or w, and {one.names[0]} moves {one.space}", USAGE
        )
    with argument("--unit sigma"):
        return one.in_sigma(one.covariance if one.covariance is not None else _spread(G, one.space))


def _spread(G: Generator, space: str) -> Tensor:
    """Covariance of the network's codes; of z it is that of the draw."""
    import torch

    if space == "z":
        return torch.eye(G.z_dim)
    with torch.inference_mode():
        w = G.codes(seeds=range(DRAWN), space="w")
        assert isinstance(w, torch.Tensor)
        return w.double().T.cov().to(w).cpu()


def together(text: str, singles: Sequence[Directions], G: Generator) -> list[Directions]:
    """One direction that moves along several at once, of `smile=1,age=-0.5`.

    Raises:
        Failure: a name that is not there, no number, or directions that have no sum.
    """
    from ..directions import Directions

    names = [one.names[0] for one in singles]
    parts, alphas = [], []
    for item in text.split(","):
        name, sign, number = item.rpartition("=")
        with argument("--together"):
            if not sign:
                raise ValueError(f"each part is NAME=ALPHA, such as smile=1,age=-0.5; got {item!r}")
            alphas.append(float(number))
        places = picked(name.strip(), names, option="--together")
        if len(places) != 1:
            raise Failure(f"--together {name}: {len(places)} directions have this name", USAGE)
        # What a sum has not; and these were found to belong to G.
        parts.append(
            replace(
                singles[places[0]],
                model_id=G.model_id,
                resolution=G.resolution,
                unit="raw",
                scores=None,
                score_name=None,
                intercepts=None,
                mean=None,
                covariance=None,
                weight_source=None,
                sign=None,
                truncation=None,
                kind="filter",
                label=None,
            )
        )
    # A name may stand in two files, and here twice.
    parts = [part.rename(f"{k} {part.names[0]}") for k, part in enumerate(parts)]
    with argument("--together"):
        joint = Directions.concatenate(parts)
        return [joint.combined(alphas, name=text.replace(" ", ""), num_ws=G.num_ws)]
