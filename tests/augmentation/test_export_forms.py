"""Every form of an export, read back by the library that its users read it with."""

from __future__ import annotations

import gc
import hashlib
import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import datasets
import numpy as np
import pytest
import webdataset
from PIL import Image
from pyarrow import parquet

import steerx
from steerx.augmentation import AugmentError, export, run
from steerx.augmentation.exporting import parquet as our_parquet
from steerx.augmentation.exporting.contents import Contents
from steerx.augmentation.reading import Sample
from tests.augmentation.jobs import contents, directions, pictures
from tests.augmentation.test_augment import read
from tests.tiny import tiny_generator

COUNT = 21


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished data set of 21 samples in 3 shards."""
    folder = tmp_path_factory.mktemp("made") / "set"
    run(pictures(), folder)
    return folder


def same(rows: list[dict[str, Any]], made: Path) -> None:
    """Check columns and pixels of rows with an `image` against the shards."""
    samples = read(made)
    assert len(rows) == len(samples) == COUNT
    for row, (data, about) in zip(rows, samples.values(), strict=True):
        row = dict(row)
        shown = np.asarray(row.pop("image"))
        assert np.array_equal(shown, np.asarray(Image.open(io.BytesIO(data))))
        assert row == about


def loaded(path: Path, cache: Path) -> list[dict[str, Any]]:
    """Rows, as `datasets` finds them in a folder."""
    found = datasets.load_dataset(str(path), cache_dir=str(cache))
    assert list(found) == ["train"]
    return list(found["train"])


@pytest.mark.parametrize("per_file", [1, 10, None])
def test_parquet_by_datasets_and_pyarrow(made: Path, tmp_path: Path, per_file: int | None) -> None:
    assert export(made, to="parquet", out=tmp_path / "set", per_file=per_file) == COUNT
    files = sorted((tmp_path / "set" / "data").iterdir())
    assert len(files) == {1: 21, 10: 3, None: 1}[per_file]
    assert files[0].name == f"train-00000-of-{len(files):05d}.parquet"
    same(loaded(tmp_path / "set", tmp_path / "cache"), made)
    rows = [row for file in files for row in parquet.read_table(file).to_pylist()]
    for row, (name, (data, about)) in zip(rows, read(made).items(), strict=True):
        assert row.pop("image") == {"bytes": data, "path": f"{name}.png"}
        assert row == about


def test_parquet_streams_and_knows_types_where_all_is_null(made: Path, tmp_path: Path) -> None:
    export(made, to="parquet", out=tmp_path / "set")
    stream = datasets.load_dataset(str(tmp_path / "set"), streaming=True)["train"]
    features = stream.features
    assert features["image"] == datasets.Image() and features["seed"] == datasets.Value("int64")
    assert next(iter(stream))["image"].size == (16, 16)


def test_columns_that_not_every_job_has(made: Path, tmp_path: Path) -> None:
    """Scores: a struct of numbers by name, in the schema and for `datasets`."""
    plan = pictures().plan

    def samples(names: list[str]) -> list[Sample]:
        data, about = next(iter(read(made).values()))
        said = [about | {"scores": {name: float(k)}} for k, name in enumerate(names)]
        return [Sample(f"{k}", data, json.dumps(one).encode()) for k, one in enumerate(said)]

    told = Contents(plan, 3, 2, b"")
    our_parquet.write(tmp_path / "set", told, iter(samples(["smile"] * 3)))
    rows = loaded(tmp_path / "set", tmp_path / "cache")
    assert [row["scores"] for row in rows] == [{"smile": 0.0}, {"smile": 1.0}, {"smile": 2.0}]
    late = [*samples(["smile"])[:1], Sample("1", b"", b'{"later":1}')]
    with pytest.raises(AugmentError, match="'later'"):
        our_parquet.write(tmp_path / "other", Contents(plan, 2, 1, b""), iter(late))


def test_an_image_folder_by_datasets(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steerx.augmentation.exporting.imagefolder._IN_A_FOLDER", 10)
    export(made, to="imagefolder", out=tmp_path / "set")
    folders = sorted(path.name for path in (tmp_path / "set").iterdir() if path.is_dir())
    assert folders == ["00000", "00001", "00002"]
    rows = loaded(tmp_path / "set", tmp_path / "cache")
    same(sorted(rows, key=lambda row: row["sample"]), made)
    for line in (tmp_path / "set" / "metadata.jsonl").read_text().splitlines():
        told = json.loads(line)
        data = (tmp_path / "set" / told["file_name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == told["sha256"]


@pytest.mark.filterwarnings(
    "ignore:unclosed file:ResourceWarning"
)  # both readers leave theirs open
@pytest.mark.parametrize("per_file", [4, None])
def test_tars_by_webdataset_and_datasets(made: Path, tmp_path: Path, per_file: int | None) -> None:
    export(made, to="webdataset", out=tmp_path / "set", per_file=per_file)
    files = sorted(str(path) for path in (tmp_path / "set" / "data").iterdir())
    assert len(files) == (1 if per_file is None else 6)
    rows = []
    for sample in webdataset.WebDataset(files, shardshuffle=False).decode("pil"):
        assert sample["__key__"] == f"{sample['json']['sample']:09d}"
        rows.append({"image": sample["png"], **sample["json"]})
    same(rows, made)
    found = loaded(tmp_path / "set", tmp_path / "cache")
    same([{"image": row["png"], **row["json"]} for row in found], made)
    del found, rows, sample
    gc.collect()


def test_a_zip_of_the_stylegan_family(made: Path, tmp_path: Path) -> None:
    """Read as that layout is: pictures by suffix, in the order of their names; all else by name."""
    export(made, to="stylegan-zip", out=tmp_path / "set.zip")
    with ZipFile(tmp_path / "set.zip") as archive:
        assert archive.testzip() is None
        assert {member.compress_type for member in archive.infolist()} == {ZIP_STORED}
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        assert names == [f"00000/img{k:08d}.png" for k in range(COUNT)]
        assert json.loads(archive.read("dataset.json")) == {"labels": None}
        lines = [json.loads(line) for line in archive.read("metadata.jsonl").splitlines()]
        rows = []
        for line in lines:
            picture = Image.open(io.BytesIO(archive.read(line.pop("file_name"))))
            rows.append({"image": picture, **line})
        same(rows, made)
        assert "none is a photograph" in archive.read("README.md").decode()
        assert archive.getinfo(names[0]).external_attr >> 16 == 0o644


def test_classes_are_labels_of_the_zip(tmp_path: Path) -> None:
    steerx.augment(
        tiny_generator(c_dim=3), directions()[0], out=tmp_path / "set", alphas=1.0, count=4, edits=0,
        labels=(2, 0), format="jpeg",
    )  # fmt: skip
    export(tmp_path / "set", to="stylegan-zip", out=tmp_path / "set.zip")
    with ZipFile(tmp_path / "set.zip") as archive:
        labels = json.loads(archive.read("dataset.json"))["labels"]
    assert labels == [[f"00000/img{k:08d}.jpg", label] for k, label in enumerate((2, 0, 2, 0))]


@pytest.mark.parametrize("to", ["webdataset", "imagefolder", "stylegan-zip", "parquet"])
def test_the_same_data_set_gives_the_same_bytes(made: Path, tmp_path: Path, to: Any) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        export(made, to=to, out=tmp_path / name / "set", per_file=8)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_the_card_says_what_it_is(made: Path, tmp_path: Path) -> None:
    export(made, to="parquet", out=tmp_path / "set")
    card = (tmp_path / "set" / "README.md").read_text()
    plan = pictures().plan
    for word in ("synthetic", "none is a photograph", "licence", plan.plan_id, plan.model_id):
        assert word in card
    for edit in plan.edits:
        assert f"| {edit.name} |" in card and edit.sha256 in card
    assert "Every one of the 21 pictures (16 px" in card
