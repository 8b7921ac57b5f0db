"""Batches of pictures that fit in memory: out of memory halves the batch, says so, and goes on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

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


class Batches:
    """How many pictures are made at once; shrinks where memory runs out and stays small.

    Attributes:
        caller: opens the warnings.
        size: pictures at once.
    """

    def __init__(self, caller: str, size: int) -> None:
        """Store."""
        self.caller, self.size = caller, size

    def over(
        self, items: Sequence[Item], work: Callable[[Sequence[Item]], Result]
    ) -> Iterator[tuple[Sequence[Item], Result]]:
        """Each batch of items with what `work` makes of it, in order.

        Raises:
            MemoryError: one picture alone does not fit.
        """
        first = 0
        while first < len(items):
            batch = items[first : first + self.size]
            try:
                result = work(batch)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                cause = error.with_traceback(None)  # its frames hold the tensors that did not fit
            else:
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)
