"""Work behind other work: results go to a second thread while the next ones are made; few of them wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")

WAITING = 1  # item beside the one in work and the one being made: more would only take memory


def behind(items: Iterable[Item], work: Callable[[Item], object]) -> None:
    """Call `work` with each item, in order, in a second thread, while this one makes the next items.

    Worth it where both let go of the interpreter: renderers and encoders do. Where making an item fails,
    the items before it are still worked on, as in a plain loop. Where `work` fails, no later item is worked
    on and its error is raised here, once, also where making an item failed after it. After an interrupt the
    item in work is finished and no other begun.

    Args:
        items: made here, one after the other.
        work: with each of them; what it returns is dropped.

    Raises:
        BaseException: the first error of either side.
    """
    waiting: deque[Future[None]] = deque()
    failed = False

    def guarded(item: Item) -> None:
        nonlocal failed
        if failed:
            return
        try:
            work(item)
        except BaseException:
            failed = True
            raise

    with ThreadPoolExecutor(1, "steerx-behind") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(guarded, item))
                del item  # held by who works on it, and by nobody afterwards
                while len(waiting) > 1 + WAITING or (waiting and waiting[0].done()):
                    waiting.popleft().result()
            while waiting:
                waiting.popleft().result()
        except Exception as error:
            for future in waiting:
                if future.done() and (earlier := future.exception()) is not None:
                    raise earlier from error
            raise
        except BaseException:
            failed = True  # leaving the pool waits for what was handed in
            raise
