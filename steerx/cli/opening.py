"""From words on the command line to a generator and to directions that fit it."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from .failures import DATA, FAILED, USAGE, Failure

if TYPE_CHECKING:
    import torch

    from ..directions import Directions
    from ..generators import Generator


def open_generator(network: str, *, device: str, dtype: str) -> Generator:
    """Load a checkpoint where the device words say.

    Raises:
        Failure: a device that is not there, or a file that is refused.
        OSError: a file that cannot be opened or read.
    """
    import torch

    from ..checkpoints import CheckpointError
    from ..generators import load

    place = device_of(device)
    try:
        return load(network, device=place, dtype=getattr(torch, dtype))
    except CheckpointError as error:
        raise Failure(f"{network} is refused: {error}", DATA) from error


def device_of(words: str) -> torch.device:
    """Device of `auto`, `cpu`, `cuda` or `cuda:N`."""
    import torch

    if words == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = words.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()) or words.endswith(":"):
        raise Failure(f"--device must be auto, cpu, cuda or cuda:N, got {words!r}", USAGE)
    if kind == "cuda" and not torch.cuda.is_available():
        raise Failure(
            f"--device {words}: torch finds no CUDA device here; use --device cpu "
            "(`steerx doctor` says why)",
            FAILED,
        )
    if kind == "cuda" and number and int(number) >= torch.cuda.device_count():
        raise Failure(
            f"--device {words}: there are {torch.cuda.device_count()} CUDA devices, counted from 0",
            USAGE,
        )
    return torch.device(words)


def check_codes(
    G: Generator, label: int | None, trunc: float = 1.0, cutoff: int | None = None
) -> None:
    """Refuse a class or a truncation that this generator does not have, before any work."""
    from ..generators.generator import check_truncation
    from ..generators.labels import one_hot
    from .failures import argument

    with argument("--class"):
        one_hot(label, 1, G.c_dim, like=next(G.parameters()))
    with argument("--trunc, --cutoff"):
        check_truncation(trunc, cutoff, G.num_ws)


def open_directions(
    files: Sequence[str], G: Generator, *, only: str | None, any_checkpoint: bool
) -> list[Directions]:
    """Read direction files, check that they belong to the generator, and pick some directions.

    Raises:
        Failure: directions of another network, or a name or number that is not among them.
        DirectionsFileError, OSError: a file that cannot be read.
    """
    from ..directions import as_directions

    sets = []
    for file in files:
        try:
            one = as_directions(file)
            one.check_generator(G, any_checkpoint=any_checkpoint)
        except ValueError as error:
            line = str(error).replace("say any_checkpoint=True", "give --any-checkpoint")
            raise Failure(line if file in line else f"{file}: {line}", DATA) from error
        sets.append(one)
    singles = [single for one in sets for single in one]
    if only is None:
        return singles
    return [singles[k] for k in picked(only, [single.names[0] for single in singles])]


def picked(text: str, names: Sequence[str]) -> list[int]:
    """Places of directions named like `0-4,smile`: numbers, ranges, or names.

    Raises:
        Failure: an item that is none of these.
    """
    places: list[int] = []
    for item in (part.strip() for part in text.split(",")):
        first, dash, last = item.partition("-")
        if item in names:
            places += [k for k, name in enumerate(names) if name == item]
        elif first.isdecimal() and (last.isdecimal() or not dash):
            span = range(int(first), int(last or first) + 1)
            if not span or span[-1] >= len(names):
                raise Failure(
                    f"--only {item}: directions are numbered 0-{len(names) - 1} here", USAGE
                )
            places += span
        else:
            close = get_close_matches(item, names, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            raise Failure(f"--only: no direction {item!r}, there are {shown}{hint}", USAGE)
    return list(dict.fromkeys(places))
