"""`steerx walk`: a closed path through edits, as a looping animation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import jobs
from .dry_run import Cost, measured, tell
from .failures import USAGE, Failure
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
    seeds_unless,
)
from .path import Easing, Stop, closed_path, without_rests
from .progress import progress
from .strips import WEBP_SIDE
from .writing import claim

if TYPE_CHECKING:
    from PIL import Image

    from ..directions import Directions

ALPHA = 2.0  # how far the path goes where no stop is given
FRAME_PIXELS = 1 << 24  # of one frame, of which a few are in memory
FRAMES = 10_000


def walk(
    network: Network = None,
    directions: Annotated[
        list[str] | None,
        typer.Argument(help="Direction files (.safetensors, .npy, .npz).", show_default=False),
    ] = None,
    stop: Annotated[
        list[str] | None,
        typer.Option(
            "--stop",
            help="Where the path goes, such as smile=2,age=-1; give it again for the next stop.",
            show_default="each direction there and back",
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option("--alpha", help="How far, without --stop.", show_default=f"{ALPHA:g}"),
    ] = None,
    frames: Annotated[int, typer.Option("--frames", help="How many.", min=2, max=FRAMES)] = 60,
    fps: Annotated[float, typer.Option("--fps", help="Frames per second.", min=1, max=50)] = 15,
    easing: Annotated[
        Easing, typer.Option("--easing", help="smooth: slow at the stops.")
    ] = Easing.smooth,
    seeds: Seeds = "0-3",
    codes: Codes = None,
    space: Annotated[
        SpaceName | None,
        typer.Option("--space", help="Where --codes and boundaries (.npy) live."),
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", help="Some directions: 0-4, or names.")
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
    out: Annotated[
        Path, typer.Option("--out", "--output", "-o", help="A .webp, .gif or .mp4.")
    ] = Path("walk.webp"),
    scale: Scale = 1,
    any_checkpoint: Annotated[
        bool, typer.Option("--any-checkpoint", help="Take directions and codes of another one.")
    ] = False,
    batch: Batch = None,
    device: Device = "auto",
    dtype: Dtype = DtypeName.float32,
    renderer: Renderer = RendererName.auto,
    force: Force = False,
    dry_run: DryRun = False,
    job: JobFile = None,
) -> None:
    """Walk from the unedited picture through edits and back, as an animation that loops."""
    network = named(network)
    if not directions:
        raise Failure("give direction files behind NETWORK; `steerx mine` makes them", USAGE)
    suffix = _suffix(out)
    claim([out], force=force)
    origin: dict[str, Any] = {"seeds": seeds_unless(codes, seeds), "codes": None, "space": None}
    G = open_generator(network, device=device, dtype=dtype, renderer=renderer)
    place_pictures(G, translate, rotate)
    if codes is None:
        check_codes(G, label, trunc, cutoff)
    else:
        saved = open_codes(codes, G, space=space, any_checkpoint=any_checkpoint)
        origin.update(codes=saved.codes, space=saved.space)
        if saved.space == "w_plus" and trunc == 1:  # what they went through shrinks steps in w
            trunc, cutoff = truncation_said(codes, saved)
    singles = open_directions(directions, G, only=only, any_checkpoint=any_checkpoint, space=space)
    note_classes(singles, label)
    singles = changed(singles, G, layers=layers, motion=motion, unit=unit)
    stops, used = _stops(stop or [], alpha, singles)
    path = closed_path(stops, frames, easing)

    import torch

    from .._pictures import tile
    from ..editing import along
    from ..generators.start import begin
    from ..rendering import noise_of
    from ..scoring import batches_of

    try:
        start, numbers = begin("walk", G, **origin, psi=trunc, cutoff=cutoff, label=label)
        with torch.inference_mode():
            along(start.rows(slice(0, 1)), G, list(zip(used, path[1], strict=True)))
    except ValueError as error:
        raise Failure(in_options(str(error)), USAGE) from error
    _check_size(len(start), G.resolution * scale, suffix)
    batches = batches_of("walk", G, batch)

    @torch.inference_mode()
    def pictures(places: Sequence[int], moves: list[tuple[Directions, float]]) -> list[Any]:
        some = along(start.rows(torch.tensor(places, device=G.device)), G, moves)
        ids = tuple(numbers[n] for n in places)
        noise = noise_of("walk", noise_mode.value, 0, ids, G.device)
        return list(G.renderer.render(some.rendered(G), noise=noise, out="uint8").cpu().numpy())

    def frame(place: int) -> Image.Image:
        moves = list(zip(used, path[place], strict=True))
        rows: list[Any] = []
        for _, made in batches.over(range(len(start)), lambda some: pictures(some, moves)):
            rows += made
        return tile([rows], scale=scale)

    if dry_run:
        seconds = measured(lambda: frame(0))
        tell(
            Cost(2, _bytes(suffix, frame, frames, fps), frames * len(start), seconds * frames), out
        )
        return
    jobs.record(out, force=force, model=G.model_id)
    with progress("walking", frames) as advance:

        def counted(place: int) -> Image.Image:
            advance(1)
            return frame(place)

        _write(out, suffix, counted, frames, fps, force=force)
    where = ", ".join(one.names[0] for one in used)
    typer.echo(
        f"{frames} frames of {len(start)} pictures along {where}, {frames / fps:.1f} s: {out}"
    )


def _suffix(out: Path) -> str:
    """Kind of animation, after checking that it can be written here.

    Raises:
        Failure: another kind, or a film without the extra.
    """
    from ..reporting.animation import SUFFIXES, check_video

    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise Failure(f"--out must end in {', '.join(SUFFIXES)}, got {out}", USAGE)
    if suffix == ".mp4":
        try:
            check_video()
        except ModuleNotFoundError as error:
            raise Failure(f"--out {out}: {error}") from error
    return suffix


def _stops(
    words: Sequence[str], alpha: float | None, singles: Sequence[Directions]
) -> tuple[list[Stop], list[Directions]]:
    """Alphas [K'] at each stop, the unedited picture first, and the K' directions that move.

    Raises:
        Failure: a name that is not there, no finite number, or a path that goes nowhere.
    """
    if words and alpha is not None:
        raise Failure("give --stop or --alpha, one of them", USAGE)
    count = len(singles)
    rest = (0.0,) * count
    stops: list[Stop] = [rest]
    for word in words:
        stops.append(_stop(word, singles))
    if not words:
        far = ALPHA if alpha is None else alpha
        if not math.isfinite(far):
            raise Failure(f"--alpha must be a finite number, got {far}", USAGE)
        for k in range(count):
            ends = [tuple(end if i == k else 0.0 for i in range(count)) for end in (far, -far)]
            stops += [*ends, rest]
    stops = without_rests(stops)
    if len(stops) < 2:
        raise Failure("the path goes nowhere; give --stop with an alpha that is not 0", USAGE)
    used = [k for k in range(count) if any(stop[k] for stop in stops)]
    return [tuple(stop[k] for k in used) for stop in stops], [singles[k] for k in used]


def _stop(word: str, singles: Sequence[Directions]) -> Stop:
    """Alphas of `smile=2,age=-1`; directions that are not named are at 0."""
    names = [one.names[0] for one in singles]
    alphas = [0.0] * len(names)
    for item in word.split(","):
        name, sign, number = item.rpartition("=")
        try:
            value = float(number) if sign else math.nan
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise Failure(f"--stop {item}: expected NAME=ALPHA such as {names[0]}=2", USAGE)
        places = picked(name.strip(), names, option="--stop")
        if name.strip() in names and len(places) > 1:
            raise Failure(
                f"--stop {item}: {len(places)} directions have this name; give a number such as "
                f"{places[0]}={number}",
                USAGE,
            )
        for place in places:
            alphas[place] = value
    return tuple(alphas)


def _check_size(count: int, side: int, suffix: str) -> None:
    """Refuse frames that are too large, before any is rendered."""
    from .._pictures import GUTTER

    width = count * (side + GUTTER) + GUTTER
    words = "give fewer --seeds, or a smaller --scale"
    if width * side > FRAME_PIXELS:
        raise Failure(
            f"a frame would have {width * side / 1e6:.0f} megapixels, at most "
            f"{FRAME_PIXELS / 1e6:.0f} are drawn; {words}",
            USAGE,
        )
    if suffix == ".webp" and width > WEBP_SIDE:
        raise Failure(
            f"a frame would be {width} pixels wide, WebP holds {WEBP_SIDE}; {words}", USAGE
        )


def _bytes(suffix: str, frame: Callable[[int], Image.Image], frames: int, fps: float) -> int:
    """Size of the animation, from a probe of two frames."""
    import io

    from ..reporting.animation import animate

    buffer = io.BytesIO()
    pair = [frame(0), frame(frames // 4)]
    animate(buffer, suffix, pair.__getitem__, count=2, fps=fps)
    return len(buffer.getvalue()) * frames // 2


def _write(
    out: Path,
    suffix: str,
    frame: Callable[[int], Image.Image],
    frames: int,
    fps: float,
    *,
    force: bool,
) -> None:
    """Frames to the file as they are made; whole or absent."""
    from .._files import whole_file
    from ..reporting.animation import animate

    with whole_file(out, overwrite=force) as handle:
        animate(handle, suffix, frame, count=frames, fps=fps)
