"""NVlabs' StyleGAN3 snapshots: every tensor finds its place, and geometry that lies is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import steerx
from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind, StyleGAN3Config, expected_shapes, model_id
from tests.checkpoints import stylegan3_writers as stylegan3


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    "config",
    [
        stylegan3.tiny(),
        stylegan3.tiny(radial=True),
        stylegan3.tiny(c_dim=3, embed_dim=8, conv_clamp=None),
        stylegan3.tiny(mapping_layers=0, z_dim=8),
    ],
)
def test_every_tensor_becomes_canonical(
    tmp_path: Path, config: StyleGAN3Config, protocol: int
) -> None:
    tensors = stylegan3.random_tensors(config)
    read = checkpoints.read(stylegan3.write(tmp_path / "a.pkl", config, protocol=protocol))
    assert read.family == "stylegan3" and read.config == config
    assert read.tensors.keys() == tensors.keys() == expected_shapes(config).keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(read.tensors[name], tensor, rtol=1e-6, atol=1e-7, msg=name)


@pytest.mark.parametrize("radial, variant", [(False, "T"), (True, "R")])
def test_facts_for_people(tmp_path: Path, radial, variant) -> None:
    facts = checkpoints.describe(stylegan3.write(tmp_path / "a.pkl", stylegan3.tiny(radial=radial)))
    assert (facts["family"], facts["variant"], facts["num_ws"]) == ("stylegan3", variant, 5)
    assert facts["layout"] == "nvlabs" and facts["w_avg"] == "stored"
    assert facts["skipped"] == ["'more'"] and facts["not_loaded"] == ["D", "G", "augment_pipe"]
    assert [source["run"] for source in facts["module_sources"]] == ["not run"]


def test_a_picture_without_a_margin(tmp_path: Path) -> None:
    last = stylegan3.tiny().layers[-1]
    first = stylegan3.layer(4, 8, 4, kernel=3, up=4, down=2, radial=False)
    config = stylegan3.tiny(input_size=4, layers=(first, last))
    path = stylegan3.write(tmp_path / "a.pkl", config, changes={"synthesis": {"margin_size": 0}})
    assert checkpoints.read(path).config == config


def test_settings_that_are_no_table_are_refused(tmp_path: Path) -> None:
    changed = stylegan3.write(tmp_path / "a.pkl", stylegan3.tiny(), arguments=[1])
    with pytest.raises(CheckpointError, match="_init_kwargs is not a dict"):
        checkpoints.read(changed)


def test_a_mean_that_is_not_stored_is_computed(tmp_path: Path) -> None:
    config = stylegan3.tiny()
    state = stylegan3.state_of(config, stylegan3.random_tensors(config))
    del state["mapping.w_avg"]
    read = checkpoints.read(stylegan3.write(tmp_path / "a.pkl", config, state=state))
    assert read.facts["w_avg"].startswith("computed")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"L0_10_7": {"padding": None}}, "L0_10_7' does not say its padding"),
        ({"L0_10_7": {"padding": [1, 2, 3]}}, "L0_10_7' does not say its padding"),
        ({"L0_10_7": {"padding": [0, 0, 0, 0]}}, r"layers\[0\] makes \d+ pixels of 10, not 10"),
        ({"L0_10_7": {"padding": [0, 0, 0, 1.5]}}, r"layers\[0\] padding must be a whole number"),
        ({"L0_10_7": {"padding": [0, 0, 0, 1 << 40]}}, r"layers\[0\] padding must be -"),
        ({"L1_12_5": {"up_factor": None}}, r"layers\[1\] up must be a whole number, got NoneType"),
        ({"L1_12_5": {"up_factor": 9}}, r"layers\[1\] up must be 1 to 8, got 9"),
        ({"L1_12_5": {"down_factor": 1}}, r"layers\[1\] makes 23 pixels of 10, not 12"),
        ({"L1_12_5": {"down_factor": 0}}, r"layers\[1\] down must be 1 to 8"),
        ({"input": {"sampling_rate": None}}, "does not say sampling_rate"),
        ({"input": {"sampling_rate": float("nan")}}, "does not say sampling_rate"),
        ({"input": {"sampling_rate": 6.0}}, r"layers\[0\] makes 12 pixels of 12, not 10"),
        ({"input": {"bandwidth": 2.0}}, "bandwidth must be below half the sampling_rate"),
        ({"synthesis": {"margin_size": None}}, "does not say margin_size"),
        ({"synthesis": {"margin_size": -1}}, "does not say margin_size"),
        ({"synthesis": {"margin_size": 1e300}}, "input_size must be"),
        ({"synthesis": {"output_scale": None}}, "does not say output_scale"),
        ({"L3_8_3": {"conv_clamp": -1}}, "layers that differ in conv_clamp"),
        ({"fc0": {"bias_gain": 101}, "fc1": {"bias_gain": 101}}, "learning rate multiplier"),
    ],
)
def test_geometry_that_lies_is_refused(tmp_path: Path, changes, words) -> None:
    path = stylegan3.write(tmp_path / "a.pkl", stylegan3.tiny(), changes=changes)
    with pytest.raises(CheckpointError, match=words):
        checkpoints.read(path)


@pytest.mark.parametrize(
    "kwargs, words",
    [
        ({"z_dim": 7}, "the file says z_dim = 7, its tensors say 6"),
        ({"img_resolution": "8"}, "img_resolution = of type str, its tensors say 8"),
    ],
)
def test_arguments_must_agree(tmp_path: Path, kwargs, words) -> None:
    path = stylegan3.write(tmp_path / "a.pkl", stylegan3.tiny(), kwargs=kwargs)
    with pytest.raises(CheckpointError, match=words):
        checkpoints.read(path)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"synthesis.L1_12_5.weight": None}, r"layers \[0, 2, 3\] in 'synthesis'"),
        ({"synthesis.L1_12_5.bias": None}, r"L1_12_5\.bias' \[5\] is missing"),
        ({"synthesis.L1_12_5.bias": torch.ones(4)}, r"should be \[5\], is \[4\]"),
        ({"synthesis.L1_12_5.more": torch.ones(4)}, "is not expected"),
        ({"synthesis.L1_12_5.up_filter": torch.ones(16, 15)}, "up_shape must be"),
        ({"synthesis.L1_12_5.up_filter": torch.ones(129)}, "up taps must be 1 to 128"),
        ({"synthesis.L1_12_5.weight": torch.ones(5, 7, 2, 2)}, "kernel must be 1 or 3, got 2"),
        (
            {"synthesis.L3_8_3.weight": torch.ones(2, 4, 1, 1)},
            "img_channels = 3, its tensors say 2",
        ),
        ({"synthesis.input.affine.weight": None}, r"input\.affine\.weight' is missing"),
        ({"synthesis.input.freqs": torch.ones(9, 3)}, r"should be \[9, 2\]"),
    ],
)
def test_wrong_tensors_are_refused(tmp_path: Path, change, words) -> None:
    config = stylegan3.tiny()
    state = stylegan3.state_of(config, stylegan3.random_tensors(config)) | change
    state = {name: tensor for name, tensor in state.items() if tensor is not None}
    with pytest.raises(CheckpointError, match=words) as caught:
        checkpoints.read(stylegan3.write(tmp_path / "a.pkl", config, state=state))
    assert caught.value.kind == Kind.BAD_STRUCTURE


def test_our_own_file_holds_it(tmp_path: Path) -> None:
    config = stylegan3.tiny(radial=True, c_dim=3, embed_dim=5)
    tensors = stylegan3.random_tensors(config)
    written = checkpoints.Checkpoint("stylegan3", config, tensors, model_id(tensors), {})
    checkpoints.write(tmp_path / "a.safetensors", written)
    read = checkpoints.read(tmp_path / "a.safetensors")
    assert read.config == config and read.model_id == written.model_id
    G = steerx.load(tmp_path / "a.safetensors")
    assert (G.family, G.num_ws, G.c_dim) == ("stylegan3", 5, 3)
    with pytest.raises(ValueError, match="genforce files cannot hold a stylegan3; write"):
        checkpoints.export(tmp_path / "a.pth", written, "genforce")


@pytest.mark.parametrize(
    "change",
    [
        {"resolution": 16},
        {"img_channels": 1},
        {"z_dim": 0},
        {"c_dim": 2},
        {"mapping_layers": 0},
        {"input_size": 11},
        {"input_channels": 0},
        {"sampling_rate": 3.0},
        {"output_scale": 0.0},
        {"conv_clamp": "256"},
        {"layers": ()},
        {"layers": stylegan3.tiny().layers * 17},
    ],
)
def test_absurd_numbers_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError) as caught:
        stylegan3.tiny(**change)
    assert caught.value.kind == Kind.BAD_STRUCTURE


def test_a_config_is_a_value() -> None:
    config = stylegan3.tiny(radial=True)
    assert StyleGAN3Config.from_json(config.to_json()) == config
    assert hash(config) == hash(stylegan3.tiny(radial=True)) and config != stylegan3.tiny()
    assert replace(config, conv_clamp=None) != config


@pytest.mark.parametrize(
    "change",
    [
        {"layers": {}},
        {"layers": [3]},
        {"layers": [{}] * 65},
        {"padding": [0, 0, 0]},
        {"padding": 3},
        {"up_shape": [[4], [4]]},
        {"up_shape": None},
        {"size": "8"},
        {"more": 1},
    ],
)
def test_damaged_json_is_refused(change: dict[str, Any]) -> None:
    told = stylegan3.tiny().to_json()
    if "layers" in change:
        told |= change
    else:
        told["layers"][0] |= change
    with pytest.raises(CheckpointError):
        StyleGAN3Config.from_json(told)
