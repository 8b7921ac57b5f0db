"""export: shards that are done to the forms that other programs read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from ..card import card
from ..errors import DamageError, UnfinishedError
from ..folder import Folder, Receipt
from ..reading import Sample, read_shard
from ..verifying import finished
from . import imagefolder, parquet, stylegan_zip, webdataset
from .contents import METADATA, Contents, Write
from .place import whole

Container = Literal["webdataset", "imagefolder", "stylegan-zip", "parquet"]
_FILE = (
    500_000_000  # bytes of a file where nothing else is said: data set hubs and loaders like that
)


@dataclass(frozen=True)
class _Form:
    """How a container is written, and what its card says."""

    write: Write
    where: str  # what is said of each sample stands
    pattern: str = ""  # of its files, for data set hubs


_FORMS: dict[str, _Form] = {
    "webdataset": _Form(webdataset.write, "a JSON file beside it", "data/*.tar"),
    "imagefolder": _Form(imagefolder.write, f"a line in `{METADATA}`"),
    "stylegan-zip": _Form(stylegan_zip.write, f"a line in `{METADATA}`"),
    "parquet": _Form(parquet.write, "columns", "data/*.parquet"),
}


def export(
    folder: str | os.PathLike[str],
    *,
    to: Container,
    out: str | os.PathLike[str],
    per_file: int | None = None,
    partial: bool = False,
    watch: Callable[[int], object] = lambda samples: None,
) -> int:
    """Write the pictures of a data set in another form; every byte is compared with its receipt as it is read.

    The result appears under its name when all of it is on the disk. An export that was killed is begun again by
    the same call; the data set is only read.

    Args:
        folder: of `augment`.
        to: "webdataset": tar files with a picture and a JSON file for each sample. "imagefolder": picture files and
            metadata.jsonl. "stylegan-zip": one archive with dataset.json, for trainers of that family. "parquet":
            pictures and columns in files that `datasets` reads; needs the extra `parquet`.
        out: a new folder, or file for "stylegan-zip".
        per_file: samples in a file of "webdataset" and "parquet"; None = some 500 MB.
        partial: take what is there of a data set that is not finished.
        watch: is told how many samples were written, shard by shard.

    Returns:
        How many samples were exported.

    Raises:
        UnfinishedError: the data set is not finished, or has no samples.
        DamageError: a shard is not what its receipt says; nothing was exported.
        LockedError: another process exports to the same name.
        ValueError: arguments that do not fit.
        OSError: the disk is full, or the like.

    Example:
        >>> steerx.augmentation.export("set", to="parquet", out="set-parquet")  # doctest: +SKIP
    """
    if to not in _FORMS:
        raise ValueError(f"export: to must be one of {', '.join(get_args(Container))}, got {to!r}")
    if per_file is not None and per_file < 1:
        raise ValueError(f"export: per_file must be 1 or more, got {per_file}")
    if to == "parquet" and find_spec("pyarrow") is None:
        raise ValueError(
            'export: Parquet needs pyarrow; install it by pip install "steerx[parquet]"'
        )
    job, form = Folder.read(folder), _FORMS[to]
    receipts = [r for r in map(job.done, range(job.plan.shards)) if r is not None]
    if not partial and not finished(job):
        raise UnfinishedError(
            f"{job.path} is not finished: {len(receipts)} of {job.plan.shards} shards are done; finish it by "
            "`steerx augment resume`, or say partial=True for what is there"
        )
    if not partial and len(receipts) < job.plan.shards:
        raise DamageError(
            f"{job.path} says that it is finished, and {job.plan.shards - len(receipts)} of its "
            f"{job.plan.shards} shards are not whole; mend it by `steerx augment verify` and `resume`"
        )
    samples = sum(r.count for r in receipts)
    if not samples:
        raise UnfinishedError(f"{job.path} has no samples to export")
    if per_file is None:
        per_file = max(1, _FILE * samples // sum(r.bytes for r in receipts))
    told = card(
        job.plan,
        samples=samples,
        parts=job.plans.parts(),
        where=form.where,
        pattern=form.pattern,
    )
    contents = Contents(job.plan, samples, per_file, told.encode())
    with whole(Path(os.path.abspath(out))) as place:
        reading = _read(job, receipts, watch)
        form.write(place, contents, reading)
        if next(reading, None) is not None:  # also has the last shard's hash compared
            raise DamageError(f"{job.path} changed while it was read; export it again")
    return samples


def _read(
    job: Folder, receipts: Sequence[Receipt], watch: Callable[[int], object]
) -> Iterator[Sample]:
    for receipt in receipts:
        yield from read_shard(job, receipt.shard)
        watch(receipt.count)
