"""genforce's StyleGAN: every tensor finds its place, and what steerx cannot run is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import steerx
from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind, StyleGANConfig, expected_shapes
from tests.checkpoints import progressive_writers as progressive
from tests.checkpoints import writers


def write(path: Path, state: dict[str, Any], key: str = "generator_smooth") -> Path:
    return writers.write_torch(path / "a.pth", {key: state, "discriminator": {}})


def tiny_state(config: StyleGANConfig | None = None) -> dict[str, Tensor]:
    config = config or progressive.tiny_stylegan()
    return progressive.stylegan_state(config, progressive.random_tensors(config))


@pytest.mark.parametrize(
    "config",
    [
        progressive.tiny_stylegan(),
        progressive.tiny_stylegan(mapping_layers=0, z_dim=8, img_channels=1),
        progressive.tiny_stylegan(w_avg_rows=6),
        progressive.tiny_stylegan(resolution=4, channels={4: 3}),
        progressive.tiny_stylegan(resolution=128, channels={4 << i: 6 - i for i in range(6)}),
    ],
)
def test_every_tensor_becomes_canonical(tmp_path: Path, config: StyleGANConfig) -> None:
    tensors = progressive.random_tensors(config)
    read = checkpoints.read(write(tmp_path, progressive.stylegan_state(config, tensors)))
    assert read.family == "stylegan" and read.config == config
    assert read.tensors.keys() == tensors.keys() == expected_shapes(config).keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(read.tensors[name], tensor, rtol=1e-6, atol=1e-7, msg=name)


def test_facts_for_people(tmp_path: Path) -> None:
    facts = checkpoints.describe(write(tmp_path, tiny_state()))
    assert facts["family"] == "stylegan" and facts["layout"] == "genforce"
    assert (facts["num_ws"], facts["w_dim"], facts["conditional"]) == (6, 8, False)
    assert facts["channels"] == {"4": 7, "8": 5, "16": 4} and facts["w_avg"] == "stored"
    assert facts["skipped"] == ["'discriminator'", "to_rgb of 4, 8 px"]
    assert "variant" not in facts


def test_a_state_under_generator_or_alone_is_read_too(tmp_path: Path) -> None:
    state = tiny_state()
    ids = {checkpoints.read(write(tmp_path, state, key)).model_id for key in ("generator", "x")[:1]}
    ids.add(checkpoints.read(write(tmp_path, state)).model_id)
    flat = writers.write_torch(tmp_path / "flat.pth", state)
    ids.add(checkpoints.read(flat).model_id)
    assert len(ids) == 1


def test_what_is_not_stored_is_computed_or_stock(tmp_path: Path) -> None:
    state = tiny_state()
    whole = checkpoints.read(write(tmp_path, state))
    spare = ("truncation.w_avg", "synthesis.lod")
    state = {n: t for n, t in state.items() if n not in spare and "blur" not in n}
    state = {n: t for n, t in state.items() if not n.startswith("synthesis.output0")}
    read = checkpoints.read(write(tmp_path, state))
    assert read.facts["w_avg"].startswith("computed")
    assert "filter = outer([1, 2, 1]) / 16" in read.facts["defaulted"]
    G = steerx.load(write(tmp_path, state))
    mean = G.mapping(torch.randn(20_000, 6)).mean(0)
    assert (G.mapping.w_avg - mean).abs().max() <= 0.05 * mean.abs().max()
    assert torch.equal(read.tensors["synthesis.filter"], whole.tensors["synthesis.filter"])


def without(name: str) -> dict[str, Tensor]:
    return {n: t for n, t in tiny_state().items() if n != name}


def with_blur(change: float, layer: int) -> dict[str, Tensor]:
    state = tiny_state()
    state[f"synthesis.layer{layer}.blur.kernel"][2, 0, 1, 1] += change
    return state


@pytest.mark.parametrize(
    "state, kind, words",
    [
        (without("synthesis.layer3.weight"), Kind.BAD_STRUCTURE, r"layer3\.weight.*is missing"),
        (without("synthesis.layer5.bias"), Kind.BAD_STRUCTURE, "5 layers; a generator has two"),
        (without("synthesis.layer2.blur.kernel"), Kind.BAD_STRUCTURE, r"layer2\.blur.*is missing"),
        (tiny_state() | {"more": torch.ones(1)}, Kind.BAD_STRUCTURE, "'more'.*is not expected"),
        (
            tiny_state() | {"synthesis.output0.weight": torch.ones(3, 6, 1, 1)},
            Kind.BAD_STRUCTURE,
            r"output0\.weight' should be \[3, 7, 1, 1\]",
        ),
        (
            tiny_state() | {"truncation.w_avg": torch.ones(9)},
            Kind.BAD_STRUCTURE,
            "w_avg' holds 9 numbers for w of width 8",
        ),
        (
            tiny_state() | {"synthesis.lod": torch.tensor(1.5)},
            Kind.UNSUPPORTED,
            "lod' = 1.5: a network that has not grown",
        ),
        (
            tiny_state() | {"mapping.label_weight": torch.ones(4, 6)},
            Kind.UNSUPPORTED,
            r"a conditional genforce StyleGAN \(4 classes\)",
        ),
        (
            tiny_state() | {"mapping.dense0.weight": torch.ones(9, 6)},
            Kind.UNSUPPORTED,
            "a mapping network of width 9",
        ),
        (with_blur(0.1, 2), Kind.UNSUPPORTED, "channels or layers with different blurs"),
        (
            tiny_state() | {"synthesis.layer2.blur.kernel": torch.ones(5, 1, 2, 2)},
            Kind.BAD_STRUCTURE,
            "filter_shape must be odd",
        ),
        (
            tiny_state() | {"synthesis.layer2.blur.kernel": torch.ones(5)},
            Kind.BAD_STRUCTURE,
            r"blur\.kernel' has the shape \[5\]",
        ),
    ],
)
def test_other_networks_are_refused_by_name(tmp_path: Path, state, kind, words) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        checkpoints.read(write(tmp_path, state))
    assert caught.value.kind == kind


def test_blurs_that_differ_between_layers_are_refused(tmp_path: Path) -> None:
    state = tiny_state()
    state["synthesis.layer4.blur.kernel"] = state["synthesis.layer4.blur.kernel"] * 2
    with pytest.raises(CheckpointError, match="channels or layers with different blurs"):
        checkpoints.read(write(tmp_path, state))


def test_our_own_file_holds_it(tmp_path: Path) -> None:
    written = progressive.checkpoint(progressive.tiny_stylegan(w_avg_rows=6))
    checkpoints.write(tmp_path / "a.safetensors", written)
    read = checkpoints.read(tmp_path / "a.safetensors")
    assert read.config == written.config and read.model_id == written.model_id
    assert all(torch.equal(read.tensors[name], t) for name, t in written.tensors.items())
    G = steerx.load(tmp_path / "a.safetensors")
    assert G.family == "stylegan" and G.model_id == written.model_id
    assert G.renderer.render(G.codes(seeds="0-1", space="styles")).shape == (2, 3, 16, 16)
    with pytest.raises(ValueError, match='"fused" runs stylegan2, this is stylegan; use "auto"'):
        steerx.load(tmp_path / "a.safetensors", renderer="fused")


@pytest.mark.parametrize("layout", ["rosinality", "genforce"])
def test_other_tools_files_cannot_hold_it(tmp_path: Path, layout: checkpoints.Layout) -> None:
    with pytest.raises(ValueError, match=f"{layout} files cannot hold a stylegan.*safetensors"):
        checkpoints.export(
            tmp_path / "a.pt", progressive.checkpoint(progressive.tiny_stylegan()), layout
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"resolution": 24},
        {"z_dim": 0},
        {"w_dim": 0},
        {"img_channels": 9},
        {"mapping_layers": 33},
        {"mapping_layers": 0},
        {"channels": {4: 7, 8: 5}},
        {"w_avg_rows": 5},
        {"filter_shape": (4, 4)},
        {"filter_shape": (3, 33)},
        {"filter_shape": (3,)},
        {"resolution": 2048, "channels": {4 << i: 8192 for i in range(10)}},
    ],
)
def test_absurd_numbers_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError) as caught:
        progressive.tiny_stylegan(**change)
    assert caught.value.kind == Kind.BAD_STRUCTURE


def test_a_config_is_a_value() -> None:
    config = progressive.tiny_stylegan(w_avg_rows=6)
    assert StyleGANConfig.from_json(config.to_json()) == config
    assert hash(config) == hash(progressive.tiny_stylegan(w_avg_rows=6))
    told = config.to_json()
    for damaged in (
        {**told, "more": 1},
        {**told, "filter_shape": 3},
        {**told, "channels": []},
        None,
    ):
        with pytest.raises(CheckpointError):
            StyleGANConfig.from_json(damaged)
