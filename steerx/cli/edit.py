"""`steerx edit`: seeds or codes moved along several directions at once, each by its own alpha."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from . import jobs
from .dry_run import Cost, measured, tell
from .failures import DATA, USAGE, Failure
from .moves import changed
from .opening import (
    check_codes,
    in_options,
    note_classes,
    open_codes,
    open_directions,
    open_generator,
    picked,
    place_pictures,
    previewing,
    truncation_said,
)
from .options import (
    Batch,
    Class,
    Codes,
    Cutoff,
    Device,
    DryRun,
    Dtype,
    DtypeName,
    Force,
    JobFile,
    Motion,
    Network,
    NoiseMode,
    NoiseName,
    Outdir,
    Preview,
    Renderer,
    RendererName,
    Rotate,
    Scale,
    Seeds,
    SpaceName,
    Translate,
    Trunc,
    Unit,
    named,
    seeds_of,
)
from .progress import progress
from .writing import claim, write

if TYPE_CHECKING:
    from PIL import Image

    from ..directions import Directions
    from ..generators import Start
    from ..generators.codes_file import SavedCodes

_MAX_SEED = 2**32 - 1


def edit(
    network: Network = None,
    directions: Annotated[
        list[str] | None,
        typer.Argument(help="Direction files (.safetensors, .npy, .npz).", show_default=False),
    ] = None,
    alpha: Annotated[
        list[str] | None,
        typer.Option(
            "--alpha",
            "-a",
            help="smile=2 for each direction that is used, or one number for all. May be repeated.",
            show_default=False,
        ),
    ] = None,
    seeds: Seeds = "0-3",
    codes: Codes = None,
    space: Annotated[
        SpaceName | None,
        typer.Option("--space", help="Where --codes and boundaries (.npy) live."),
    ] = None,
    trunc: Trunc = 1.0,
    cutoff: Cutoff = None,
    layers: Annotated[
        str | None, typer.Option("--layers", help="Move these layers instead of each direction's.")
    ] = None,
    motion: Motion = None,
    unit: Unit = None,
    label: Class = None,
    translate: Translate = None,
    rotate: Rotate = None,
    noise_mode: NoiseMode = NoiseName.const,
    outdir: Outdir = Path("out"),
    save_codes: Annotated[
        Path | None,
        typer.Option(
            "--save-codes",
            help="Also write the edited codes, for another edit: .safetensors or .npy.",
            show_default=False,
        ),
    ] = None,
    before: Annotated[
        bool, typer.Option("--before", help="Show the unedited picture beside the edited one.")
    ] = False,
    scale: Scale = 1,
    any_checkpoint: Annotated[
        bool, typer.Option("--any-checkpoint", help="Take directions and codes of another one.")
    ] = False,
    preview: Preview = None,
    batch: Batch = None,
    device: Device = "auto",
    dtype: Dtype = DtypeName.float32,
    renderer: Renderer = RendererName.auto,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Move seeds or codes along directions and render them: edited0000.png, edited0001.png, ..."""
    network = named(network)
    if not directions:
        raise Failure("give direction files behind NETWORK; `steerx mine` makes them", USAGE)
    numbers = seeds_of(seeds) if codes is None else []
    _check_codes_file(save_codes)
    claim([*_files(outdir, numbers), *([save_codes] if save_codes else [])], force=force)
    G = open_generator(network, device=device, dtype=dtype, renderer=renderer)
    place_pictures(G, translate, rotate)
    origin: dict[str, Any] = {"seeds": numbers or None, "codes": None, "space": None}
    if codes is None:
        check_codes(G, label, trunc, cutoff)
    else:
        saved = open_codes(codes, G, space=space, any_checkpoint=any_checkpoint)
        origin.update(codes=saved.codes, space=saved.space)
        if saved.space == "w_plus" and trunc == 1:  # what they went through shrinks steps in w
            trunc, cutoff = truncation_said(codes, saved)
    singles = open_directions(directions, G, only=None, any_checkpoint=any_checkpoint, space=space)
    note_classes(singles, label)
    singles, strengths = _strengths(alpha or [], singles)
    singles = changed(singles, G, layers=layers, motion=motion, unit=unit)
    G = previewing(G, preview, singles)

    import torch

    from .._behind import behind
    from .._pictures import encode
    from ..editing import along
    from ..generators.codes_file import save_codes as keep_codes
    from ..generators.start import begin
    from ..rendering import noise_of
    from ..scoring import batches_of

    try:
        start, rows = begin("edit", G, **origin, psi=trunc, cutoff=cutoff, label=label)
        moves = list(zip(singles, strengths, strict=True))
        with torch.inference_mode():
            along(start.rows(slice(0, 1)), G, moves)  # refuses, before the work, what does not fit
    except ValueError as error:
        raise Failure(in_options(str(error)), USAGE) from error
    if codes is not None:
        numbers = _numbers(saved, len(start)) or list(rows)
    files = _files(outdir, numbers)
    claim(files, force=force)
    batches = batches_of("edit", G, batch)

    @torch.inference_mode()
    def pictures(places: Sequence[int]) -> tuple[list[Image.Image], Start]:
        some = start.rows(torch.tensor(places, device=G.device))
        edited = along(some, G, moves)
        ids = tuple(numbers[n] for n in places)
        sides = []
        for one in (some, edited) if before else (edited,):
            noise = noise_of("edit", noise_mode.value, 0, ids, G.device)
            images = G.renderer.render(one.rendered(G), noise=noise, out="uint8")
            sides.append(images.cpu().numpy())
        return [_picture([side[n] for side in sides], scale) for n in range(len(places))], edited

    if dry_run:
        probe = range(min(batches.size, len(files)))
        took = measured(lambda: [encode(p, ".png") for p in pictures(probe)[0]]) / len(probe)
        shown, edited = pictures(probe[:1])
        each = len(encode(shown[0], ".png"))
        if save_codes is not None:
            each += sum(row.numel() * row.element_size() for row in _tensors(edited))
        count = len(files) + (1 if save_codes is None else 2)
        renders = len(files) * (1 + before)
        tell(Cost(count, each * len(files), renders, took * len(files)), outdir)
        return
    jobs.record(outdir, force=force, model=G.model_id)
    kept: list[Start] = []
    with progress("editing", len(files)) as advance:

        def finish(batch: tuple[Sequence[int], tuple[list[Image.Image], Start]]) -> None:
            places, (made, edited) = batch
            for n, picture in zip(places, made, strict=True):
                write(files[n], encode(picture, ".png"), force=force)
            if save_codes is not None:
                kept.append(edited)
            advance(len(places))

        behind(batches.over(range(len(files)), pictures), finish)
    if save_codes is not None:
        columns = zip(*map(_tensors, kept), strict=True)
        whole = [torch.cat([part.cpu() for part in column]) for column in columns]
        last = kept[0].space
        facts: dict[str, Any] = {"model_id": G.model_id, "seeds": numbers, "label": label}
        if last == "w_plus":
            facts |= {"psi": trunc, "cutoff": cutoff}
        save_codes.parent.mkdir(parents=True, exist_ok=True)
        one = whole if last == "styles" else whole[0]
        keep_codes(save_codes, one, last, overwrite=force, facts=_known(facts))
    said = ", ".join(f"{one.names[0]}={strength:g}" for one, strength in moves)
    typer.echo(f"{len(files)} pictures of {G.resolution} px in {outdir}: {said}")
    if save_codes is not None:
        typer.echo(f"codes ({last}) in {save_codes}")


