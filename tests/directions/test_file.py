"""The direction file: what was saved comes back, and what this version cannot read is refused by name."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import safetensors
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from steerx.directions import Directions, DirectionsFileError, as_directions


def full(space: str = "w_plus") -> Directions:
    """A set with every field filled."""
    vectors = torch.nn.functional.normalize(torch.randn(3, 6), dim=-1)
    return Directions(
        vectors,
        space=space,
        names=["smile", "age", "größe"],
        layers=[[0, 1, 5], None, [2]] if space == "w_plus" else None,
        scale=torch.tensor([1.0, 2.0, 0.5]),
        unit="sigma",
        motion="relative" if space == "styles" else "absolute",
        when="after_truncation",
        kind="pattern",
        label=4,
        scores=torch.tensor([0.9, 0.8, float("nan")]),
        score_name="validation_accuracy",
        intercepts=torch.randn(3),
        mean=torch.randn(6),
        covariance=torch.eye(6),
        style_sizes=[4, 2] if space == "styles" else None,
        weight_source={"to_rgb": "last"},
        sign="largest entry",
        model_id="d" * 64,
        resolution=64,
        truncation=(0.7, 8),
        provenance={"method": "by hand", "nested": [1, {"a": None}]},
    )


def assert_same(a: Directions, b: Directions) -> None:
    for f in fields(a):
        one, other = getattr(a, f.name), getattr(b, f.name)
        if isinstance(one, torch.Tensor):
            assert torch.equal(one.nan_to_num(-1), other.nan_to_num(-1)), f.name
            assert one.dtype == other.dtype
        else:
            assert one == other, f.name


@pytest.mark.parametrize("space", ["z", "w", "w_plus", "styles", "act:4"])
def test_round_trip(tmp_path: Path, space: str) -> None:
    path, d = tmp_path / "d.safetensors", full(space)
    d.save(path)
    assert_same(d, Directions.load(path))
    assert_same(d, as_directions(str(path)))


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.sampled_from([torch.float32, torch.float64]))
def test_round_trip_per_layer(
    tmp_path_factory: pytest.TempPathFactory, count: int, rows: int, dtype: torch.dtype
) -> None:
    vectors = torch.nn.functional.normalize(torch.randn(count, rows, 3, dtype=dtype), dim=-1)
    d = Directions(vectors, space="w_plus", intercepts=torch.randn(count, rows))
    path = tmp_path_factory.mktemp("d") / "d.safetensors"
    d.save(path)
    assert_same(d, Directions.load(path))


def test_a_view_of_a_larger_set_is_saved_as_it_is(tmp_path: Path) -> None:
    d = full()[1:]
    d.save(tmp_path / "d.safetensors")
    assert_same(d, Directions.load(tmp_path / "d.safetensors"))


def test_the_file_is_what_the_promise_says(tmp_path: Path) -> None:
    path = tmp_path / "d.safetensors"
    full().save(path)
    with safetensors.safe_open(path, framework="pt") as opened:
        assert set(opened.keys()) == {
            "vectors",
            "scale",
            "scores",
            "intercepts",
            "mean",
            "covariance",
        }
        document = json.loads(opened.metadata()["steerx"])
    assert (document["kind"], document["version"], document["required"]) == ("directions", 1, [])
    assert document["fields"]["layers"] == [[0, 1, 5], None, [2]]
    assert document["fields"]["truncation"] == [0.7, 8]


def test_never_overwrites_unasked(tmp_path: Path) -> None:
    path = tmp_path / "d.safetensors"
    full().save(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        full().save(path)
    assert path.read_bytes() == before
    full()[0].save(path, overwrite=True)
    assert len(Directions.load(path)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["d.safetensors"]


def test_provenance_must_be_plain(tmp_path: Path) -> None:
    d = replace(full(), provenance={"when": object()})
    with pytest.raises(ValueError, match="plain JSON data"):
        d.save(tmp_path / "d.safetensors")
    assert list(tmp_path.iterdir()) == []


def written(path: Path, change: dict[str, Any], drop: tuple[str, ...] = ()) -> Path:
    """A file like `save` writes, with the document changed; `drop` removes fields."""
    d = full()
    d.save(path)
    with safetensors.safe_open(path, framework="pt") as opened:
        document = json.loads(opened.metadata()["steerx"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    document["fields"].update(change.pop("fields", {}))
    document.update(change)
    for name in drop:
        document["fields"].pop(name, None)
        tensors.pop(name, None)
    other = path.with_name("other.safetensors")
    save_file(tensors, other, {"steerx": json.dumps(document)})
    return other


@pytest.mark.parametrize(
    ("change", "drop", "part"),
    [
        ({"version": 2}, (), "version 2, this steerx reads up to 1"),
        ({"version": "1"}, (), "version must be an integer"),
        ({"version": 0}, (), "version must be an integer"),
        ({"kind": "checkpoint"}, (), "expected a file of kind directions"),
        ({"required": ["warp"]}, (), "needs warp"),
        ({"required": "warp"}, (), "required a list"),
        ({}, ("space", "when"), "the fields space, when are missing"),
        ({}, ("vectors",), "the tensor vectors is missing"),
        ({"fields": {"space": "p"}}, (), "space must be"),
        ({"fields": {"unit": "stdev"}}, (), "unit must be one of"),
        ({"fields": {"resolution": "64"}}, (), "resolution must be int"),
        ({"fields": {"layers": [[0], [1]]}}, (), "K = 3"),
        ({"fields": {"layers": [["a"], None, None]}}, (), "integer"),
        ({"fields": {"names": "abc"}}, (), "names must be a sequence"),
        ({"fields": {"truncation": 0.7}}, (), "truncation"),
        ({"fields": {"provenance": 3}}, (), "provenance"),
    ],
)
def test_refused_by_name(
    tmp_path: Path, change: dict[str, Any], drop: tuple[str, ...], part: str
) -> None:
    path = written(tmp_path / "d.safetensors", dict(change), drop)
    with pytest.raises(DirectionsFileError) as caught:
        Directions.load(path)
    assert part in str(caught.value)
    assert str(path) in str(caught.value)


def test_unknown_fields_that_are_not_required_are_ignored(tmp_path: Path) -> None:
    path = written(tmp_path / "d.safetensors", {"fields": {"mood": "good"}, "future": 1})
    assert Directions.load(path).names == full().names


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file"):
        Directions.load(tmp_path / "absent.safetensors")
    (tmp_path / "text.safetensors").write_text("smile")
    with pytest.raises(DirectionsFileError, match="is not a direction file"):
        Directions.load(tmp_path / "text.safetensors")
    save_file({"vectors": torch.eye(2)}, tmp_path / "plain.safetensors")
    with pytest.raises(DirectionsFileError, match="no key steerx"):
        Directions.load(tmp_path / "plain.safetensors")
    save_file({"vectors": torch.eye(2)}, tmp_path / "broken.safetensors", {"steerx": "{"})
    with pytest.raises(DirectionsFileError, match="not JSON"):
        Directions.load(tmp_path / "broken.safetensors")
    save_file({"vectors": torch.eye(2)}, tmp_path / "list.safetensors", {"steerx": "[]"})
    with pytest.raises(DirectionsFileError, match="kind directions"):
        Directions.load(tmp_path / "list.safetensors")
