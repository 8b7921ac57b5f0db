"""Bad input through the command line: one line, the right exit code, and nothing left behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import steerx
from steerx.cli.writing import write
from steerx.directions import Directions
from tests.cli.commands import Run, one_line


def files() -> list[str]:
    return sorted(str(p) for p in Path().rglob("*") if p.is_file())


def mined(run: Run, network: Path, scores: np.ndarray, *words: object, code: int) -> str:
    """The error line of mining boundaries of scores; nothing else is left than these."""
    np.save("scores.npy", scores)
    before = files()
    line = one_line(run("mine", "interfacegan", network, "--scores", "scores.npy", *words), code)
    assert files() == before
    return line


def test_scores_that_are_nan(run: Run, network: Path) -> None:
    scores = np.random.RandomState(0).randn(100)
    scores[7] = np.nan
    assert "row 7" in mined(run, network, scores, code=65)
    words = ("mine", "interfacegan", network, "--scores", "scores.npy", "--ratio", 0.3)
    assert run(*words, "--invalid", "nan").exit_code == 0


def test_scores_that_are_constant(run: Run, network: Path) -> None:
    scores = np.random.RandomState(0).randn(100, 2)
    scores[:, 1] = 3
    line = mined(run, network, scores, "--ratio", 0.3, code=65)
    assert '"attribute1"' in line and "constant" in line


def test_scores_of_one_class(run: Run, network: Path) -> None:
    scores = np.zeros(100)
    scores[:5] = 1  # the other 95 are all the same
    assert "the two classes are one" in mined(run, network, scores, "--ratio", 0.3, code=65)


def test_too_few_scores(run: Run, network: Path) -> None:
    line = mined(run, network, np.arange(6.0), "--ratio", 0.1, code=65)
    assert "at least 2 are needed" in line


def test_fewer_samples_than_dimensions(run: Run, network: Path) -> None:
    np.save("scores.npy", np.random.RandomState(0).randn(60))
    words = ("mine", "interfacegan", network, "--scores", "scores.npy", "--ratio", 0.1)
    result = run(*words)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: ") and result.stderr.count("\n") == 1
    assert "16 dimensions" in result.stderr


def test_scores_and_codes_that_do_not_fit(run: Run, network: Path) -> None:
    G = steerx.load(network)
    np.save("w.npy", G.codes(seeds=range(40), space="w").numpy())
    scores = np.random.RandomState(0).randn(50)
    assert "50 rows" in mined(run, network, scores, "--codes", "w.npy", code=65)
    np.save("w.npy", np.zeros((50, 7), np.float32))
    assert "D = 16" in mined(run, network, scores, "--codes", "w.npy", code=2)
    Path("scores.csv").write_text("seed,smile\n" + "".join(f"{n},{n}\n" for n in range(51)))
    words = ("mine", "interfacegan", network, "--scores", "scores.csv", "--codes", "v.npy")
    np.save("v.npy", G.codes(seeds=range(40), space="w").numpy())
    assert "picture 50" in one_line(run(*words, "--space", "w"), 65)
    assert "--scores FILE" in one_line(run(*words[:3], "--codes", "v.npy", "--scorer", "faces"), 2)


@pytest.mark.parametrize(
    "words",
    [
        ("--ratio", 0),
        ("--ratio", -1),
        ("--ratio", 1.5),
        ("--ratio", "nan"),
        ("--split", 0),
        ("--split", 1.1),
        ("--C", 0),
        ("--origin", "boundary"),
        ("--motion", "absolute", "--space", "w_plus"),
        ("--space", "styles"),
        ("--compat", "sefa"),
    ],
)
def test_numbers_that_mean_nothing(run: Run, network: Path, words: tuple[object, ...]) -> None:
    line = mined(run, network, np.arange(50.0), *words, code=2)
    assert str(words[0]) in line


def test_a_scorer_with_the_wrong_shape(run: Run, network: Path) -> None:
    Path("mine.py").write_text("def wrong(images):\n    return images\n")
    words = ("mine", "interfacegan", network, "--samples", 8, "--scorer", "mine.py:wrong")
    assert "must return a tensor [N, A'] or [N]" in one_line(run(*words), 1)
    assert files() == ["mine.py"]


def test_layers_out_of_range(run: Run, network: Path, sefa: Path) -> None:
    before = files()
    for words in (
        ("mine", "sefa", network, "--layers", "0-6", "-o", "a"),
        ("mine", "sefa", network, "--group", "0-2", "--group", "3-6", "-o", "a"),
        ("mine", "ganspace", network, "--layers", "6"),
        ("sweep", network, sefa, "--layers", "5-6"),
    ):
        assert "w slots 0-5" in one_line(run(*words), 2)
    assert files() == before


def test_directions_of_another_checkpoint(run: Run, other_network: Path, sefa: Path) -> None:
    assert "--any-checkpoint" in one_line(run("sweep", other_network, sefa), 65)
    Directions.load(sefa)[0].save("one.safetensors")
    result = run("sweep", other_network, "one.safetensors", "--any-checkpoint", "--seeds", 0)
    assert result.exit_code == 0, result.output


WRITING = [
    ("sample", "NETWORK", "-o", "there/out"),
    ("sweep", "NETWORK", "sefa.safetensors", "-o", "there/out"),
    ("mine", "sefa", "NETWORK", "-o", "there/a.safetensors"),
    ("mine", "ganspace", "NETWORK", "-k", 2, "-n", 50, "-o", "there/a.safetensors"),
    ("demo", "--network", "NETWORK", "-o", "there/out"),
]


@pytest.mark.parametrize("words", WRITING)
def test_a_folder_that_may_not_be_written(
    run: Run, network: Path, sefa: Path, words: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [network if word == "NETWORK" else word for word in words]
    with monkeypatch.context() as patch:
        patch.setattr("steerx.cli.writing.os.access", lambda *_: False)
        assert "may not be written; choose another" in one_line(run(*said), 74)
    assert not Path("there").exists()
    Path("there").touch()
    assert "there is not a folder" in one_line(run(*said), 74)
    assert Path("there").read_bytes() == b""


@pytest.mark.parametrize("words", WRITING[:4])
def test_a_full_disk(
    run: Run, network: Path, sefa: Path, words: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [network if word == "NETWORK" else word for word in words]
    flush = os.fsync

    def full(descriptor: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        if Path(name).is_file() and b"steerx_job" not in Path(name).read_bytes():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    monkeypatch.setattr("steerx._files.os.fsync", full)
    line = one_line(run(*said), 74)
    assert "the disk of there" in line and "is full; free some space" in line
    left = [p for p in files() if p.startswith("there")]
    assert len(left) == 1 and left[0].endswith("job.yaml")


@pytest.mark.parametrize("words", WRITING[:2])
def test_ctrl_c_leaves_whole_files(
    run: Run, network: Path, sefa: Path, words: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [network if word == "NETWORK" else word for word in words]
    written: list[Path] = []

    def interrupted(path: Path, data: bytes, *, force: bool) -> None:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write(path, data, force=force)

    module = "sample" if words[0] == "sample" else "strips"
    monkeypatch.setattr(f"steerx.cli.{module}.write", interrupted)
    line = one_line(run(*said), 130)
    assert line == "error: interrupted; files that were finished are whole, others absent"
    pictures = [p for p in Path("there/out").iterdir() if p.name != "job.yaml"]
    assert sorted(pictures) == sorted(written)
    for file in pictures:
        Image.open(file).load()


@pytest.mark.parametrize("words", WRITING[:2])
def test_out_of_memory_halves_the_batch(
    run: Run, network: Path, sefa: Path, words: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from steerx.rendering.plain import PlainRenderer

    said = [network if word == "NETWORK" else word for word in words]
    inner = PlainRenderer.render

    def small(self: PlainRenderer, styles: list[object], **options: object) -> object:
        if len(styles[0]) > most:  # type: ignore[arg-type]
            raise MemoryError
        return inner(self, styles, **options)  # type: ignore[arg-type]

    most = 4
    monkeypatch.setattr(PlainRenderer, "render", small)
    result = run(*said, "--batch", 8, "--renderer", "plain")
    assert result.exit_code == 0, result.output
    assert "8 pictures at once do not fit in memory; going on with 4" in result.stderr
    assert result.stderr.count("\n") == 1
    most = 0
    result = run(*said, "--batch", 1, "--force", "--renderer", "plain")
    assert result.exit_code == 1 and "--batch" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("sample", "NETWORK", "--seeds", "4-2"),
        ("sample", "NETWORK", "--trunc", "nan"),
        ("sample", "NETWORK", "--seeds", 1, "--codes", "w.npy"),
        ("sweep", "NETWORK", "sefa.safetensors", "--seeds", 1, "--codes", "w.npy"),
        ("sample", "NETWORK", "--cutoff", 7),
        ("sample", "NETWORK", "--batch", 0),
        ("sweep", "NETWORK", "sefa.safetensors", "--alphas", "1,inf"),
        ("sweep", "NETWORK", "sefa.safetensors", "--steps", 0),
        ("sweep", "NETWORK", "sefa.safetensors", "--order", "age"),
        ("mine", "sefa", "NETWORK", "-o", "a", "-k", 1000),
        ("mine", "sefa", "NETWORK", "-o", "a", "--per-layer", "--group", "0-2"),
        ("mine", "sefa", "NETWORK", "-o", "a", "--compat", "sefa", "--no-normalize"),
        ("mine", "ganspace", "NETWORK", "-k", 100, "-n", 5),
        ("mine", "ganspace", "NETWORK", "-k", 1000, "-n", 2000),
    ],
)
def test_usage_errors_leave_nothing(
    run: Run, network: Path, sefa: Path, words: tuple[object, ...]
) -> None:
    before = sorted(os.listdir())
    one_line(run(*(network if word == "NETWORK" else word for word in words)), 2)
    assert sorted(os.listdir()) == before
