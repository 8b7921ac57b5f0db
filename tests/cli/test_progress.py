from __future__ import annotations

from typing import Any

import pytest

from steerx.cli import progress as module
from steerx.cli.progress import duration, progress, rendering
from steerx.generators import StyleGAN2


class Clock:
    """Time that passes only by `now`."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_a_line_per_interval_without_a_terminal(clock: Clock, capsys: Any) -> None:
    with progress("rendering", 100) as advance:
        for second in range(25):
            clock.now = float(second)
            advance(2)
    assert capsys.readouterr().err.splitlines() == [
        "rendering: 24 of 100, 35 s left",
        "rendering: 46 of 100, 26 s left",
    ]


def test_a_bar_on_a_terminal_only_for_what_takes_long(
    clock: Clock, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress("short", 10) as advance:
        advance(10)
    assert capsys.readouterr().err == ""
    with progress("long", 10) as advance:
        clock.now = 3.0
        advance(5)
    assert "long" in capsys.readouterr().err


def test_pictures_and_codes_are_counted(tiny: StyleGAN2, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []

    class Counter:
        def __enter__(self) -> Any:
            return counted.append

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(module, "progress", lambda *_: Counter())
    renderer = tiny.renderer
    with rendering(tiny, "rendering", 3):
        images = tiny.renderer.render(tiny.codes(seeds=[1, 2, 3], space="styles"))
    assert counted == [3] and images.shape[0] == 3
    assert tiny.renderer is renderer


def test_duration() -> None:
    assert [duration(s) for s in (0.4, 61, 3720)] == ["0 s", "1 min 1 s", "1 h 2 min"]
