"""amend: what is not yet done of a job goes on in batches of another size."""

from __future__ import annotations

import os
import time

from .errors import PlanError
from .folder import Folder
from .plan import Plan


def amend(folder: str | os.PathLike[str], *, batch: int) -> Plan:
    """Give what is not yet done of a data set another batch, as where memory has run out; then the same call goes on.

    Shards that are done stay. The others become those of a job that had this batch from the beginning, byte for byte
    (*sample-exact*), and name its plan. The next call of `augment`, or `steerx augment resume`, makes them, with the
    arguments that the job began with.

    Args:
        folder: of `augment`, in which no run works now.
        batch: pictures rendered at once; what is beyond a shard is cut to it, as everywhere.

    Returns:
        The plan of what is not yet done; in the folder as plan-0001.json, or the next number.

    Raises:
        PlanError: the folder holds no job, everything is done, or the rest has this batch already.
        LockedError: a run works in it.
        DamageError: its plan or an amendment is torn.
        ValueError: the batch is no positive integer.
        OSError: the folder cannot be written.

    Example:
        >>> steerx.augmentation.amend("set", batch=4)  # doctest: +SKIP
    """
    if type(batch) is not int or batch < 1:
        raise ValueError(f"amend: batch must be a positive integer, got {batch!r}; give 1 or more")
    with Folder.working(folder, Folder.read(folder).plan) as job:
        pending = job.pending()
        size = min(batch, job.plan.shard_size)
        if not pending:
            raise PlanError(
                f"amend: all {job.plan.shards} shards of {folder} are done, and an amendment is for what is not; "
                "another batch for all needs a new folder"
            )
        if all(job.plans.of(shard).batch == size for shard in pending):
            raise PlanError(
                f"amend: batch must be another than the present one of {folder}, {size}, got {batch}; "
                "`steerx augment resume` goes on with that"
            )
        plan = job.amend(size, pending)
        job.note(event="amended", time=time.time(), batch=size, plan=plan.plan_id)
        return plan
