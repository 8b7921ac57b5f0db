"""`steerx augment`: labelled data sets of edited pictures, in shards, whatever happens on the way."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import jobs
from .amended import AmendBatch, WithoutAmending, amend
from .augmented import said_of, show_estimate, show_status, verified
from .crews import Ray, check_ray, devices_of, places_of
from .exported import export
from .failures import IO, PARTLY, PLAN, USAGE, Failure, argument
from .judges import Accept, Looks, Reach, ScorerName, Tolerance, Tries, judge_of
from .moves import changed
from .opening import in_options, open_codes, open_directions, open_generator, picked
from .options import (
    Batch,
    Codes,
    Cutoff,
    Device,
    Dtype,
    DtypeName,
    JobFile,
    Json,
    Motion,
    Network,
    Outdir,
    SpaceName,
    Trunc,
    Unit,
    named,
)
from .progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..augmentation import Crew, Folder, Pictures

app = typer.Typer(help="Make a labelled data set of edited pictures; a killed run goes on.")
_SHARDS_EACH = 4  # fewer are not worth the start of a process
OUT = Annotated[Path, typer.Argument(help="Folder of the data set.", show_default=False)]


class FormatName(StrEnum):
    """Codec of the pictures."""

    jpeg = "jpeg"
    png = "png"
    webp = "webp"


class SamplingName(StrEnum):
    """Colour resolution of JPEG."""

    full = "444"
    half = "420"


class BulkNoise(StrEnum):
    """Per-layer noise of a data set."""

    sample = "sample"
    const = "const"
    none = "none"


def make(
    context: typer.Context,
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
            help="smile=-2,0,2 (in turn), smile=uniform:-3,3, smile=normal:0,1.5 or smile=bins:-3,0,3 (equal "
            "counts); smile=target:... for a score to be reached; without a name for all. May be "
            "repeated; directions without one are not used.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", help="Draw so many sources.", min=0)
    ] = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="Sources of `sample --seeds`, instead.")
    ] = None,
    codes: Codes = None,
    space: Annotated[
        SpaceName | None,
        typer.Option("--space", help="Where --codes and boundaries (.npy) live."),
    ] = None,
    key: Annotated[int, typer.Option("--key", help="Of all random draws.", min=0)] = 0,
    edits: Annotated[int, typer.Option("--edits", help="Edited pictures of a source.", min=0)] = 1,
    at_once: Annotated[
        int, typer.Option("--at-once", help="Directions that each is moved along.", min=1)
    ] = 1,
    original: Annotated[bool, typer.Option(help="Keep each source's unedited picture too.")] = True,
    trunc: Trunc = 1.0,
    cutoff: Cutoff = None,
    layers: Annotated[
        str | None, typer.Option("--layers", help="Move these layers instead of each direction's.")
    ] = None,
    motion: Motion = None,
    unit: Unit = None,
    classes: Annotated[
        str | None,
        typer.Option("--class", help="Classes such as 0-9 or 3; sources take them in turn."),
    ] = None,
    noise_mode: Annotated[
        BulkNoise, typer.Option("--noise-mode", help="Per-layer noise; sample draws one for each.")
    ] = BulkNoise.sample,
    format: Annotated[FormatName, typer.Option("--format", help="Codec.")] = FormatName.jpeg,
    quality: Annotated[
        int | None,
        typer.Option(
            "--quality", help="Of JPEG and WebP.", min=1, max=100, show_default="95; WebP lossless"
        ),
    ] = None,
    subsampling: Annotated[
        SamplingName, typer.Option("--subsampling", help="Of JPEG.")
    ] = SamplingName.full,
    scorer: ScorerName = None,
    accept: Accept = None,
    tries: Tries = 1,
    reach: Reach = "-6,6",
    tolerance: Tolerance = 0.1,
    looks: Looks = 8,
    shard_size: Annotated[
        int, typer.Option("--shard-size", help="Samples in a shard: what a kill may cost.", min=1)
    ] = 1024,
    outdir: Outdir = Path("out"),
    any_checkpoint: Annotated[
        bool, typer.Option("--any-checkpoint", help="Take directions and codes of another one.")
    ] = False,
    batch: Batch = None,
    amend_batch: AmendBatch = None,
    encoders: Annotated[int, typer.Option("--encoders", help="Threads that encode.", min=1)] = 1,
    workers: Annotated[
        int, typer.Option("--workers", help="How many share the folder.", min=1)
    ] = 1,
    worker_index: Annotated[
        int | None,
        typer.Option(
            "--worker-index",
            help="Which of --workers this is, from 0: $SLURM_ARRAY_TASK_ID.",
            min=0,
            show_default=False,
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            help="How many make shards on this machine.",
            min=1,
            show_default="one per core or GPU, where there are shards for them",
        ),
    ] = None,
    ray: Ray = None,
    device: Device = "auto",
    dtype: Dtype = DtypeName.float32,
    job: JobFile = None,
) -> None:
    """Make the data set; what is there of it stays (`plan` says what it would take, and writes nothing)."""
    from ..working import one_thread

    if amend_batch is not None:
        amend(context, outdir, batch=amend_batch)
        return
    if (workers > 1) != (worker_index is not None) or (worker_index or 0) >= workers:
        raise Failure("give --workers N and --worker-index 0 ... N-1 together", USAGE)
    check_ray(ray, processes)
    with one_thread():
        pictures = _pictures(
            named(network),
            directions or [],
            alpha or [],
            {"count": count, "seeds": seeds, "key": key, "edits": edits, "at_once": at_once}
            | {"keep_original": original, "psi": trunc, "cutoff": cutoff, "batch": batch}
            | {"noise": noise_mode.value, "format": format.value, "quality": quality}
            | {"subsampling": subsampling.value, "shard_size": shard_size, "labels": classes},
            codes=codes,
            space=space,
            any_checkpoint=any_checkpoint,
            change={"layers": layers, "motion": motion, "unit": unit},
            judging={"scorer": scorer, "accept": accept or [], "tries": tries}
            | {"reach": reach, "tolerance": tolerance, "looks": looks},
            device=device,
            dtype=dtype,
        )
        if context.info_name == "plan":
            show_estimate(pictures, outdir)
            return
        crew = _crew(pictures, named(network), processes, device, dtype, encoders, scorer, ray)
        _run(pictures, outdir, crew, worker=worker_index or 0, workers=workers)


app.command("plan", help="Say what the data set takes: pictures, bytes, time; write nothing.")(make)
app.command("run", cls=WithoutAmending)(make)
app.command("export")(export)


@app.command("resume")
def resume(context: typer.Context, outdir: OUT) -> None:
    """Go on with a data set where it is, with the arguments of its job.yaml."""
    assert context.parent is not None
    job = outdir / "job.yaml"
    if not job.exists():
        raise Failure(f"{outdir} holds no job.yaml; repeat the `steerx augment run` of it", PLAN)
    _check_files(job)
    group: Any = context.parent.command
    command = group.commands["run"]
    words = ["--job", str(job), "--outdir", str(outdir)]
    with command.make_context("run", words, parent=context.parent) as inner:
        command.invoke(inner)


def _check_files(job: Path) -> None:
    """Say from where the paths of a job count, where its files are not here."""
    told = jobs.read(job).arguments
    for name in ("directions", "codes"):
        value = told.get(name) or []
        for file in value if isinstance(value, list) else [value]:
            if not Path(str(file)).exists():
                raise Failure(
                    f"there is no file {file}, which {job} names; its paths count from the folder where the run "
                    "was started: go there, or repeat the `steerx augment run` with paths that hold here",
                    IO,
                )


@app.command("status")
def status(outdir: OUT, as_json: Json = False) -> None:
    """Say how far a data set is; needs no lock."""
    from ..augmentation import Folder

    told = said_of(Folder.read(outdir))
    typer.echo(json.dumps(told)) if as_json else show_status(told, outdir)


@app.command("verify")
def verify(
    outdir: OUT,
    fix: Annotated[
        bool, typer.Option("--fix", help="Have the next run make damaged shards again.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read every shard again and compare it with its receipt; 65 where one is damaged."""
    from ..augmentation import Folder

    verified(Folder.read(outdir), fix=fix, as_json=as_json)


