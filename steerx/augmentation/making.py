"""Making shards: a micro-batch is rendered while those before it are encoded, written and flushed."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from .._behind import behind
from .._pictures import Pixels, to_uint8
from ..rendering import is_out_of_memory
from ..working import Stop
from .encoding import SUFFIX, encode
from .errors import MemoryShortError, ShardError
from .folder import Folder, ShardWriter
from .judging import Verdict
from .records import record
from .rendering import Batch, Pictures
from .samples import Samples

Watch = Callable[[int], object]
Ended = Callable[[int, str], object]


@dataclass(frozen=True, eq=False)
class Shown:
    """A micro-batch as pixels.

    Attributes:
        samples, verdict: see `rendering.Batch`.
        pixels: of each sample [H, W, 3].
    """

    samples: Samples
    pixels: list[Pixels]
    verdict: Verdict | None

    def refused(self, place: int) -> str:
        """The rule that a picture broke; "" where it is taken."""
        return "" if self.verdict is None else self.verdict.refused[place]


@dataclass(frozen=True, eq=False)
class _Batch:
    """Some pictures of a shard on their way to its file; none where the shard was given up."""

    shard: int
    shown: Shown | None
    seconds: float
    last: bool
    reason: str = ""


@dataclass
class Made:
    """What a run has made.

    Attributes:
        shards: how many.
        failed: the others, and why.
    """

    shards: int = 0
    failed: dict[int, str] = field(default_factory=dict)


def make(
    pictures: Pictures,
    folder: Folder,
    shards: Iterable[int],
    *,
    encoders: int = 1,
    stop: Stop,
    watch: Watch = lambda count: None,
    ended: Ended = lambda shard, reason: None,
    failed: Callable[[], object] = lambda: None,
) -> Made:
    """Make shards, one after the other.

    A shard that cannot be made (NaN in a picture, no memory for a batch) is written down as failed, and the
    next one begins. What concerns all shards, such as a full disk, ends the run.

    Args:
        pictures: renders.
        folder: locked.
        shards: may be made while earlier ones are worked on.
        encoders: threads that encode.
        stop: is asked before every batch.
        watch: is told how many samples were written, batch by batch.
        ended: is told each shard, and why it could not be made; "" where it was.
        failed: is told, before the error is raised, that no more can be written; nobody need wait for more shards.

    Raises:
        Stopped: it was asked to; shards that were committed stay.
        OSError: the disk is full, or the like.
    """
    with _Writing(folder, encoders, watch, ended) as writing:

        def take(batch: _Batch) -> None:
            try:
                writing.take(batch)
            except BaseException:
                failed()
                raise

        behind(_batches(pictures, folder, shards, stop), take)
        return writing.made


def _batches(
    pictures: Pictures, folder: Folder, shards: Iterable[int], stop: Stop
) -> Iterator[_Batch]:
    for shard in shards:
        plan = folder.plans.of(shard)
        mine, span = pictures.by(plan), plan.span(shard)
        for first in range(span.start, span.stop, plan.batch):
            stop.check()
            started = time.perf_counter()
            ids = range(first, min(first + plan.batch, span.stop))
            try:
                shown = pixels_of(mine, ids)
            except ShardError as error:
                yield _Batch(shard, None, 0.0, True, str(error) + _remedy(error, folder))
                break
            seconds = time.perf_counter() - started
            yield _Batch(shard, shown, seconds, ids.stop == span.stop)


def _remedy(error: ShardError, folder: Folder) -> str:
    """What to type where a batch is too large for the memory."""
    if not isinstance(error, MemoryShortError) or not error.fits:
        return ""
    path = shlex.quote(str(folder.path))
    return (
        f": `steerx augment plan --amend-batch {error.fits} --outdir {path}` has the shards that are not done made "
        f"by it, then `steerx augment resume {path}`"
    )


def pixels_of(pictures: Pictures, ids: range) -> Shown:
    """A micro-batch as pixels.

    Raises:
        MemoryShortError: no memory for the batch.
        ShardError: NaN or infinity in a picture, or a scorer that failed.
    """
    batch: Batch | None
    try:
        batch = pictures.batch(ids)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        batch = None  # its error holds what was made so far, until this block ends
    if batch is None:
        raise MemoryShortError(pictures.plan.batch, _fitting(pictures, ids))
    images = batch.images
    finite = images.isfinite().flatten(1).all(dim=1)
    if not bool(finite.all()):
        worst = ids[int((~finite).nonzero()[0])]
        raise ShardError(
            f"sample {worst} has NaN or infinity in its picture; use smaller alphas, or float32"
        )
    return Shown(batch.samples, list(to_uint8(images).cpu().numpy()), batch.verdict)


def _fitting(pictures: Pictures, ids: range) -> int:
    """The largest half, quarter, ... of the batch that there is memory for; 0 = not even one picture."""
    size = pictures.plan.batch // 2
    while size:
        try:
            pictures.with_batch(size).batch(ids[:size])
            return size
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        size //= 2
    return size


class _Writing:
    """Takes batches, in order, in the second thread; a context that drops the shard in work."""

    def __init__(self, folder: Folder, encoders: int, watch: Watch, ended: Ended) -> None:
        self.folder, self.watch, self.ended = folder, watch, ended
        self.pool = ThreadPoolExecutor(encoders, "steerx-encode")
        self.open = contextlib.ExitStack()
        self.writer: ShardWriter | None = None
        self.seconds = {"render": 0.0, "encode": 0.0}
        self.made = Made()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pool.shutdown()
        self._drop()

    def take(self, batch: _Batch) -> None:
        """Encode and write; with a shard's last batch, commit it."""
        shown = batch.shown
        if shown is None:
            self._drop()
            self.folder.fail(batch.shard, batch.reason)
            self.made.failed[batch.shard] = batch.reason
            self.ended(batch.shard, batch.reason)
            return
        if self.writer is None:
            self.writer = self.open.enter_context(self.folder.shard(batch.shard))
            self.seconds = {"render": 0.0, "encode": 0.0}
        started = time.perf_counter()
        plan = self.folder.plans.of(batch.shard)
        suffix = SUFFIX[plan.codec.format]
        places = []
        for place, sample in enumerate(shown.samples.ids.tolist()):
            if rule := shown.refused(place):
                self.writer.reject(sample, rule)
            else:
                places.append(place)
        taken = [shown.pixels[place] for place in places]
        encoded = self.pool.map(lambda pixels: encode(pixels, plan.codec), taken)
        for place, data in zip(places, encoded, strict=True):
            about: dict[str, Any] = record(plan, shown.samples, place, shown.verdict)
            about["sha256"] = hashlib.sha256(data).hexdigest()
            self.writer.add(plan.sample_name(about["sample"]), data, suffix, about)
        self.seconds["render"] += batch.seconds
        self.seconds["encode"] += time.perf_counter() - started
        self.watch(len(shown.pixels))
        if batch.last:
            self._commit(batch.shard)

    def _commit(self, shard: int) -> None:
        assert self.writer is not None
        writer, stack, started = self.writer, self.open, time.perf_counter()
        self.writer, self.open = None, contextlib.ExitStack()
        stack.close()
        self.made.shards += 1
        times = self.seconds | {"commit": time.perf_counter() - started}
        told = {name: round(seconds, 4) for name, seconds in times.items()}
        facts = {"shard": shard, "samples": writer.count, "bytes": writer.bytes}
        self.folder.note(event="shard", time=time.time(), **facts, **told)
        self.ended(shard, "")

    def _drop(self) -> None:
        if self.writer is not None:
            self.writer = None
            error = ShardError("dropped")
            with contextlib.suppress(ShardError):
                self.open.__exit__(ShardError, error, None)
