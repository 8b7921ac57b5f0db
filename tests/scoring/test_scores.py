"""Scores and their files: ours, and those of other tools."""

from __future__ import annotations

import errno
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from steerx.scoring import Scores, ScoresFileError
from steerx.scoring import scores as scores_module
from steerx.scoring import table as table_module

NAN = math.nan


@pytest.fixture
def some() -> Scores:
    values = torch.randn(5, 2, dtype=torch.float64) * 10.0 ** torch.arange(-2, 3)[:, None]
    return Scores(values, ("smile", "age, in years"), (7, 0, 85, 2**32 - 1, 3))


def loaded(folder: Path, text: str, **options: float) -> Scores:
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return Scores.load(folder / "a.csv", **options)


def test_a_table_holds_every_bit(some: Scores, tmp_path: Path) -> None:
    for scores in (some, Scores(some.values, some.names)):
        scores.save(tmp_path / "a.csv", overwrite=True)
        back = Scores.load(tmp_path / "a.csv")
        assert torch.equal(back.values, scores.values)
        assert (back.names, back.seeds) == (scores.names, scores.seeds)


def test_an_array_holds_the_values(some: Scores, tmp_path: Path) -> None:
    some.save(tmp_path / "a.npy")
    back = Scores.load(tmp_path / "a.npy")
    assert torch.equal(back.values, some.values)
    assert back.names == ("attribute0", "attribute1") and back.seeds is None
    np.save(tmp_path / "flat.npy", np.arange(3))
    assert Scores.load(tmp_path / "flat.npy").values.tolist() == [[0.0], [1.0], [2.0]]


def test_an_archive_of_one_array(tmp_path: Path) -> None:
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", predictions=np.ones((4, 2), np.float32))
        assert Scores.load(tmp_path / "a.npz").values.shape == (4, 2)
    np.savez(tmp_path / "two.npz", a=np.ones(3), b=np.ones(3))
    with pytest.raises(
        ScoresFileError, match=r"2 arrays, where one is expected; save that as \.npy"
    ):
        Scores.load(tmp_path / "two.npz")
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(ScoresFileError, match="truncated"):
        Scores.load(tmp_path / "bad.npz")


def test_what_images_are_told_by(tmp_path: Path) -> None:
    for text in (
        "seed,smile\n85,1.5\n3,-2\n",
        "smile,Seed\n1.5,85\n-2,3\n",
        "\ufeffseed;smile\n85;1.5\n3;-2\n",
        "seed\tsmile\r\n85\t1.5\r\n3\t-2\r\n",
        "# seed,smile\n8.5e1,1.5\n3,-2\n".replace("8.5e1", "85.0"),
        "filename,smile\nout/seed0085.png,1.5\nout\\000003.jpg,-2\n",
        "image, smile\nimg_85.png, 1.5\nSeed003, -2\n",
        "id,smile\n85,1.5\n3,-2\n",
        ",filename,smile\n0,seed85.png,1.5\n1,seed3.png,-2\n",
        "seed,filename,id,smile\n85,a.png,x,1.5\n3,b.png,y,-2\n",
        '"seed","smile"\n\n"85","1.5"\n"3","-2"\n\n',
    ):
        scores = loaded(tmp_path, text)
        assert scores.seeds == (85, 3), text
        assert scores.names == ("smile",) and scores.values.tolist() == [[1.5], [-2.0]]