def _pictures(
    network: str,
    files: Sequence[str],
    words: Sequence[str],
    policy: dict[str, Any],
    *,
    codes: Path | None,
    space: SpaceName | None,
    any_checkpoint: bool,
    change: dict[str, Any],
    judging: dict[str, Any],
    device: str,
    dtype: str,
) -> Pictures:
    """The plan that the options mean, and what renders it."""
    from .._seeds import parse_seeds
    from ..augmentation import Pictures, make_plan

    G = open_generator(network, device=device, dtype=dtype)
    given: dict[str, Any] = {"codes": None, "space": None}
    if codes is not None:
        saved = open_codes(codes, G, space=space, any_checkpoint=any_checkpoint)
        given = {"codes": saved.codes, "space": saved.space}
    singles = open_directions(files, G, only=None, any_checkpoint=any_checkpoint, space=space)
    alphas = _alphas(words, [one.names[0] for one in singles])
    singles = [one for one in singles if one.names[0] in alphas]
    singles = changed(singles, G, **change)
    with argument("--class"):
        policy["labels"] = () if policy["labels"] is None else parse_seeds(policy["labels"])
    try:
        judge = judge_of(G, **judging)
        plan = make_plan(G, singles, alphas=alphas, judge=judge, **policy, **given)
    except ValueError as error:
        raise Failure(in_options(str(error)), USAGE) from error
    return Pictures(plan, G, singles, given["codes"], judge)


