"""The journal: what a scoring that was cut short keeps, and what it refuses."""

from __future__ import annotations

import errno
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import steerx
from steerx.scoring import JournalError, ScorerError
from steerx.scoring import journal as journal_module
from tests.scoring import killed
from tests.scoring.disks import fails
from tests.tiny import tiny_generator

linux = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(os, "fork"),
    reason="a fork with torch in it is for Linux",
)


class Calls:
    """A scorer that counts images, and stops when it has seen some."""

    def __init__(self, stop: int = 10**9) -> None:
        self.seen, self.stop = 0, stop

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        if self.seen + len(images) > self.stop:
            raise KeyboardInterrupt
        self.seen += len(images)
        return torch.stack((images.mean((1, 2, 3)), images.amax((1, 2, 3))), dim=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scores.part"


@pytest.fixture
def cut(tiny, path: Path) -> Path:
    """A journal of 6 of 10 images."""
    with pytest.raises(KeyboardInterrupt):
        steerx.score(tiny, Calls(6), seeds="0-9", batch=3, journal=path)
    return path


def test_a_run_goes_on_where_it_was_and_is_repeatable(tiny, cut: Path) -> None:
    told = []
    rest = Calls()
    scores = steerx.score(
        tiny, rest, seeds="0-9", batch=3, journal=cut, watch=lambda *now: told.append(now)
    )
    assert torch.equal(scores, steerx.score(tiny, Calls(), seeds="0-9", batch=3))  # same bits
    assert rest.seen == 4 and told[0] == (6, 10)
    assert len(cut.read_text().splitlines()) == 11  # and is kept until its owner removes it
    again = Calls(0)
    assert torch.equal(steerx.score(tiny, again, seeds="0-9", batch=3, journal=cut), scores)


def test_every_torn_end_is_repaired(tiny, cut: Path) -> None:
    expected = steerx.score(tiny, Calls(), seeds="0-9", batch=3)
    whole = cut.read_bytes()
    for length in itertools.chain(range(0, len(whole), 17), [len(whole) - 1]):
        cut.write_bytes(whole[:length])
        calls = Calls()
        scores = steerx.score(tiny, calls, seeds="0-9", batch=3, journal=cut)
        assert torch.equal(scores, expected)
        lines = max(whole[:length].count(b"\n") - 1, 0)
        assert calls.seen == 10 - lines // 3 * 3


def test_a_damaged_line_and_what_follows_is_scored_again(tiny, cut: Path) -> None:
    lines = cut.read_text().splitlines(keepends=True)
    for damaged in ("7,1.0,2.0\n", "4,1.0\n", "4,x,2.0\n", "\0\0\0\n"):
        cut.write_text("".join([*lines[:5], damaged, *lines[6:]]))
        calls = Calls()
        steerx.score(tiny, calls, seeds="0-9", batch=3, journal=cut)
        assert calls.seen == 7


def test_another_batch_is_close(tiny, cut: Path) -> None:
    calls = Calls()
    scores = steerx.score(tiny, calls, seeds="0-9", batch=4, journal=cut)
    assert calls.seen == 6  # the first four are a whole batch of four
    expected = steerx.score(tiny, Calls(), seeds="0-9", batch=3)
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5)


@linux
def test_runs_that_are_killed_lose_at_most_a_batch_and_no_bit(tmp_path: Path) -> None:
    journal, output = tmp_path / "a.part", tmp_path / "a.pt"
    moments = [1, 200, 1, 333, 150, 407]
    done = subprocess.run(
        [sys.executable, "-m", "tests.scoring.killed", journal, output, *map(str, moments)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    assert [how for how, _ in told] == [signal.SIGKILL] * len(moments) + [0]
    kept = [count for _, count in told]
    assert kept == sorted(kept) and kept[-1] == len(killed.SEEDS)
    assert torch.equal(torch.load(output, weights_only=True), killed.scored())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"psi": 0.5}, "psi was 1.0, is 0.5"),
        ({"cutoff": 2}, "cutoff was None, is 2"),
        ({"seeds": "0-8"}, "images was 10, is 9"),
        ({"seeds": "1-10"}, "another seeds"),
        ({"noise_mode": "none"}, "noise_mode was const, is none"),
        ({"noise_key": 7}, "noise_key was 0, is 7"),
        ({"scorer_name": "smile"}, "scorer was .*Calls, is smile"),
        ({"names": ["a", "b"]}, r"names was None, is \['a', 'b'\]"),
    ],
)
def test_another_scoring_is_refused_by_its_difference(tiny, cut: Path, change, words) -> None:
    before = cut.read_bytes()
    options = {"seeds": "0-9", "batch": 3} | change
    with pytest.raises(JournalError, match=f"belongs to another scoring: {words}; go on with"):
        steerx.score(tiny, Calls(), journal=cut, **options)
    assert cut.read_bytes() == before


