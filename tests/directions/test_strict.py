"""What a stranger's file or a slip may put into a set: refused by name, quickly, by one exception."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from steerx.directions import (
    Directions,
    DirectionsFileError,
    GANSpace,
    InterFaceGAN,
    SeFa,
    load_boundary,
    load_ganspace,
)
from steerx.directions import file as direction_file

FIELDS: dict[str, Any] = {
    "space": "w_plus",
    "names": ["a", "b"],
    "layers": None,
    "unit": "raw",
    "motion": "relative",
    "when": "after_truncation",
    "kind": "filter",
}


def written(path: Path, count: int = 2, **fields: Any) -> Path:
    document = {"kind": "directions", "version": 1, "fields": {**FIELDS, **fields}}
    vectors = torch.ones(count, 1)
    save_file({"vectors": vectors}, path, {"steerx": json.dumps(document)})
    return path


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else 1


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("label", -1, "label must be a whole number"),
        ("label", 1 << 80, "label must be a whole number"),
        ("resolution", 0, "resolution must be a whole number"),
        ("layers", [0, True], "integer rows"),
        ("layers", ["0-3", None], "integer rows"),
        ("layers", [10**30], "integer rows"),
        ("layers", {"a": 1, "b": 2}, "layers must be None, rows or a list"),
        ("names", {"a": 1, "b": 2}, "names must be a sequence"),
        ("truncation", [0.7], "truncation must be"),
        ("truncation", [True, None], "truncation must be"),
        ("truncation", ["0.7", 8], "truncation must be"),
        ("truncation", [0.7, 1.5], "cutoff"),
        ("style_sizes", ["1"], "style_sizes belong"),
        ("model_id", "a\x1b[31m", "model_id must be text"),
        ("sign", "x" * 201, "sign must be text"),
        ("provenance", {"a": deep(60)}, "deep"),
        ("provenance", {"\ud800": 1}, "half a character"),
        ("provenance", {"a": ["\udfff"]}, "half a character"),
    ],
)
def test_fields_of_a_file_are_strict(tmp_path: Path, field: str, value: Any, part: str) -> None:
    assert len(Directions.load(written(tmp_path / "good.safetensors"))) == 2
    with pytest.raises(DirectionsFileError, match=part) as caught:
        Directions.load(written(tmp_path / "d.safetensors", **{field: value}))
    assert len(str(caught.value)) < 600


def test_a_number_too_large_for_a_float(tmp_path: Path) -> None:
    text = json.dumps({"kind": "directions", "version": 1, "fields": {**FIELDS, "a": 7}})
    path = tmp_path / "d.safetensors"
    save_file({"vectors": torch.ones(2, 1)}, path, {"steerx": text.replace("7", "1e999")})
    with pytest.raises(DirectionsFileError, match="not JSON"):
        Directions.load(path)


def test_style_sizes_are_whole_numbers() -> None:
    for sizes in ([1.0, 1.0], [True, True], [3, -1], "ab"):
        with pytest.raises(ValueError, match="style_sizes must be"):
            Directions(torch.tensor([[0.6, 0.8]]), space="styles", style_sizes=sizes)


def test_many_names_are_compared_once(tmp_path: Path) -> None:
    count = 60_000
    names = [f"{k}" for k in range(count)]
    path = written(tmp_path / "d.safetensors", count, names=names, layers=list(range(100)))
    start = time.perf_counter()
    assert len(Directions.load(path)) == count
    assert time.perf_counter() - start < 5  # comparing all with all takes minutes


def test_a_file_larger_than_any_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "d.safetensors")
    monkeypatch.setattr(direction_file, "MAX_TENSOR_BYTES", 7)
    with pytest.raises(DirectionsFileError, match="8 bytes of directions"):
        Directions.load(path)


@pytest.mark.parametrize("provenance", [{"a": deep(60)}, {"a": "\ud800"}, {"a": "x" * (1 << 20)}])
def test_nothing_is_saved_that_cannot_be_read(tmp_path: Path, provenance: Any) -> None:
    d = Directions(torch.ones(1, 1), space="w", provenance=provenance)
    with pytest.raises(ValueError, match="plain JSON data"):
        d.save(tmp_path / "d.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_mislead() -> None:
    vectors = torch.eye(2)
    with pytest.raises(ValueError, match="scale is a length"):
        Directions(vectors, space="w", scale=torch.tensor([1.0, -1.0]))
    d = Directions(vectors, space="w", covariance=torch.full((2, 2), 1e6))
    with pytest.raises(ValueError, match=r"covariance must be finite numbers in torch\.float16"):
        d.to(dtype=torch.float16)
    flat = Directions(vectors, space="w", covariance=torch.diag(torch.tensor([1.0, 0.0])))
    with pytest.raises(ValueError, match="do not vary along a direction"):
        flat.cosines(metric="covariance")
    with pytest.raises(ValueError, match="all 9 codes are the same"):
        GANSpace(k=2).fit(torch.ones(9, 3))


def test_concatenate_never_drops_the_set_it_is_called_on() -> None:
    a, b, c = Directions(torch.eye(3), space="w", names=["a", "b", "c"])
    assert a.concatenate(b, c).names == ("a", "b", "c")
    assert a.concatenate([b, c]).names == ("a", "b", "c")
    assert Directions.concatenate(a, b).names == ("a", "b")
    assert Directions.concatenate([a, b]).names == ("a", "b")


def test_a_ratio_above_one_is_whole() -> None:
    codes, scores = torch.randn(20, 3), torch.arange(20.0)
    assert InterFaceGAN(5, solver="mean").fit(codes, scores).n_class_ == (5,)
    for ratio in (5.5, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="ratio"):
            InterFaceGAN(ratio, solver="mean").fit(codes, scores)


def test_defaults_of_the_methods() -> None:
    assert (SeFa().k, GANSpace().k) == (5, 10)


def test_foreign_files_of_too_many_vectors(tmp_path: Path) -> None:
    np.save(tmp_path / "m_a_w_boundary.npy", np.ones((10_001, 1)))
    with pytest.raises(DirectionsFileError, match=r"must be \[1, D\]"):
        load_boundary(tmp_path / "m_a_w_boundary.npy")
    path = tmp_path / "m_style_ipca_c3_n5_w.npz"
    for shape in ((5, 1, 4), (4,), (), (2, 1, 1, 4)):
        np.savez(
            path, lat_comp=np.ones(shape), lat_stdev=np.ones(5), lat_mean=np.ones(4),
            var_ratio=np.ones(5),
        )  # fmt: skip
        with pytest.raises(DirectionsFileError, match="lat_comp must be"):
            load_ganspace(path)


def test_where_absolute_distances_start(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"space": "w", "motion": "absolute", "intercepts": torch.ones(2)}
    d = Directions(torch.eye(2), origin="boundary", **fields)
    d.save(tmp_path / "d.safetensors")
    assert Directions.load(tmp_path / "d.safetensors").origin == "boundary"
    assert '"required": ["origin"]' in header(tmp_path / "d.safetensors")  # older readers refuse it
    Directions(torch.eye(2), **fields).save(tmp_path / "zero.safetensors")
    assert '"required": []' in header(tmp_path / "zero.safetensors")
    for changed in ({"motion": "relative"}, {"intercepts": None}):
        with pytest.raises(ValueError, match='origin="boundary" needs motion="absolute" and inter'):
            Directions(torch.eye(2), origin="boundary", **{**fields, **changed})
    with pytest.raises(ValueError, match="origin must be one of zero, boundary"):
        Directions(torch.eye(2), space="w", origin="mean")  # type: ignore[arg-type]


def header(path: Path) -> str:
    with safe_open(path, framework="pt") as opened:
        return str(opened.metadata()["steerx"])


def test_rows_per_layer_are_at_most_unit() -> None:
    rows = torch.tensor([[[0.6, 0.8], [0.3, 0.0], [0.0, 0.0]]])
    assert Directions(rows, space="w_plus").vectors.shape == (1, 3, 2)
    for factor in (0.9, 1.1, float("nan")):
        with pytest.raises(ValueError, match="unit L2 length, in the longest of their rows"):
            Directions(rows * factor, space="w_plus")