def _alphas(words: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """A distribution for each direction that is used, by name."""
    if not names:
        return {}
    chosen: dict[str, str] = {}
    for word in words:
        name, sign, said = word.partition("=")
        places = picked(name.strip(), names, option="--alpha") if sign else range(len(names))
        chosen |= dict.fromkeys((names[k] for k in places), said if sign else word)
    if not chosen:
        raise Failure(
            f"give --alpha {names[0]}=uniform:-3,3 for each direction that is used, or uniform:-3,3 for all; "
            f"there are {', '.join(names[:12])}",
            USAGE,
        )
    return chosen


def _crew(
    pictures: Pictures,
    network: str,
    processes: int | None,
    device: str,
    dtype: DtypeName,
    encoders: int,
    scorer: str | None,
    ray: str | None,
) -> Crew:
    """A process per core, or per GPU; fewer where there are few shards. On a cluster as many as were asked for."""
    from ..augmentation import Crew

    if processes is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        gpus = len(places_of(pictures.G, device)) if pictures.G.device.type == "cuda" else None
        processes = max(1, min(gpus or cores or 1, pictures.plan.shards // _SHARDS_EACH))
    devices = devices_of(pictures.G, device, processes, ray)
    return Crew(network, devices, dtype.value, encoders=encoders, scorer=scorer, ray=ray)


def _run(pictures: Pictures, outdir: Path, crew: Crew, *, worker: int, workers: int) -> None:
    from ..augmentation import Folder, run

    plan = pictures.plan
    advance: Callable[[int], None] = lambda count: None  # noqa: E731 - until it is known how many

    def begun(folder: Folder, pending: Sequence[int]) -> None:
        nonlocal advance
        if not (outdir / "job.yaml").exists():
            jobs.record(outdir, force=False, model=plan.model_id, plan=plan.plan_id)
        if len(pending) < plan.shards:
            typer.echo(f"{len(pending)} of {plan.shards} shards are to be made", err=True)
        samples = sum(len(plan.span(shard)) for shard in pending)
        advance = shown.enter_context(progress("augmenting", samples))

    with ExitStack() as shown:
        made = run(
            pictures,
            outdir,
            encoders=crew.encoders,
            crew=crew if crew.ray or len(crew.devices) > 1 else None,
            worker=worker,
            workers=workers,
            begun=begun,
            watch=lambda count: advance(count),
        )
    if made.failed:
        first = min(made.failed)
        raise Failure(
            f"{len(made.failed)} shards were not made, the first is {first}: {made.failed[first]}; "
            f"`steerx augment status {outdir}` lists them",
            PARTLY,
        )
    judged = plan.judging is not None
    rejected = said_of(Folder.read(outdir))["rejected"] if judged else 0
    left_out = f" ({rejected} more were left out)" if rejected else ""
    typer.echo(
        f"{plan.samples - rejected} pictures{left_out} in {plan.shards} shards in {outdir}; "
        f"{made.shards} made now"
    )