def test_row_numbers_are_no_seeds(tmp_path: Path) -> None:
    for head in (",smile", "index,smile", "Unnamed: 0,smile"):
        assert loaded(tmp_path, f"{head}\n0,1.5\n1,-2\n").seeds is None
        with pytest.raises(ScoresFileError, match=r"the seeds\? then call it seed"):
            loaded(tmp_path, f"{head}\n3,1.5\n1,-2\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "first line must name each column"),
        ("0,1.5\n1,-2\n", "first line must name each column, such as seed,smile; got '0,1.5'"),
        (",0\n0,1.5\n", "first line must name"),
        ("seed,,smile\n0,1,2\n", "first line must name"),
        ("smile,smile\n1,2\n", "two columns are called 'smile'"),
        ("smile,3\n1,2\n", "must not look like a number"),
        ("seed,sm\x07ile\n1,2\n", "words on one line"),
        ("seed\n0\n", "no scores beside the seeds"),
        ("seed,smile\n", "give a line of names, then a line per image"),
        ("seed,smile\n0,1\n1\n", "line 3 is refused: 2 cells expected, got 1"),
        ("seed,smile\n0,1\n1,x\n", "line 3 is refused: 'smile' holds 'x', which is no number"),
        ("seed;smile\n0;1,5\n", "holds '1,5', which is no number; write decimals with a point"),
        ("seed,smile\n0,\n", "line 2 is refused: 'smile' is empty; say invalid="),
        ("seed,smile\n0,nan\n", "line 2 is refused: 'smile' is nan; say invalid="),
        ("seed,smile\n0,-inf\n", "'smile' is -inf"),
        ("smile\n1\n\n2\n", "line 4 is refused: a blank line before it"),
        ("seed,smile\n0.5,1\n", "'0.5', which tells no seed; give a column seed of whole numbers"),
        ("seed,smile\n-1,1\n", "tells no seed"),
        ("seed,smile\n4294967296,1\n", "tells no seed"),
        ("seed,smile\nnan,1\n", "tells no seed"),
        ("filename,smile\nseed1_age2.png,1\n", "'seed1_age2.png', which tells no seed"),
        ("seed,smile\n5,1\n6,1\n5,2\n", "seed 5 is there twice"),
        ("file,image,smile\n1.png,2.png,1\n", "'file' and 'image' tell different seeds; keep one"),
        ('seed,smile\n0,"' + "1" * 200_000 + '"\n', "not a table of text"),
        ("seed,smile\n0," + "1" * (1 << 20) + "\n", "a line of more than"),
    ],
)
def test_refused_tables(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ScoresFileError, match=words) as caught:
        loaded(tmp_path, text)
    assert "a.csv" in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_refused_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str, data: bytes, words: str) -> None:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ScoresFileError, match=f"{name} is refused: .*{words}"):
            Scores.load(tmp_path / name)

    refused("a.txt", b"smile\n1\n", "scores end in .csv, .npy or .npz")
    refused("a.csv", b"smile\n\xff\xfe\n", "not a table of text")
    refused("a.npy", b"not an array", "not in the .npy format")
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    refused("o.npy", (tmp_path / "o.npy").read_bytes(), "unsupported")
    for array in (np.ones((2, 2, 2)), np.ones((0, 3)), np.float64(1)):
        np.save(tmp_path / "s.npy", array)
        refused("s.npy", (tmp_path / "s.npy").read_bytes(), r"must be \[N\] or \[N, A'\], got \[")
    np.save(tmp_path / "n.npy", np.array([[1.0, 2.0], [3.0, np.nan]]))
    refused("n.npy", (tmp_path / "n.npy").read_bytes(), "row 1, column 1 is nan; say invalid=")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo.csv")
        with pytest.raises(ScoresFileError, match="no regular file"):
            Scores.load(tmp_path / "fifo.csv")
    with pytest.raises(FileNotFoundError):
        Scores.load(tmp_path / "none.csv")
    monkeypatch.setattr(table_module, "_MAX_CELLS", 3)
    refused("a.csv", b"smile\n1\n2\n3\n4\n", "more than 3 scores")
    monkeypatch.setattr(scores_module, "MAX_BYTES", 0)
    refused("a.csv", b"smile\n1\n", "more than")


