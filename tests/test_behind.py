"""Work behind other work: in order, few items wait, and every error is told once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from steerx._behind import behind
from steerx._files import whole_file


def test_order_is_kept_and_the_other_thread_works() -> None:
    done: list[int] = []
    threads: set[int] = set()

    def work(item: int) -> None:
        threads.add(threading.get_ident())
        done.append(item)

    behind(range(50), work)
    assert done == list(range(50))
    assert len(threads) == 1 and threading.get_ident() not in threads
    behind([], work)
    assert len(done) == 50


def test_few_items_wait() -> None:
    done: list[int] = []
    held: list[int] = []

    def items() -> Iterator[int]:
        for n in range(20):
            held.append(n - len(done))
            yield n

    behind(items(), done.append)
    assert max(held) <= 2 and done == list(range(20))


def test_an_item_is_made_while_the_one_before_is_worked_on() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        made.set()
        yield 1

    behind(items(), lambda n: n or made.wait(30) or pytest.fail("item 1 was never made"))


def test_an_error_of_the_work_ends_it_once(tmp_path: Path) -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for n in range(1000):
            made.append(n)
            yield n

    def work(n: int) -> None:
        with whole_file(tmp_path / f"{n}") as handle:
            handle.write(b"x")
            if n == 3:
                raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        behind(items(), work)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "1", "2"]
    assert len(made) <= 7


def test_an_error_of_the_last_item_is_not_lost() -> None:
    with pytest.raises(ZeroDivisionError):
        behind([1, 0], lambda n: 1 / n)


def test_what_was_made_before_an_error_is_worked_on() -> None:
    done: list[int] = []

    def items() -> Iterator[int]:
        yield from range(3)
        raise MemoryError("one picture at a time")

    with pytest.raises(MemoryError, match="one picture"):
        behind(items(), done.append)
    assert done == [0, 1, 2]


def test_an_interrupt_finishes_the_item_in_work_and_begins_no_other() -> None:
    begun, interrupted = threading.Event(), threading.Event()
    done: list[int] = []

    def items() -> Iterator[int]:
        yield from range(2)
        begun.wait(30)
        threading.Timer(0.05, interrupted.set).start()
        raise KeyboardInterrupt

    def work(n: int) -> None:
        begun.set()
        interrupted.wait(30)
        done.append(n)

    with pytest.raises(KeyboardInterrupt):
        behind(items(), work)
    assert done == [0]
    assert not [t for t in threading.enumerate() if t.name.startswith("steerx-behind")]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="a signal to one thread")
def test_an_interrupt_of_the_last_wait_begins_no_other_item() -> None:
    done: list[int] = []
    main = threading.get_ident()

    def work(n: int) -> None:
        time.sleep(0.2)  # both items were handed in, and the first one is waited for
        if n == 0:
            signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.2)
        done.append(n)

    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            behind(range(2), work)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == [0]


def test_an_error_of_the_work_is_not_lost_behind_one_of_making_more() -> None:
    def items() -> Iterator[int]:
        yield 0
        time.sleep(0.2)
        raise MemoryError("one picture at a time")

    def work(n: int) -> None:
        time.sleep(0.05)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full") as found:
        behind(items(), work)
    assert isinstance(found.value.__cause__, MemoryError)
