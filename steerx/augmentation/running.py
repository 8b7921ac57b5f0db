"""augment: from a generator, directions and a policy to a labelled data set, exactly once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from .._seeds import Seeds
from ..directions import DirectionsLike, as_directions
from ..editing import several
from ..generators import Generator
from ..generators.generator import Codes, CodeSpace
from ..working import one_thread, stopping
from .card import card
from .crew import Crew, make_by_crew
from .encoding import Format, check_encoder
from .folder import Folder
from .judging import Judge
from .making import Made, Watch, make
from .planning import SHARD, AlphasLike, make_plan
from .rendering import Pictures


def augment(
    G: Generator,
    directions: DirectionsLike | Sequence[DirectionsLike],
    *,
    out: str | os.PathLike[str],
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
    encoders: int = 1,
    any_checkpoint: bool = False,
    judge: Judge | None = None,
    crew: Crew | None = None,
    watch: Watch = lambda count: None,
) -> Made:
    """Make a labelled data set of edited pictures, as tar shards that WebDataset reads.

    What a sample is depends on the arguments and its number alone. A run that was cut short, by whatever,
    goes on when it is called again with the same arguments; the files are then those of a run that was
    not, byte for byte (*sample-exact*: on one backend and version set, which the plan in the folder names).

    Args:
        G: the generator.
        directions: sets, fitted methods or files; several attributes.
        out: a new or an empty folder, or that of the same job.
        alphas: how far samples are moved, in units of each direction's scale: for all directions, or by
            name. One number; a list of values, which are taken in turn; "uniform:-3,3"; "normal:0,1.5";
            "bins:-3,-1,1,3", as many in each bin; "target:" before one of these: the alpha that gives
            the picture that score.
        count: sources that are drawn by their number, keyed by `key`.
        seeds: sources of `sample --seeds`, instead.
        codes: z [N, Z], w [N, D], w_plus [N, L, D] or styles, instead.
        space: which of these the codes are; must be told for [N, Z] and [N, D].
        key: of all random draws.
        edits: edited samples of each source.
        at_once: directions that each is moved along; sources go through the directions in turn.
        keep_original: a source gives its unedited picture too.
        psi, cutoff: truncation.
        labels: classes of a conditional network, which sources take in turn.
        noise: "sample": a draw of its own for each sample. "const" is one pattern in all pictures, which a
            classifier can learn. "none".
        format: "jpeg", "png" or "webp" (lossless unless a quality is given).
        quality: 1-100; None = 95 for JPEG.
        subsampling: of JPEG, "444" or "420".
        shard_size: samples in a shard; what a kill loses at most.
        batch: pictures rendered at once; None = by resolution. Part of the plan: another one gives
            pictures that are close, not the same.
        encoders: threads that encode, where there is no crew, which has its own.
        any_checkpoint: take directions of another checkpoint.
        judge: a scorer, whose scores stand beside each picture and can be sought, and rules that a
            picture must keep; see `Judge`.
        crew: processes or actors that make the shards, the same bytes; None = this process.
        watch: is told how many samples were written, batch by batch.

    Returns:
        How many shards were made now, and those that could not be, with reasons.

    Raises:
        PlanError: the folder holds another job; says the difference.
        LockedError: another run works in it.
        Stopped: SIGTERM, SIGHUP or Ctrl-C; the same call goes on.
        ValueError: arguments that do not fit.
        OSError: the disk is full, or the like.

    Example:
        >>> steerx.augment(G, "smile.safetensors", out="set", alphas="uniform:-3,3", count=1000)
    """
    with one_thread():
        sets = [as_directions(one) for one in several(directions)]
        for one in sets:
            one.check_generator(G, any_checkpoint=any_checkpoint)
        singles = [single for one in sets for single in one]
        plan = make_plan(
            G,
            singles,
            alphas=alphas,
            count=count,
            seeds=seeds,
            codes=codes,
            space=space,
            key=key,
            edits=edits,
            at_once=at_once,
            keep_original=keep_original,
            psi=psi,
            cutoff=cutoff,
            labels=labels,
            noise=noise,
            format=format,
            quality=quality,
            subsampling=subsampling,
            shard_size=shard_size,
            batch=batch,
            judge=judge,
        )
        pictures = Pictures(plan, G, singles, codes, judge)
        return run(pictures, out, encoders=encoders, crew=crew, watch=watch)


def run(
    pictures: Pictures,
    out: str | os.PathLike[str],
    *,
    encoders: int = 1,
    worker: int = 0,
    workers: int = 1,
    crew: Crew | None = None,
    begun: Callable[[Folder, Sequence[int]], object] = lambda folder, pending: None,
    watch: Watch = lambda count: None,
) -> Made:
    """Make what is missing of a job.

    Args:
        pictures: renders the plan's samples.
        out: its folder.
        encoders: threads that encode.
        worker, workers: of several that share the folder, each on a machine of its own perhaps; this one
            makes shards worker, worker + workers, ... Whoever is last finishes the job.
        crew: processes or actors that make the shards; None = this process.
        begun: is told the locked folder and its pending shards, before the work.
        watch: is told how many samples were written.

    Raises:
        As `augment`.
    """
    check_encoder(pictures.plan.codec)
    _check(encoders, crew)
    with (
        Folder.working(out, pictures.plan, shared=workers > 1) as folder,
        stopping() as stop,
        one_thread(),
    ):
        pending = folder.pending()
        if pending:
            folder.unfinish()
        mine = [shard for shard in pending if shard % workers == worker]
        folder.keep_inputs(pictures.directions, pictures.codes)
        begun(folder, mine)
        if crew is None or len(mine) < 2:
            made = make(pictures, folder, mine, encoders=encoders, stop=stop, watch=watch)
        else:
            made = make_by_crew(folder, crew, mine, stop=stop, watch=watch)
        stop.check()
        folder.finish(
            lambda samples: card(folder.plan, samples=samples, parts=folder.plans.parts())
        )
        return made


def _check(encoders: int, crew: Crew | None) -> None:
    """Refuse those who cannot work, before there is a folder."""
    came: object = crew
    if came is not None and not isinstance(came, Crew):
        raise ValueError(
            f"augment: crew must be a steerx.augmentation.Crew, got one of {type(came).__module__}"
        )
    for number in (encoders, 1 if crew is None else crew.encoders):
        if number < 1:
            raise ValueError(f"augment: encoders must be 1 or more, got {number}")
    if crew is not None:
        crew.check()
