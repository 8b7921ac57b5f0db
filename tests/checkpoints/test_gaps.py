"""Files of other tools that are a little different: read where it can be, else refused in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind
from tests.checkpoints import writers

STATES = {"rosinality": writers.rosinality_state, "genforce": writers.genforce_state}
KEYS = {"rosinality": "g_ema", "genforce": "generator_smooth"}
DENSE = {"rosinality": "style.2.weight", "genforce": "mapping.dense1.weight"}


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("layout", STATES)
def test_a_prefix_of_dataparallel_is_left_out_and_said(
    tmp_path: Path, layout: str, flat: bool
) -> None:
    config = writers.tiny_config()
    state = STATES[layout](config, writers.random_tensors(config))
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    trees = [state, wrapped] if flat else [{KEYS[layout]: s} for s in (state, wrapped)]
    plain, prefixed = (
        checkpoints.read(writers.write_torch(tmp_path / f"{i}.pt", tree))
        for i, tree in enumerate(trees)
    )
    assert prefixed.model_id == plain.model_id
    assert prefixed.facts["left_out"] == "'module.' in front of every name"
    assert "left_out" not in plain.facts
    half = {**state, **dict(list(wrapped.items())[:3])}
    with pytest.raises(CheckpointError, match="not expected"):
        checkpoints.read(writers.write_torch(tmp_path / "half.pt", {KEYS[layout]: half}))


@pytest.mark.parametrize("layout", STATES)
def test_hidden_layers_of_another_width(tmp_path: Path, layout: str) -> None:
    config = writers.tiny_config(mapping_layers=3)
    state = STATES[layout](config, writers.random_tensors(config))
    state[DENSE[layout]] = torch.randn(11, 8)
    with pytest.raises(CheckpointError, match=r"width 11 .* for w of width 8") as caught:
        checkpoints.read(writers.write_torch(tmp_path / "a.pt", {KEYS[layout]: state}))
    assert caught.value.kind == Kind.UNSUPPORTED


def test_genforce_labels_normalised_together_are_named(tmp_path: Path) -> None:
    config = writers.tiny_config()
    state = writers.genforce_state(config, writers.random_tensors(config))
    state["mapping.label_weight"] = torch.randn(3, 6)
    with pytest.raises(CheckpointError, match=r"3 classes, 'mapping\.label_weight'.*\.pkl"):
        checkpoints.read(writers.write_torch(tmp_path / "a.pth", {"generator": state}))


def test_a_network_of_labels_alone(tmp_path: Path) -> None:
    config = writers.tiny_config(c_dim=3, embed_dim=5)
    tensors = writers.random_tensors(config)
    state = writers.genforce_state(config, tensors)
    state["mapping.dense0.weight"] = state["mapping.dense0.weight"][:, :5].clone()
    with pytest.raises(CheckpointError, match="z_dim = 0: a network of labels alone"):
        checkpoints.read(writers.write_torch(tmp_path / "a.pth", {"generator": state}))


def test_numbers_out_of_bounds_are_shown_as_people_write_them() -> None:
    with pytest.raises(CheckpointError, match="img_channels must be 1 to 8, got 9"):
        writers.tiny_config(img_channels=9)
    with pytest.raises(CheckpointError, match="got '0x1000") as caught:
        writers.tiny_config(img_channels=1 << 4000)
    assert len(str(caught.value)) < 120
