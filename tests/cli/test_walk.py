from __future__ import annotations

import gc
import io
import math
import sys
import weakref
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from steerx.cli.path import Easing, closed_path, without_rests
from steerx.reporting.animation import animate
from tests.cli.commands import Run, one_line


@pytest.mark.parametrize("easing", list(Easing))
def test_the_last_frame_leads_to_the_first(easing: Easing) -> None:
    path = closed_path([(0.0, 0.0), (3.0, 0.0), (3.0, 4.0)], 24, easing)
    steps = [math.dist(a, b) for a, b in zip(path, [*path[1:], path[0]], strict=True)]
    assert path[0] == (0, 0) and (3.0, 0.0) in [tuple(round(x, 9) for x in p) for p in path]
    if easing is Easing.linear:  # 3 + 4 + 5 round the triangle
        assert all(step == pytest.approx(12 / 24) for step in steps)
    else:
        assert steps[-1] == pytest.approx(5 * (3 / 100 - 2 / 1000))  # smoothstep at a tenth of 5
        assert max(steps) < 1.6 * 12 / 24


def test_stops_that_repeat_are_one() -> None:
    assert without_rests([(0.0,), (0.0,), (1.0,), (0.0,)]) == [(0.0,), (1.0,)]


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_a_walk_loops(run: Run, network: Path, sefa: Path, suffix: str) -> None:
    words = ("walk", network, sefa, "--stop", "sefa0=8", "--stop", "sefa1=-8", "--frames", 6)
    result = run(*words, "--seeds", "0-1", "--fps", 10, "-o", f"w{suffix}")
    assert result.exit_code == 0, result.output
    with Image.open(f"w{suffix}") as film:
        assert film.n_frames == 6 and film.size == (38, 20)  # type: ignore[attr-defined]
        assert film.info["loop"] == 0
        shown = []
        for place in range(6):
            film.seek(place)
            film.load()
            assert film.info["duration"] == 100
            shown.append(film.convert("RGB").tobytes())
    assert len(set(shown)) == 6
    assert Path("w.job.yaml").is_file()
    assert "--force" in one_line(run(*words, "-o", f"w{suffix}"), 74)


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_no_frame_is_kept(tmp_path: Path, suffix: str) -> None:
    made: list[weakref.ref[Image.Image]] = []
    alive = [0]

    def frame(place: int) -> Image.Image:
        gc.collect()
        alive.append(sum(one() is not None for one in made))
        picture = Image.new("RGB", (8, 8), (place * 10, 0, 0))
        made.append(weakref.ref(picture))
        return picture

    with (tmp_path / f"a{suffix}").open("wb") as handle:
        animate(handle, suffix, frame, count=6, fps=10)
    assert len(made) == 6 and max(alive) <= 1


class Film:
    """What walk asks of PyAV, and what came."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.packets: list[object] = []
        self.width = self.height = 0

    def open(self, handle: object, mode: str, *, format: str) -> Film:
        assert (mode, format) == ("w", "mp4")
        return self

    def __enter__(self) -> Film:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def add_stream(self, codec: str, *, rate: Fraction) -> Film:
        assert codec == "libx264" and rate == Fraction(25, 2)
        return self

    def encode(self, picture: Image.Image | None = None) -> list[object]:
        if picture is not None:
            self.sizes.append(picture.size)
        return [picture]

    def mux(self, packet: object) -> None:
        self.packets.append(packet)


def test_a_film_has_even_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    film = Film()
    module = SimpleNamespace(open=film.open, VideoFrame=SimpleNamespace(from_image=lambda p: p))
    monkeypatch.setitem(sys.modules, "av", module)  # type: ignore[arg-type]
    animate(io.BytesIO(), ".mp4", lambda _: Image.new("RGB", (7, 5)), count=3, fps=12.5)
    assert film.sizes == [(8, 6)] * 3 and (film.width, film.height) == (8, 6)
    assert len(film.packets) == 4 and film.packets[-1] is None  # what the encoder held back


def test_a_film_without_the_extra(
    run: Run, network: Path, sefa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    result = run("walk", network, sefa, "-o", "w.mp4")
    assert 'pip install "steerx[video]"' in one_line(result, 1)
    assert not list(Path().glob("w*"))


def test_a_film(run: Run, network: Path, sefa: Path) -> None:
    av = pytest.importorskip("av")
    assert run("walk", network, sefa, "--frames", 5, "--seed", 1, "-o", "w.mp4").exit_code == 0
    with av.open("w.mp4") as film:
        assert len(list(film.decode(video=0))) == 5


@pytest.mark.parametrize(
    "words, said",
    [
        (("--stop", "sefa0"), "NAME=ALPHA"),
        (("--stop", "sefa7=1"), "did you mean"),
        (("--stop", "sefa0=nan"), "NAME=ALPHA"),
        (("--stop", "sefa0=0"), "goes nowhere"),
        (("--stop", "sefa0=1", "--alpha", 2), "one of them"),
        (("--seeds", "0-2000"), "WebP holds"),
        (("-o", "w.avi"), ".webp, .gif, .mp4"),
    ],
)
def test_refusals(
    run: Run, network: Path, sefa: Path, words: tuple[object, ...], said: str
) -> None:
    assert said in one_line(run("walk", network, sefa, *words), 2)
    assert not list(Path().glob("w*"))


def test_dry_run_writes_nothing(run: Run, network: Path, sefa: Path) -> None:
    result = run("walk", network, sefa, "--frames", 4, "--dry-run")
    assert result.exit_code == 0 and "16 pictures, 2 files" in result.output
    assert not list(Path().glob("walk*"))
