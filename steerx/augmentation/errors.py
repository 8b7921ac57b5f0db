"""Why a bulk job does not go on."""

from __future__ import annotations


class AugmentError(ValueError):
    """A bulk job was refused or has failed; the message says why and what to do."""


class PlanError(AugmentError):
    """The folder holds another job than the one that was asked for."""


class DamageError(AugmentError):
    """A file of the folder is torn or was changed."""


class UnfinishedError(AugmentError):
    """The data set is not finished."""


class LockedError(AugmentError):
    """Another run works in the folder."""


class ShardError(AugmentError):
    """A shard cannot be made; others can."""


class MemoryShortError(ShardError):
    """There is no memory for a batch.

    Attributes:
        batch: pictures at once that were too many.
        fits: how many there is memory for; 0 = not even one.
    """

    def __init__(self, batch: int, fits: int) -> None:
        remedy = f"a batch of {fits} fits" if fits else "use a device with more memory"
        super().__init__(f"out of memory for {batch} pictures at once; {remedy}")
        self.batch, self.fits = batch, fits


class UnevenError(AugmentError):
    """The same shard came out with other bytes."""
