"""Who reads the codes of a sampling: this process, or a crew."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from .sampling import Part, Read, Sampling

if TYPE_CHECKING:
    from ..working import Crew


@contextlib.contextmanager
def reading(
    sampling: Sampling, crew: Crew | None, watch: Callable[[int], object] | None
) -> Iterator[Read]:
    """What reads the parts of a sampling in order: this process, or a crew that works until the block is left.

    Args:
        sampling: what is read.
        crew: who reads; None = this process.
        watch: is told how many codes were read, after each part.
    """
    with contextlib.ExitStack() as stack:
        if crew is None:
            read: Read = lambda some: map(sampling.read, some)  # noqa: E731
        else:
            from .crewed import read_by

            read = stack.enter_context(read_by(crew, sampling))

        def watched(some: Sequence[Part]) -> Iterator[list[Tensor]]:
            for part, found in zip(some, read(some), strict=True):
                yield found
                if watch is not None:
                    watch(len(part))

        yield watched