def test_another_network_and_other_codes_are_refused(tiny, path: Path) -> None:
    z = tiny.codes(seeds="0-9", space="z")
    start = {"space": "z", "batch": 3, "journal": path}
    with pytest.raises(KeyboardInterrupt):
        steerx.score(tiny, Calls(6), codes=z, **start)
    with pytest.raises(JournalError, match="another codes"):
        steerx.score(tiny, Calls(), codes=z + 1, **start)
    with pytest.raises(JournalError, match="network was tiny-0, is tiny-1"):
        steerx.score(tiny_generator(1), Calls(), codes=z, **start)
    with pytest.raises(JournalError, match="space was z, is w"):
        steerx.score(
            tiny, Calls(), codes=tiny.codes(seeds="0-9", space="w"), **start | {"space": "w"}
        )
    scores = steerx.score(tiny, Calls(), codes=z, **start)
    assert torch.equal(scores, steerx.score(tiny, Calls(), codes=z, space="z", batch=3))


def test_another_class_is_refused(path: Path) -> None:
    G = tiny_generator(c_dim=3)
    with pytest.raises(KeyboardInterrupt):
        steerx.score(G, Calls(2), seeds="0-3", batch=2, label=1, journal=path)
    with pytest.raises(JournalError, match="label was 1, is 2"):
        steerx.score(G, Calls(), seeds="0-3", label=2, journal=path)
    with pytest.raises(JournalError, match="another label"):
        steerx.score(G, Calls(), seeds="0-3", label=[1, 1, 1, 1], journal=path)


@pytest.mark.parametrize("text", ["mine\n", "mine", '{"a": 1}\n', "[]\n", '{"steerx_scores": 1}\n'])
def test_a_file_that_is_no_journal_is_left_alone(tiny, path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(JournalError, match="is no journal of a scoring; choose another name"):
        steerx.score(tiny, Calls(), seeds="0-9", journal=path)
    assert path.read_text() == text


def test_a_journal_of_a_later_version_is_left_alone(tiny, cut: Path) -> None:
    lines = cut.read_text().splitlines()
    head = json.loads(lines[0]) | {"steerx_scores": 2}
    cut.write_text("\n".join([json.dumps(head), *lines[1:]]) + "\n")
    with pytest.raises(JournalError, match="a journal of version 2"):
        steerx.score(tiny, Calls(), seeds="0-9", batch=3, journal=cut)
    assert len(cut.read_text().splitlines()) == 7


def test_two_runs_do_not_share_a_journal(tiny, path: Path) -> None:
    pytest.importorskip("fcntl")

    def scorer(images: torch.Tensor) -> torch.Tensor:
        with pytest.raises(JournalError, match="another run is writing"):
            steerx.score(tiny, Calls(), seeds="0-9", journal=path)
        return Calls()(images)

    assert len(steerx.score(tiny, scorer, seeds="0-9", journal=path)) == 10


def test_an_error_of_the_scorer_keeps_what_was_scored(tiny, path: Path) -> None:
    scorer = Calls()

    def failing(images: torch.Tensor) -> torch.Tensor:
        if scorer.seen == 6:
            raise ZeroDivisionError("no")
        return scorer(images)

    options = {"seeds": "0-9", "batch": 3, "journal": path, "scorer_name": "mine"}
    with pytest.raises(ScorerError, match=r"6 of 10 are scored, in .*scores\.part"):
        steerx.score(tiny, failing, **options)
    mended = Calls()
    steerx.score(tiny, mended, **options)
    assert mended.seen == 4


def test_a_journal_without_scores_is_removed(tiny, path: Path) -> None:
    with pytest.raises(ScorerError):
        steerx.score(tiny, lambda images: images, seeds="0-9", journal=path)
    assert not path.exists()


def test_a_full_disk_is_named_and_loses_nothing(tiny, path: Path, monkeypatch) -> None:
    fails(monkeypatch, path, "write", errno.ENOSPC, after=3)
    words = r"disk of .* is full; free some space, then score again to go on \(6 images are kept\)"
    with pytest.raises(OSError, match=words) as caught:
        steerx.score(tiny, Calls(), seeds="0-9", batch=3, journal=path)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert path.read_bytes().endswith(b"\n") and len(path.read_text().splitlines()) == 7
    rest = Calls()
    steerx.score(tiny, rest, seeds="0-9", batch=3, journal=path)
    assert rest.seen == 4


def test_a_disk_that_is_full_when_flushed_is_named(tiny, path: Path, monkeypatch) -> None:
    monkeypatch.setattr(journal_module, "_SYNC", 0.0)
    fails(monkeypatch, path, "fsync", errno.EDQUOT, after=1)
    with pytest.raises(OSError, match=r"your quota on .* is used up; free .*6 images are kept"):
        steerx.score(tiny, Calls(), seeds="0-9", batch=3, journal=path)


def test_places_where_no_journal_can_be(tiny, tmp_path: Path, monkeypatch) -> None:
    def refuse(*arguments: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    score = lambda path: steerx.score(tiny, Calls(), seeds="0-9", journal=path)  # noqa: E731
    with pytest.raises(FileNotFoundError, match="none does not exist; create it first"):
        score(tmp_path / "none" / "a.part")
    with pytest.raises(IsADirectoryError, match="cannot write"):
        score(tmp_path)
    with pytest.raises((JournalError, OSError), match="null"):
        score(os.devnull)
    monkeypatch.setattr(journal_module.os, "open", refuse)
    with pytest.raises(PermissionError, match="may not be written; choose another place"):
        score(tmp_path / "a.part")
