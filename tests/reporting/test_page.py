from __future__ import annotations

import base64
import io
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

import steerx
from steerx.directions import SeFa
from steerx.generators import StyleGAN2
from steerx.reporting import Figure, Section, report
from steerx.sweeping import Sweep

HOSTILE = '"><script>alert(1)</script>&{x}'


class Page(HTMLParser):
    """Tags with their attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += f"{data} "

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def grid(tiny: StyleGAN2) -> Sweep:
    found = SeFa(layers="0-3", k=2).fit(tiny).directions_.rename({"sefa1": HOSTILE})
    return steerx.sweep(
        tiny, seeds=[3, 4, 5], directions=found, alphas=[-2, 0, 1.5], psi=0.6, cutoff=4
    )


def written(path: Path) -> Page:
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_a_page_stands_alone(grid: Sweep, tmp_path: Path) -> None:
    png = io.BytesIO()
    Image.new("RGB", (4, 4)).save(png, "PNG")
    figure = Figure(png.getvalue(), ".png", alt="a square", caption=HOSTILE)
    sections = [Section("First", grid), Section(HOSTILE, grid, HOSTILE)]
    report(
        sections,
        tmp_path / "index.html",
        title=HOSTILE,
        lead=HOSTILE,
        command=HOSTILE,
        figures=[figure],
    )
    page = written(tmp_path / "index.html")
    assert {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "base"} == set()
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in ("srcset", "action"), (tag, name)
            if name in ("src", "href"):
                assert value is not None and value.startswith(("data:image/", "#sweep"))
    assert "url(" not in page.words and "@import" not in page.words
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv"))
    assert policy is not None and "default-src 'none'" in policy
    assert page.words.count(HOSTILE) >= 8


def test_both_orders_hold_every_picture(grid: Sweep, tmp_path: Path) -> None:
    report([Section("Sweep", grid)], tmp_path / "index.html", command="steerx sweep a b")
    page = written(tmp_path / "index.html")
    pictures = page.all("img")
    assert len(pictures) == 2 * 3 * 2 * 3
    assert all(picture["loading"] == "lazy" for picture in pictures)
    by_seed, by_direction = pictures[:18], pictures[18:]
    assert by_seed[3]["alt"] == f"seed 3, {HOSTILE}, alpha \N{MINUS SIGN}2"
    assert by_direction[3]["alt"] == "sefa0, seed 4, alpha \N{MINUS SIGN}2"
    assert by_direction[3]["src"] == by_seed[6]["src"]  # seed 4, sefa0, alpha -2
    assert by_seed[1]["src"] == by_seed[4]["src"]  # the unedited picture of seed 3
    source = by_seed[0]["src"] or ""
    data = base64.b64decode(source.removeprefix("data:image/webp;base64,"))
    assert Image.open(io.BytesIO(data)).size == (16, 16)
    for words in ("0.6", "w slots below 4", "tiny-0", "steerx sweep a b", "SeFa", "0-3", "w_plus"):
        assert words in page.words


def test_the_same_sweep_gives_the_same_bytes(grid: Sweep, tmp_path: Path) -> None:
    report([Section(f"sefa0, {HOSTILE}", grid)], tmp_path / "a.html")
    report(grid, tmp_path / "b.html")  # a bare sweep is titled by its directions
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_units_are_said(tiny: StyleGAN2, tmp_path: Path) -> None:
    found = steerx.GANSpace(1, n=50).fit(tiny).directions_
    grid = steerx.sweep(tiny, seeds=range(20), directions=found, alphas=[1])
    report([Section("Sweep", grid)], tmp_path / "index.html")
    words = written(tmp_path / "index.html").words
    assert f"1 sigma ({float(found.scale[0]):.4g} in w)" in words
    assert "1 (off)" in words and "0-19" in words


def test_refusals(grid: Sweep, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one sweep"):
        report([], tmp_path / "a.html")
    with pytest.raises(ValueError, match=r"suffix must be one of .*'\.svg'"):
        report(
            [Section("Sweep", grid)],
            tmp_path / "a.html",
            figures=[Figure(b"<svg/>", ".svg", alt="")],
        )
    (tmp_path / "a.html").write_text("mine")
    with pytest.raises(FileExistsError):
        report([Section("Sweep", grid)], tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text() == "mine"
    report([Section("Sweep", grid)], tmp_path / "a.html", overwrite=True)
