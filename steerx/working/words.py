"""What a worker is told, as it comes: words of pieces, until the end."""

from __future__ import annotations

import queue
from collections.abc import Iterator

END, STOP = "end", "stop"  # words beside those of pieces: no more come; leave the one in work


class Words:
    """Words of pieces in their order; whoever asks for the next one waits for it."""

    def __init__(self) -> None:
        self._told = queue.Queue[str]()

    def tell(self, word: str) -> None:
        """One more, or END."""
        self._told.put(word)

    def end(self) -> None:
        """There are no more: whoever waits need not."""
        self._told.put(END)

    def __iter__(self) -> Iterator[str]:
        return iter(self._told.get, END)
