"""Pickles of the TensorFlow era: read as data, under the names of the family; anything else is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind
from tests.checkpoints import progressive_writers as progressive
from tests.checkpoints import tensorflow_writers as tf
from tests.checkpoints import writers


def triple(family: str, **settings: Any) -> tuple[Any, ...]:
    if family == "pggan":
        config = progressive.tiny_pggan()
        return tf.pggan(
            progressive.pggan_state(config, progressive.random_tensors(config)), **settings
        )
    style = progressive.tiny_stylegan()
    state = progressive.stylegan_state(style, progressive.random_tensors(style))
    return tf.stylegan(state, **settings)


def refused(path: Path, tree: Any) -> CheckpointError:
    path.write_bytes(writers.dumps(tree, 4))
    with pytest.raises(CheckpointError) as caught:
        checkpoints.read(path)
    return caught.value


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("resolution", [16, 128])
def test_stylegan_is_read_as_from_genforce(tmp_path: Path, protocol: int, resolution: int) -> None:
    channels = {4: 70, 8: 33, 16: 4, 32: 3, 64: 3, 128: 2}  # one kernel stays in the file
    channels = {side: count for side, count in channels.items() if side <= resolution}
    config = progressive.tiny_stylegan(resolution=resolution, channels=channels)
    tensors = progressive.random_tensors(config)
    state = progressive.stylegan_state(config, tensors)
    path = tmp_path / "a.pkl"
    path.write_bytes(writers.dumps(tf.stylegan(state), protocol))
    read = checkpoints.read(path)
    other = checkpoints.read(writers.write_torch(tmp_path / "a.pth", {"generator_smooth": state}))
    assert (read.family, read.config, read.model_id) == ("stylegan", config, other.model_id)
    assert read.facts["layout"] == "tensorflow" and read.facts["not_loaded"] == ["D", "G"]
    assert [source["run"] for source in read.facts["module_sources"]] == ["not run"]


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("fused", [False, True])
def test_pggan_is_read_as_from_genforce(tmp_path: Path, protocol: int, fused: bool) -> None:
    config = progressive.tiny_pggan(channels={4: 70, 8: 33, 16: 4})
    state = progressive.pggan_state(config, progressive.random_tensors(config))
    path = tmp_path / "a.pkl"
    path.write_bytes(writers.dumps(tf.pggan(state, fused=fused), protocol))
    read = checkpoints.read(path)
    other = checkpoints.read(writers.write_torch(tmp_path / "a.pth", {"generator_smooth": state}))
    assert (read.family, read.config, read.model_id) == ("pggan", config, other.model_id)


def test_arrays_in_column_order_are_the_same_numbers(tmp_path: Path) -> None:
    values: list[Any] = []
    for order in ("C", "F"):
        kernel = np.arange(9 * 70 * 70, dtype=np.float32).reshape((3, 3, 70, 70))
        config = progressive.tiny_stylegan(channels={4: 70, 8: 5, 16: 4})
        state = progressive.stylegan_state(config, progressive.random_tensors(config))
        changes = {"4x4/Conv/weight": np.asarray(kernel, order=order)}  # type: ignore[call-overload]
        path = tmp_path / f"{order}.pkl"
        path.write_bytes(writers.dumps(tf.stylegan(state, changes=changes), 4))
        values.append(checkpoints.read(path).model_id)
    assert values[0] == values[1]


@pytest.mark.parametrize("family", ["stylegan", "pggan"])
@pytest.mark.parametrize(
    "settings",
    [
        {"label_size": 3},
        {"use_wscale": False},
        {"normalize_latents": False},
    ],
)
def test_networks_of_other_settings_are_named(
    tmp_path: Path, family: str, settings: dict[str, Any]
) -> None:
    error = refused(tmp_path / "a.pkl", triple(family, **settings))
    ((name, value),) = settings.items()
    assert error.kind == Kind.UNSUPPORTED and f"{name} = {value}" in error.what


def test_settings_are_held_against_the_arrays(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.pkl", triple("stylegan", resolution=32))
    assert error.kind == Kind.BAD_STRUCTURE
    assert "the file says resolution = 32, its arrays say 16" in error.what
    error = refused(tmp_path / "b.pkl", triple("pggan", num_channels="3"))
    assert "num_channels = of type str" in error.what
    long = ["x" * 60_000] * 10_000
    error = refused(tmp_path / "c.pkl", triple("stylegan", nonlinearity=long))
    assert error.kind == Kind.UNSUPPORTED and len(error.what) < 200


def test_damaged_networks_are_refused(tmp_path: Path) -> None:
    ones = np.ones((3, 3), np.float32)
    for changes, words in (
        ({"4x4/Const/surprise": ones}, "is not expected"),
        ({"4x4/Conv/weight": ones}, "should be"),
        ({"4x4/Conv/weight": "text"}, "is not an array"),
        ({"4x4/Conv1/weight": ones}, "two variables become"),
        ({"8x8/Conv1/bias": np.float32(1)}, "is not an array"),
        ({7: ones}, "no names"),
    ):
        error = refused(tmp_path / "a.pkl", triple("stylegan", changes=changes))
        assert error.kind == Kind.BAD_STRUCTURE and words in error.what, error
    error = refused(tmp_path / "a.pkl", triple("stylegan", changes={"lod": np.float32(0.5)}))
    assert error.kind == Kind.UNSUPPORTED and "not grown" in error.what
    config = progressive.tiny_pggan()
    state = progressive.pggan_state(config, progressive.random_tensors(config))
    bad = tf.network(tf.PGGAN, {"4x4/Dense/weight": ones}, {})
    assert "not [z, channels * 16]" in refused(tmp_path / "a.pkl", (bad, bad, bad)).what
    assert "are not pairs" in refused(tmp_path / "a.pkl", _with(variables={})).what
    assert "static_kwargs" in refused(tmp_path / "a.pkl", _with(static_kwargs=[])).what
    state["layer1.weight"][0, 0] = torch.nan
    assert refused(tmp_path / "a.pkl", tf.pggan(state)).kind == Kind.NON_FINITE


def _with(**changes: Any) -> tuple[Any, ...]:
    whole = tf.network(tf.PGGAN, {}, {})
    whole.state.update(changes)
    return whole, whole, whole


def test_other_networks_of_that_era_are_named(tmp_path: Path) -> None:
    synthesis = tf.network(tf.STYLEGAN, {"4x4/Const/const": np.ones((1, 2, 4, 4), "f")}, {})
    mapping = tf.network(tf.STYLEGAN, {}, {})
    whole = tf.network(tf.STYLEGAN, {}, {}, synthesis=synthesis, mapping=mapping)
    error = refused(tmp_path / "a.pkl", (whole, whole, whole))
    assert error.kind == Kind.UNSUPPORTED and "legacy.py" in error.what


def test_one_array_under_many_names_costs_what_it_weighs(tmp_path: Path) -> None:
    shared = np.ones((3, 3, 700, 700), np.float32)  # 18 MB
    changes = {f"{4 << b}x{4 << b}/Conv1/weight": shared for b in range(1, 9)}
    error = refused(tmp_path / "a.pkl", triple("stylegan", changes=changes))
    assert error.kind == Kind.LIMIT and "stored bytes" in error.what
