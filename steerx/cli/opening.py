"""From words on the command line to a generator and to directions that fit it."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from . import jobs
from .failures import DATA, FAILED, USAGE, Failure, argument

if TYPE_CHECKING:
    import torch

    from ..directions import Directions
    from ..generators import Generator
    from ..generators.codes_file import SavedCodes
    from ..generators.renderers import RendererName
    from .options import SpaceName


def open_generator(network: str, *, device: str, dtype: str, renderer: str = "plain") -> Generator:
    """Load a checkpoint where the device words say, with a renderer; the job keeps which "auto" is.

    Raises:
        Failure: a device that is not there, a file that is refused, or a renderer that does not run it.
        OSError: a file that cannot be opened or read.
    """
    import torch

    from ..checkpoints import CheckpointError
    from ..generators import load
    from ..generators.renderers import fastest, install

    place = device_of(device)
    try:
        G = load(network, device=place, dtype=getattr(torch, dtype))
    except CheckpointError as error:
        raise Failure(f"{network} is refused: {error}", DATA) from error
    if renderer == "auto":
        renderer = fastest(G)
        jobs.settle("renderer", renderer)
    with argument("--renderer"):
        install(G, cast("RendererName", renderer))
    return G


def previewing(G: Generator, side: int | None, singles: Sequence[Directions] = ()) -> Generator:
    """The generator whose pictures end early; itself without the option.

    Says which directions no preview shows, because they move only layers behind its end.

    Raises:
        Failure: a generator without previews, or no such side.
    """
    if side is None:
        return G
    from ..generators import previewed

    with argument("--preview"):
        first = previewed(G, side)
    shown = {row.slot for row in first.style_rows}
    unseen = [one.names[0] for one in singles if one.layers[0] and not shown & set(one.layers[0])]
    if unseen:
        typer.echo(
            f"note: {', '.join(unseen[:6])}: moves only layers behind --preview {side}, which shows no change",
            err=True,
        )
    return first


def place_pictures(G: Generator, translate: str | None, rotate: float | None) -> None:
    """Place a StyleGAN3's pictures; without either option they stay where the checkpoint has them.

    Raises:
        Failure: a generator that cannot place its pictures, or numbers that are no place.
    """
    if translate is None and rotate is None:
        return
    from ..generators import StyleGAN3

    option = "--rotate" if translate is None else "--translate"
    if not isinstance(G, StyleGAN3):
        raise Failure(
            f"{option}: only StyleGAN3 places its pictures, this is {G.family}; leave it out", USAGE
        )
    with argument("--translate, --rotate"):
        words = (translate or "0,0").split(",")
        if len(words) != 2:
            raise ValueError(f"a shift is X,Y such as 0.1,-0.05, got {translate!r}")
        G.place(translate=(float(words[0]), float(words[1])), rotate=rotate or 0.0)


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

    with argument("--class"):
        one_hot(label, 1, G.c_dim, like=next(G.parameters()))
    with argument("--trunc, --cutoff"):
        check_truncation(trunc, cutoff, G.num_ws)


def open_codes(
    file: Path, G: Generator, *, space: SpaceName | None, any_checkpoint: bool = False
) -> SavedCodes:
    """Codes of a file in the generator's dtype, their space where it is known, and what the file says.

    Raises:
        Failure: a file that holds no codes, or codes of another network.
        OSError: a file that cannot be read.
    """
    from ..generators.codes_file import SavedCodes, read_saved

    try:
        saved = read_saved(file, space=None if space is None else space.value)
    except ValueError as error:
        raise Failure(str(error), DATA) from error
    model = saved.facts.get("model_id")
    if model is not None and model != G.model_id and not any_checkpoint:
        raise Failure(
            f"{file} holds codes of checkpoint {str(model)[:12]}, this one is {G.model_id[:12]}; take "
            "codes of this network",
            DATA,
        )
    dtype = next(G.parameters()).dtype
    codes = saved.codes
    codes = [row.to(dtype) for row in codes] if isinstance(codes, list) else codes.to(dtype)
    return SavedCodes(codes, saved.space, saved.facts)


def truncation_said(file: Path, saved: SavedCodes) -> tuple[float, int | None]:
    """The psi and cutoff that codes of a file went through; 1 and None where it does not say.

    Raises:
        Failure: something else than such numbers.
    """
    psi, cutoff = saved.facts.get("psi", 1.0), saved.facts.get("cutoff")
    if type(psi) not in (int, float) or type(cutoff) not in (int, type(None)):
        raise Failure(f"{file} is refused: its psi and cutoff are {psi!r} and {cutoff!r}", DATA)
    return psi, cutoff


def open_directions(
    files: Sequence[str],
    G: Generator,
    *,
    only: str | None,
    any_checkpoint: bool,
    space: SpaceName | None = None,
) -> list[Directions]:
    """Read direction files, check that they belong to the generator, and pick some directions.

    Args:
        files: .safetensors, .npy or .npz.
        G: the generator.
        only: see `picked`.
        any_checkpoint: take directions of another checkpoint.
        space: of boundaries (.npy), whatever their names say; None = as their names say.

    Raises:
        Failure: directions of another network, or a name or number that is not among them.
        DirectionsFileError, OSError: a file that cannot be read.
    """
    from ..directions import as_directions, load_boundary

    sets = []
    for file in files:
        try:
            if space is not None and Path(file).suffix.lower() == ".npy":
                one = load_boundary(file, space=space.value)
            else:
                one = as_directions(file)
            one.check_generator(G, any_checkpoint=any_checkpoint)
        except ValueError as error:
            line = in_options(str(error))
            raise Failure(line if file in line else f"{file}: {line}", DATA) from error
        sets.append(one)
    singles = [single for one in sets for single in one]
    if only is None:
        return singles
    return [singles[k] for k in picked(only, [single.names[0] for single in singles])]


def note_classes(singles: Sequence[Directions], label: int | None) -> None:
    """Say where directions were mined under another class than that of the pictures."""
    others = [one for one in singles if one.label is not None and one.label != label]
    if label is not None and others:
        typer.echo(
            f"note: {', '.join(one.names[0] for one in others[:6])}: mined under class "
            f"{', '.join(str(k) for k in sorted({one.label for one in others if one.label is not None}))}, "
            f"these pictures are of class {label}",
            err=True,
        )


def in_options(line: str) -> str:
    """An error of the library with its arguments as options of the command line."""
    for said, option in (
        ("say any_checkpoint=True", "give --any-checkpoint"),
        ('say load_boundary(path, space="w")', "give --space z or --space w"),
        ('say space="z" or space="w"', "give --space z or --space w"),
        ('make the motion "relative"', "leave out --motion absolute"),
        ("leave labels out", "leave out --class"),
        ("needs labels of 0-", "needs --class, such as 0-"),
        ("label: classes are", "--class: classes are"),
        ("give one of count, seeds and codes", "give one of --count, --seeds and --codes"),
    ):
        line = line.replace(said, option)
    return line


def picked(text: str, names: Sequence[str], *, option: str = "--only") -> list[int]:
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
                    f"{option} {item}: directions are numbered 0-{len(names) - 1} here", USAGE
                )
            places += span
        else:
            close = get_close_matches(item, names, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            raise Failure(f"{option}: no direction {item!r}, there are {shown}{hint}", USAGE)
    return list(dict.fromkeys(places))