def _check_codes_file(file: Path | None) -> None:
    if file is not None and file.suffix.lower() not in (".safetensors", ".npy"):
        raise Failure(f"--save-codes must end in .safetensors or .npy, got {file}", USAGE)


def _files(folder: Path, numbers: Sequence[int]) -> list[Path]:
    """A file per seed or code."""
    return [folder / f"edited{n:04d}.png" for n in numbers]


def _strengths(
    words: Sequence[str], singles: Sequence[Directions]
) -> tuple[list[Directions], list[float]]:
    """The directions that are used, and an alpha for each, of `smile=2`, `age=-1,pose=0.5` or `1.5`.

    Raises:
        Failure: none, a name that is not there or that two files have, or no finite number.
    """
    names = [one.names[0] for one in singles]
    example = f"--alpha {names[0]}=2 for each direction that is used, or one number for all"
    items = [item.strip() for word in words for item in word.split(",")]
    if not items:
        raise Failure(f"give {example}; there are {', '.join(names[:12])}", USAGE)
    chosen: dict[int, float] = {}
    for item in items:
        name, sign, number = item.rpartition("=")
        try:
            strength = float(number)
        except ValueError:
            strength = math.nan
        if not math.isfinite(strength):
            raise Failure(f"--alpha {item}: expected a finite number; give {example}", USAGE)
        if not sign and len(items) > 1:
            raise Failure(f"--alpha {item}: one number for all stands alone; give {example}", USAGE)
        places = picked(name.strip(), names, option="--alpha") if sign else range(len(names))
        if name.strip() in names and len(places) > 1:
            raise Failure(
                f"--alpha {item}: {len(places)} of the directions are called {name!r}; "
                f"give its number, such as {places[0]}={number}",
                USAGE,
            )
        twice = [names[k] for k in places if k in chosen]
        if twice:
            raise Failure(f"--alpha {item}: {twice[0]!r} has an alpha already", USAGE)
        chosen.update(dict.fromkeys(places, strength))
    return [singles[k] for k in chosen], list(chosen.values())


def _picture(sides: Sequence[Any], scale: int) -> Image.Image:
    """A picture, or the unedited and the edited one side by side."""
    from PIL import Image

    from .._pictures import tile

    if len(sides) > 1:
        return tile([list(sides)], scale=scale)
    picture = Image.fromarray(sides[0])
    size = (picture.width * scale, picture.height * scale)
    return picture if scale == 1 else picture.resize(size, Image.Resampling.NEAREST)


def _tensors(start: Start) -> list[Any]:
    return start.codes if isinstance(start.codes, list) else [start.codes]


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _numbers(saved: SavedCodes, count: int) -> list[int] | None:
    """The seeds that our own file of codes names, one for each row; None where it names none.

    Raises:
        Failure: something else than a seed for each row.
    """
    seeds = saved.facts.get("seeds")
    if seeds is None:
        return None
    if not isinstance(seeds, list) or len(set(map(repr, seeds))) != count or len(seeds) != count:
        raise Failure(f"--codes: the file names no seed for each of its {count} rows", DATA)
    if not all(type(seed) is int and 0 <= seed <= _MAX_SEED for seed in seeds):
        raise Failure("--codes: the file names seeds that are none", DATA)
    return cast("list[int]", seeds)
