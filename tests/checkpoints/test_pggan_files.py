"""genforce's PGGAN: every tensor finds its place, and what steerx cannot run is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import steerx
from steerx import checkpoints
from steerx.checkpoints import CheckpointError, Kind, PGGANConfig, expected_shapes
from tests.checkpoints import progressive_writers as progressive
from tests.checkpoints import writers


def write(path: Path, state: dict[str, Any]) -> Path:
    return writers.write_torch(path / "a.pth", {"generator_smooth": state})


def tiny_state() -> dict[str, Tensor]:
    config = progressive.tiny_pggan()
    return progressive.pggan_state(config, progressive.random_tensors(config))


@pytest.mark.parametrize(
    "config",
    [
        progressive.tiny_pggan(),
        progressive.tiny_pggan(resolution=4, channels={4: 3}, img_channels=1),
        progressive.tiny_pggan(resolution=128, channels={4 << i: 6 - i for i in range(6)}),
    ],
)
def test_every_tensor_becomes_canonical(tmp_path: Path, config: PGGANConfig) -> None:
    tensors = progressive.random_tensors(config)
    read = checkpoints.read(write(tmp_path, progressive.pggan_state(config, tensors)))
    assert read.family == "pggan" and read.config == config
    assert read.tensors.keys() == tensors.keys() == expected_shapes(config).keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(read.tensors[name], tensor, rtol=1e-6, atol=1e-7, msg=name)


def test_facts_for_people(tmp_path: Path) -> None:
    facts = checkpoints.describe(write(tmp_path, tiny_state()))
    assert (facts["family"], facts["num_ws"], facts["z_dim"]) == ("pggan", 0, 6)
    assert facts["w_avg"] == "none: this family has no w"
    assert facts["skipped"] == ["to_rgb of 4, 8 px"]
    assert facts["defaulted"] == ["no labels beside z", "final_tanh = False"]


@pytest.mark.parametrize(
    "change, kind, words",
    [
        ({"layer3.weight": None}, Kind.BAD_STRUCTURE, r"layer3\.weight.*is missing"),
        ({"layer5.bias": None}, Kind.BAD_STRUCTURE, "5 layers; a generator has two"),
        ({"more": torch.ones(1)}, Kind.BAD_STRUCTURE, "'more'.*is not expected"),
        (
            {"layer0.weight": torch.ones(7, 6, 3, 3)},
            Kind.BAD_STRUCTURE,
            r"should be \[7, 6, 4, 4\], is \[7, 6, 3, 3\]",
        ),
        ({"layer0.weight": torch.ones(2)}, Kind.BAD_STRUCTURE, r"has the shape \[2\]"),
        ({"lod": torch.tensor(0.5)}, Kind.UNSUPPORTED, "lod' = 0.5: a network that has not grown"),
        ({"lod": torch.zeros(2)}, Kind.BAD_STRUCTURE, r"'lod' should be \[\], is \[2\]"),
        ({"output2.weight": None}, Kind.BAD_STRUCTURE, r"'output2\.weight' is missing"),
    ],
)
def test_other_networks_are_refused_by_name(tmp_path: Path, change, kind, words) -> None:
    state = {name: t for name, t in (tiny_state() | change).items() if t is not None}
    with pytest.raises(CheckpointError, match=words) as caught:
        checkpoints.read(write(tmp_path, state))
    assert caught.value.kind == kind


def test_a_network_without_lod_and_lower_to_rgbs_is_read(tmp_path: Path) -> None:
    state = tiny_state()
    whole = checkpoints.read(write(tmp_path, state))
    spare = {"lod", "output0.weight", "output0.bias", "output1.weight", "output1.bias"}
    read = checkpoints.read(write(tmp_path, {n: t for n, t in state.items() if n not in spare}))
    assert read.model_id == whole.model_id


def test_our_own_file_holds_it(tmp_path: Path) -> None:
    written = progressive.checkpoint(progressive.tiny_pggan())
    checkpoints.write(tmp_path / "a.safetensors", written)
    read = checkpoints.read(tmp_path / "a.safetensors")
    assert read.config == written.config and read.model_id == written.model_id
    G = steerx.load(tmp_path / "a.safetensors")
    assert G.family == "pggan" and G.spaces == ("z",) and G.model_id == written.model_id
    assert G.renderer.render(G.codes(seeds="0-1", space="z")).shape == (2, 3, 16, 16)
    with pytest.raises(
        ValueError, match=r"rosinality files cannot hold a pggan; write \.safetensors"
    ):
        checkpoints.export(tmp_path / "a.pt", written, "rosinality")


@pytest.mark.parametrize(
    "change", [{"resolution": 6}, {"z_dim": 0}, {"img_channels": 0}, {"channels": {4: 7}}]
)
def test_absurd_numbers_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError) as caught:
        progressive.tiny_pggan(**change)
    assert caught.value.kind == Kind.BAD_STRUCTURE


def test_a_config_is_a_value() -> None:
    config = progressive.tiny_pggan()
    assert PGGANConfig.from_json(config.to_json()) == config
    with pytest.raises(CheckpointError):
        PGGANConfig.from_json(config.to_json() | {"w_dim": 8})
    with pytest.raises(CheckpointError):
        too_wide = {4 << i: 8192 for i in range(10)}
        progressive.tiny_pggan(resolution=2048, channels=too_wide)