def test_an_invalid_marker_is_allowed_where_asked_for(tmp_path: Path) -> None:
    text = "seed,smile,age\n0,nan,1\n1,,-1\n"
    scores = loaded(tmp_path, text, invalid=NAN)
    assert scores.values.isnan().tolist() == [[True, False], [True, False]]
    scores.save(tmp_path / "b.csv")
    back = Scores.load(tmp_path / "b.csv", invalid=NAN)
    torch.testing.assert_close(back.values, scores.values, equal_nan=True)
    assert loaded(tmp_path, "seed,smile\n0,\n1,-1\n", invalid=-1).values.tolist() == [[-1], [-1]]
    for invalid in (None, -1.0):
        with pytest.raises(ScoresFileError, match="'smile' is nan"):
            loaded(tmp_path, text, invalid=invalid)
    np.save(tmp_path / "n.npy", np.array([1.0, np.inf]))
    assert Scores.load(tmp_path / "n.npy", invalid=math.inf).values.tolist() == [[1.0], [math.inf]]


def test_rows_are_aligned_by_seed(some: Scores) -> None:
    picked = some.aligned([85, 7])
    assert picked.seeds == (85, 7)
    assert torch.equal(picked.values, some.values[[2, 0]])
    assert some.aligned("0,3").seeds == (0, 3)
    for seeds, words in (
        ([85, 86, 87, 1], "no scores of seeds 1,86-87"),
        ([7, 0, 7], "seed 7 asked for twice"),
    ):
        with pytest.raises(ValueError, match=words):
            some.aligned(seeds)
    with pytest.raises(ValueError, match="do not say their seeds"):
        Scores(some.values, some.names).aligned([0])


def test_attributes_are_picked_by_name() -> None:
    scores = Scores(torch.arange(6.0).reshape(2, 3), ("a", "b", "c"), (4, 5))
    for names in ("c, a", ["c", "a"]):
        picked = scores.only(names)
        assert picked.names == ("c", "a") and picked.seeds == (4, 5)
        assert picked.values.tolist() == [[2.0, 0.0], [5.0, 3.0]]
    assert scores.only(None) is scores
    with pytest.raises(ValueError, match="no attribute 'smile'; there are a, b, c"):
        scores.only("smile")
    with pytest.raises(ValueError, match="did you mean 'smile'"):
        Scores(torch.ones(1, 1), ("smile",)).only("smiles")


@pytest.mark.parametrize(
    ("values", "names", "seeds", "words"),
    [
        (torch.ones(3), ("a",), None, r"values must be \[N, A'\], got \[3\]"),
        (torch.ones(3, 0), (), None, r"got \[3, 0\]"),
        (torch.ones(3, 2), ("a",), None, "2 columns need as many names"),
        (torch.ones(3, 2), ("a", "a"), None, "names must differ"),
        (torch.ones(3, 1), ("id",), None, "'id' names images"),
        (torch.ones(3, 1), ("1e3",), None, "look like a number"),
        (torch.ones(3, 1), (" a",), None, "words on one line"),
        (torch.ones(3, 1), ("a",), (1, 2), "seeds must be 3 different ones"),
        (torch.ones(3, 1), ("a",), (1, 2, 1), "seed 1 is there twice"),
    ],
)
def test_what_does_not_fit_is_refused(values, names, seeds, words) -> None:
    with pytest.raises(ValueError, match=words):
        Scores(values, names, seeds)


def test_files_are_kept_and_whole(some: Scores, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        some.save(path)
    with pytest.raises(ValueError, match=r"end in .csv or .npy, got 'a.txt'"):
        some.save(tmp_path / "a.txt")

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scores_module, "write_table", full)
    with pytest.raises(OSError, match=r"the disk of .* is full"):
        some.save(path, overwrite=True)
    assert path.read_text() == "mine" and os.listdir(tmp_path) == ["a.csv"]


def test_a_file_that_may_not_grow_is_named(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    code = """
import resource, sys, torch
from steerx.scoring import Scores
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for name in sys.argv[1:]:
    try:
        Scores(torch.zeros(1000, 2), ("a", "b")).save(name)
    except OSError as error:
        print(error)
"""
    names = [str(tmp_path / name) for name in ("a.npy", "a.csv")]
    done = subprocess.run(
        [sys.executable, "-c", code, *names], capture_output=True, text=True, check=True
    )
    told = done.stdout.splitlines()
    assert len(told) == 2 and all(
        "cannot write" in t and n in t for t, n in zip(told, names, strict=True)
    )
    assert os.listdir(tmp_path) == []
