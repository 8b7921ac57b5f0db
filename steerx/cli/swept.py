"""A sweep again, from the job that it left: what its page shows is rendered as it was."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .failures import DATA, USAGE, Failure
from .jobs import UNTOLD
from .moves import ALPHAS, alphas_of, changed, together
from .opening import (
    check_codes,
    in_options,
    open_codes,
    open_directions,
    open_generator,
    place_pictures,
    truncation_said,
)
from .options import DtypeName, MotionName, RendererName, SpaceName, UnitName, seeds_of

if TYPE_CHECKING:
    from ..sweeping import Sweep
    from .job_file import Job

Name = TypeVar("Name", bound=StrEnum)


def swept(
    job: Job,
    file: Path,
    *,
    device: str,
    batch: int | None,
    renderer: str | None = None,
    dtype: str | None = None,
) -> Sweep:
    """The grid of a sweep's job; nothing is rendered yet.

    Args:
        job: what the sweep was asked for.
        file: the job's, for messages.
        device: where it is rendered now.
        batch, renderer, dtype: instead of the job's; None = as it was.

    Raises:
        Failure: a job that is damaged, or files that it names and that are refused.
        OSError: a file that it names and that cannot be read; paths are those of the run.
    """
    now = {"batch": batch, "renderer": renderer, "dtype": dtype}
    said = {**_DEFAULTS, **UNTOLD}
    said |= {k: v for k, v in [*job.arguments.items(), *now.items()] if v is not None}
    try:
        return _swept(said, device)
    except (TypeError, KeyError) as error:
        raise Failure(f"{file} is no job of `steerx sweep`: {error}", DATA) from error
    except ValueError as error:
        raise Failure(f"{file}: {in_options(str(error))}", USAGE) from error


_DEFAULTS: dict[str, Any] = {
    "seeds": "0-3",
    "trunc": 1.0,
    "dtype": "float32",
    "noise_mode": "const",
    "any_checkpoint": False,
}


def _swept(said: dict[str, Any], device: str) -> Sweep:
    from ..sweeping import sweep

    dtype, renderer = DtypeName(said["dtype"]), RendererName(said["renderer"])
    G = open_generator(said["network"], device=device, dtype=dtype, renderer=renderer)
    turn = said.get("rotate")
    place_pictures(G, said.get("translate"), None if turn is None else float(turn))
    space = _name(SpaceName, said.get("space"))
    anyway, trunc, cutoff = said["any_checkpoint"], said["trunc"], said.get("cutoff")
    origin: dict[str, Any] = {}
    if said.get("codes") is None:
        check_codes(G, said.get("class"), trunc, cutoff)
        origin["seeds"] = seeds_of(str(said["seeds"]))
    else:
        codes = Path(said["codes"])
        saved = open_codes(codes, G, space=space, any_checkpoint=anyway)
        origin.update(codes=saved.codes, space=saved.space)
        if saved.space == "w_plus" and trunc == 1:
            trunc, cutoff = truncation_said(codes, saved)
    singles = open_directions(
        said["directions"], G, only=said.get("only"), any_checkpoint=anyway, space=space
    )
    singles = changed(
        singles,
        G,
        layers=said.get("layers"),
        motion=_name(MotionName, said.get("motion")),
        unit=_name(UnitName, said.get("unit")),
    )
    if said.get("together") is not None:
        singles = together(said["together"], singles, G)
    reach = (said.get("from"), said.get("to"), said.get("steps"))
    text = said.get("alphas", ALPHAS if reach == (None, None, None) else None)
    return sweep(
        G,
        directions=singles,
        alphas=alphas_of(text, *reach),
        **origin,
        psi=trunc,
        cutoff=cutoff,
        label=said.get("class"),
        noise_mode=said["noise_mode"],
        batch=said.get("batch"),
        preview=said.get("preview"),
        any_checkpoint=anyway,
    )


def _name(kind: type[Name], word: str | None) -> Name | None:
    return None if word is None else kind(word)
