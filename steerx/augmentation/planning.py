"""From what is asked for to a plan, checked before any work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch
from pydantic import ValidationError

from .._seeds import Seeds, seed_numbers
from ..directions import Directions
from ..editing import along
from ..generators import Generator
from ..generators.generator import Codes, CodeSpace
from ..generators.start import begin
from ..scoring import batch_size
from ..working.backend import backend_of
from .alphas import Alphas, Fixed, Target, parse_alphas
from .encoding import Format, codec_of
from .judging import Judge, judging_of
from .plan import Drawn, Edit, Given, Plan, Seeded, ranges_of
from .rendering import fingerprint, fingerprint_of_codes, layers_said

AlphasLike = float | Sequence[float] | str | Alphas
SHARD = 1024  # samples; of 256 px in JPEG some 25 MB
_NOISE = ("sample", "const", "none")


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """What a plan's schema refuses, as an argument of `augment`, what it takes and what came."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        expected = (
            first["msg"].replace("Input should be", "must be").replace("Tuple should", "must")
        )
        raise ValueError(
            f"augment: {'alphas' if name == 'values' else name} {expected}, got {first['input']!r}"
        ) from error


@_in_words()
def make_plan(
    G: Generator,
    directions: Sequence[Directions],
    *,
    alphas: AlphasLike | Mapping[str, AlphasLike],
    count: int | None = None,
    seeds: Seeds | None = None,
    codes: Codes | None = None,
    space: CodeSpace | None = None,
    key: int = 0,
    edits: int = 1,
    at_once: int = 1,
    keep_original: bool = True,
    psi: float = 1.0,
    cutoff: int | None = None,
    labels: Sequence[int] = (),
    noise: Literal["sample", "const", "none"] = "sample",
    format: Format = "jpeg",
    quality: int | None = None,
    subsampling: Literal["444", "420"] = "444",
    shard_size: int = SHARD,
    batch: int | None = None,
    judge: Judge | None = None,
) -> Plan:
    """The plan of a data set. See `steerx.augment` for the arguments.

    Args:
        G: the generator.
        directions: sets of one direction each, that were found to belong to G.

    Raises:
        ValueError: what does not fit, in words for people.
    """
    if [count, seeds, codes].count(None) != 2:
        raise ValueError("augment: give one of count, seeds and codes")
    _check(G, len(directions), edits, at_once, keep_original, noise, key, count)
    sources, space = _sources(count, seeds, codes, space)
    if labels and G.c_dim == 0:
        raise ValueError("augment: this generator has no classes; leave labels out")
    if G.c_dim and sources.kind != "codes" and not labels:
        raise ValueError(f"augment: a conditional generator needs labels of 0-{G.c_dim - 1}")
    first = codes
    if first is None:
        first = torch.zeros(1, G.z_dim)
    first = [part[:1] for part in first] if isinstance(first, list) else first[:1]
    for label in labels or (None,):  # refuses classes and truncations that are not there
        start, _ = begin(
            "augment",
            G,
            seeds=None,
            codes=first,
            space=space,
            psi=psi,
            cutoff=cutoff,
            label=label,
        )
    with torch.inference_mode():
        along(start, G, [(one, 1.0) for one in directions])  # refuses directions that do not fit
    told = _edits(directions, alphas)
    if judge is None and any(isinstance(edit.alphas, Target) for edit in told):
        raise ValueError("augment: a score can be sought only where there is a scorer; give one")
    drawn = sources.kind == "drawn"
    return Plan(
        model_id=G.model_id,
        resolution=G.resolution,
        key=key,
        sources=sources,
        psi=float(psi),
        cutoff=cutoff,
        labels=tuple(labels),
        noise=noise,
        edits=told,
        edits_per_source=edits,
        at_once=at_once,
        keep_original=keep_original,
        judging=None if judge is None else judging_of(judge, told, drawn),
        codec=codec_of(format, quality, subsampling),
        shard_size=shard_size,
        batch=min(batch_size("augment", G, batch), shard_size),
        backend=backend_of(G),
    )


def _sources(
    count: int | None, seeds: Seeds | None, codes: Codes | None, space: CodeSpace | None
) -> tuple[Drawn | Seeded | Given, CodeSpace]:
    if count is not None:
        return Drawn(count=count), "z"
    if seeds is not None:
        numbers = seed_numbers(seeds)
        return Seeded(count=len(numbers), ranges=ranges_of(numbers)), "z"
    assert codes is not None
    parts = codes if isinstance(codes, list) else [codes]
    if not all(bool(part.isfinite().all()) for part in parts):
        raise ValueError("augment: codes must be finite numbers, got NaN or infinity")
    if space is None:
        space = "styles" if isinstance(codes, list) else "w_plus"
    given = Given(count=len(parts[0]), space=space, sha256=fingerprint_of_codes(codes))
    return given, space


def _check(
    G: Generator,
    directions: int,
    edits: int,
    at_once: int,
    keep_original: bool,
    noise: str,
    key: int,
    count: int | None,
) -> None:
    """Refuse numbers that mean nothing."""
    least = {
        "edits": (edits, 0),
        "at_once": (at_once, 0),
        "key": (key, 0),
        "count": (count or 0, 0),
    }
    for name, (number, most) in least.items():
        if number < most:
            raise ValueError(f"augment: {name} must be {most} or more, got {number}")
    if edits and not 1 <= at_once <= directions:
        raise ValueError(
            f"augment: at_once must be 1 ... {directions}, the number of directions, got {at_once}; or "
            "edits=0 for unedited pictures alone"
        )
    if not edits and not keep_original:
        raise ValueError("augment: edits=0 without the originals leaves nothing; keep them")
    if noise not in _NOISE:
        raise ValueError(f"augment: noise must be one of {', '.join(_NOISE)}, got {noise!r}")
    if not G.model_id:
        raise ValueError("augment: the generator has no model_id, which the plan names; load it")


def _edits(
    directions: Sequence[Directions], alphas: AlphasLike | Mapping[str, AlphasLike]
) -> tuple[Edit, ...]:
    names = [one.names[0] for one in directions]
    if len(set(names)) < len(names):
        raise ValueError(f"augment: directions must have different names, got {', '.join(names)}")
    if isinstance(alphas, Mapping):
        if set(alphas) != set(names):
            raise ValueError(
                f"augment: alphas are for {', '.join(alphas)}, the directions are {', '.join(names)}; give "
                "one for each"
            )
        each = {name: _distribution(said) for name, said in alphas.items()}
    else:
        each = dict.fromkeys(names, _distribution(alphas))
    return tuple(
        Edit(
            name=one.names[0],
            sha256=fingerprint(one),
            space=one.space,
            layers=layers_said(one),
            unit=one.unit,
            alphas=_aimed(each[one.names[0]], one.names[0]),
        )
        for one in directions
    )


def _aimed(alphas: Alphas, name: str) -> Alphas:
    """A direction seeks the score of its own name where no other is told."""
    if isinstance(alphas, Target) and not alphas.attribute:
        return alphas.model_copy(update={"attribute": name})
    return alphas


def _distribution(said: AlphasLike) -> Alphas:
    if isinstance(said, str):
        return parse_alphas(said)
    if isinstance(said, (int, float)):
        return Fixed(values=(float(said),))
    if isinstance(said, Sequence):
        return Fixed(values=tuple(map(float, said)))
    return said
