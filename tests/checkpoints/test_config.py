"""The config refuses absurd numbers before anything is built, and counts what it promises."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from steerx.checkpoints import CheckpointError, Kind, StyleGAN2Config, expected_shapes
from tests.checkpoints.writers import tiny_config


def test_numbers_of_a_small_generator() -> None:
    config = tiny_config(c_dim=3, embed_dim=5)
    assert config.resolutions == (4, 8, 16)
    assert (config.num_ws, config.num_layers) == (6, 5)
    assert [config.layer_resolution(i) for i in range(5)] == [4, 8, 8, 16, 16]
    assert [config.layer_channels(i) for i in range(5)] == [(7, 7), (7, 5), (5, 5), (5, 4), (4, 4)]
    shapes = expected_shapes(config)
    assert shapes["mapping.layers.0.weight"] == (8, 11)
    assert shapes["mapping.embed.weight"] == (5, 3)
    assert shapes["synthesis.layers.3.weight"] == (4, 5, 3, 3)
    assert shapes["synthesis.layers.3.affine.weight"] == (5, 8)
    assert shapes["synthesis.layers.3.noise"] == (16, 16)
    assert shapes["synthesis.to_rgbs.1.weight"] == (3, 5, 1, 1)
    assert len(shapes) == 2 + 2 * 2 + 1 + 2 + 5 * 6 + 3 * 4


def test_a_config_is_a_value() -> None:
    config = tiny_config()
    assert config == copy.deepcopy(config) and hash(config) == hash(copy.deepcopy(config))
    assert config != tiny_config(conv_clamp=1.0)
    assert config != tiny_config(channels={4: 7, 8: 5, 16: 3})
    assert StyleGAN2Config.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    "change",
    [
        {"resolution": 24},
        {"resolution": 2},
        {"resolution": 4096},
        {"resolution": 16.0},
        {"z_dim": 0},
        {"z_dim": 8193},
        {"z_dim": True},
        {"w_dim": -1},
        {"c_dim": 3},
        {"embed_dim": 3},
        {"img_channels": 9},
        {"mapping_layers": 33},
        {"mapping_layers": 0},
        {"channels": {4: 7, 8: 5}},
        {"channels": {4: 7, 8: 5, 16: 0}},
        {"channels": {4: 7, 8: 5, 16: 8193}},
        {"conv_clamp": 0.0},
        {"conv_clamp": float("inf")},
        {"conv_clamp": "256"},
        {"w_avg_rows": 5},
        {"filter_shape": (0, 4)},
        {"channels": {4: 8192, 8: 8192, 16: 8192}},
    ],
)
def test_absurd_numbers_are_refused(change: dict[str, Any]) -> None:
    if change.get("channels", {}).get(4) == 8192:
        change = change | {"resolution": 2048, "channels": {4 << i: 8192 for i in range(10)}}
    with pytest.raises(CheckpointError) as caught:
        tiny_config(**change)
    assert caught.value.kind == Kind.BAD_STRUCTURE


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {**tiny_config().to_json(), "more": 1},
        {**tiny_config().to_json(), "channels": [4]},
        {**tiny_config().to_json(), "channels": {"four": 7, "8": 5, "16": 4}},
        {**tiny_config().to_json(), "filter_shape": [4]},
        {**tiny_config().to_json(), "filter_shape": ["4", 4]},
        {**tiny_config().to_json(), "z_dim": 10**400},
    ],
)
def test_damaged_json_is_refused(data: object) -> None:
    with pytest.raises(CheckpointError) as caught:
        StyleGAN2Config.from_json(data)
    assert caught.value.kind == Kind.BAD_STRUCTURE
