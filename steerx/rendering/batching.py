"""Batches of pictures that fit in memory.

Where memory might be short, the first ones are one picture, one again, and two, which tells what a picture takes,
and the next have as many as fit. Where memory runs out all the same, the batch is halved, and the work goes on.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from .memory import forget_peak, free_memory, peak_memory, taken_memory

Item = TypeVar("Item")
Result = TypeVar("Result")

# What torch and its libraries say, where they raise no error of a kind of its own.
_WORDS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "alloc_failed",
    "bad_alloc",
)


# Of the free memory, what a batch may take: the rest is for what others take meanwhile.
_SHARE = 0.75


class Batches:
    """How many pictures are made at once; shrinks where memory runs out and stays small.

    Args:
        caller: opens the warnings.
        size: pictures at once.
        device: whose memory the first batches are measured on; None = the size fits, or was asked for.

    Attributes:
        size: pictures at once, at most.
    """

    def __init__(self, caller: str, size: int, *, device: torch.device | None = None) -> None:
        """Store."""
        self.caller, self.size, self.device = caller, size, device
        self._growing: dict[str, _Growth] = {}

    def over(
        self,
        items: Sequence[Item],
        work: Callable[[Sequence[Item]], Result],
        *,
        kind: str = "pictures",
    ) -> Iterator[tuple[Sequence[Item], Result]]:
        """Each batch of items with what `work` makes of it, in order.

        Args:
            items: of all batches.
            work: makes one.
            kind: of work that takes as much memory per item; each is measured by itself.

        Raises:
            MemoryError: one picture alone does not fit.
        """
        growth = None
        if self.device is not None:
            growth = self._growing.setdefault(kind, _Growth(self.device))
        first = 0
        while first < len(items):
            most = self.size if growth is None else min(self.size, growth.most())
            batch = items[first : first + most]
            watched = growth is not None and len(batch) < self.size
            if growth is not None and watched:
                forget_peak(growth.device)
            try:
                result = work(batch)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                cause = error.with_traceback(None)  # its frames hold the tensors that did not fit
            else:
                if growth is not None and watched:
                    growth.saw(len(batch))
                yield batch, result
                first += len(batch)
                continue
            self._halve(len(batch), cause)

    def _halve(self, count: int, cause: Exception) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if count == 1:
            raise MemoryError(
                f"{self.caller}: out of memory for one picture at a time; use a device with more "
                "memory, or a smaller dtype"
            ) from cause
        self.size = count // 2
        warnings.warn(
            f"{self.caller}: {count} pictures at once do not fit in memory; going on with {self.size}",
            stacklevel=4,
        )


class _Growth:
    """How large batches of one kind of work were, and what one picture more takes."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.warm = False  # the first batch takes what is taken once, such as packed weights
        self.count, self.each, self.peak = 0, 0.0, 0

    def most(self) -> int:
        """Pictures that fit in the next batch."""
        available, taken = free_memory(self.device), taken_memory(self.device)
        if available is None or taken is None:  # the system does not say
            return sys.maxsize
        if self.count < 2:
            return self.count + 1
        # Of what the last batch took, some is kept and will be taken again, and some is free again.
        spare = taken + _SHARE * available - self.peak
        return max(1, self.count + int(spare / max(self.each, 1.0)))

    def saw(self, count: int) -> None:
        """Take note of the peak of a batch that just ended."""
        peak = peak_memory(self.device)
        if peak is None or count <= self.count:
            return
        if not self.warm:
            self.warm = True
            return
        if self.count:
            self.each = max(0.0, (peak - self.peak) / (count - self.count))
        self.count, self.peak = count, peak


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)
