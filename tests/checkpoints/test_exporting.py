"""Files under other tools' names: read(write(x)) is x, and what they cannot hold is refused by name."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from steerx import checkpoints
from steerx.checkpoints import Checkpoint, Layout, export, model_id, unsaid
from steerx.checkpoints.exporting import LAYOUTS, unfolded
from steerx.checkpoints.plan import Rule
from steerx.generators import StyleGAN2
from steerx.generators.loading import build
from tests.checkpoints import writers

STATES = {"rosinality": writers.rosinality_state, "genforce": writers.genforce_state}


def checkpoint(seed: int = 0, **changes: Any) -> Checkpoint:
    config = writers.tiny_config(**{"z_dim": 8, **changes})
    tensors = writers.random_tensors(config, seed)
    return Checkpoint("stylegan2", config, tensors, model_id(tensors))


@pytest.mark.parametrize("rows", [1, 6])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_and_shapes_are_those_of_the_tool(tmp_path: Path, layout: Layout, rows: int) -> None:
    made = checkpoint(w_avg_rows=rows)
    export(tmp_path / "a.pt", made, layout)
    tree = torch.load(tmp_path / "a.pt", weights_only=True)
    wanted = STATES[layout](made.config, made.tensors)
    state = tree["g_ema" if layout == "rosinality" else "generator_smooth"]
    assert {n: t.shape for n, t in state.items()} == {n: t.shape for n, t in wanted.items()}
    for name, tensor in state.items():
        assert torch.allclose(tensor, wanted[name], rtol=1e-6, atol=1e-6), name
    if layout == "rosinality":
        assert torch.equal(tree["latent_avg"], made.tensors["mapping.w_avg"])
    assert checkpoints.describe(tmp_path / "a.pt")["layout"] == layout


@pytest.mark.parametrize("layout", LAYOUTS)
def test_read_of_write_is_the_same_network(tmp_path: Path, layout: Layout) -> None:
    made = checkpoint()
    export(tmp_path / "a.pt", made, layout)
    read = checkpoints.read(tmp_path / "a.pt")
    assert read.config == made.config
    for name, tensor in made.tensors.items():
        slack = 2**-22 if name.endswith("affine.bias") else 0.0  # stored minus 1 by genforce
        error = (read.tensors[name] - tensor).abs() - slack
        assert bool((error <= 2**-23 * tensor.abs()).all()), name
    z = torch.randn(2, 8)
    with torch.no_grad():
        there, back = (G.synthesis(G.mapping(z)) for G in map(_network, (made, read)))
    assert float((there - back).abs().max()) <= 1e-6 * float(there.max() - there.min())


def _network(one: Checkpoint) -> StyleGAN2:
    G = build(one)
    assert isinstance(G, StyleGAN2)
    return G


@pytest.mark.parametrize("source", LAYOUTS)
def test_weights_that_came_from_a_tool_go_back_to_the_bit(tmp_path: Path, source: Layout) -> None:
    made = checkpoint(1)
    tree: dict[str, Any] = {"generator_smooth": STATES[source](made.config, made.tensors)}
    if source == "rosinality":
        tree = {"g_ema": tree["generator_smooth"], "latent_avg": made.tensors["mapping.w_avg"]}
    first = checkpoints.read(writers.write_torch(tmp_path / "a.pt", tree))
    export(tmp_path / "b.pt", first, source)
    second = checkpoints.read(tmp_path / "b.pt")
    assert second.model_id == first.model_id
    checkpoints.write(tmp_path / "c.safetensors", second)
    assert checkpoints.read(tmp_path / "c.safetensors").model_id == first.model_id


@pytest.mark.parametrize("gain", [0.01 / math.sqrt(512), 1 / math.sqrt(9 * 37), 1.0, 3.0])
def test_the_stored_number_comes_back_nearest(gain: float) -> None:
    original = torch.randn(100_000)
    rule = Rule("a", "b", (100_000,), gain)
    wanted = original * gain
    assert torch.equal(unfolded(wanted, rule) * gain, wanted)
    flipped = Rule("a", "b", (1, 2, 2), gain, shift=1.0, flip=True)
    stored = unfolded(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), flipped)
    assert torch.allclose(stored * gain + 1, torch.tensor([[[5.0, 3.0], [2.0, 1.0]]]), rtol=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_half_precision(tmp_path: Path, layout: Layout) -> None:
    made = checkpoint()
    for name in made.tensors:
        if name.startswith("mapping.layers"):
            made.tensors[name] /= 10
    export(tmp_path / "a.pt", made, layout, dtype=torch.float16)
    read = checkpoints.read(tmp_path / "a.pt")
    assert read.facts["dtypes"] == ["f2"]
    weight = "synthesis.layers.2.weight"
    assert torch.allclose(read.tensors[weight], made.tensors[weight], rtol=1e-3, atol=1e-5)
    made.tensors["mapping.layers.0.bias"] += 1e5
    with pytest.raises(ValueError, match=r"too large for torch\.float16"):
        export(tmp_path / "b.pt", made, layout, dtype=torch.float16)
    with pytest.raises(ValueError, match="dtype must be"):
        export(tmp_path / "b.pt", made, layout, dtype=torch.int8)
    assert not (tmp_path / "b.pt").exists()


@pytest.mark.parametrize(
    "changes, layouts, words",
    [
        ({"c_dim": 3, "embed_dim": 5}, LAYOUTS, "3 classes"),
        ({"conv_clamp": 256.0}, LAYOUTS, "conv_clamp = 256"),
        ({"img_channels": 4}, LAYOUTS[:1], "4 channels"),
        ({"z_dim": 6}, LAYOUTS[:1], "z of width 6 beside w of width 8"),
    ],
)
def test_what_a_layout_cannot_hold(
    tmp_path: Path, changes: dict[str, Any], layouts: tuple[Layout, ...], words: str
) -> None:
    made = checkpoint(**changes)
    for layout in LAYOUTS:
        if layout in layouts:
            with pytest.raises(ValueError, match=f"{layout} files cannot hold .*{words}"):
                export(tmp_path / "a.pt", made, layout)
            assert list(tmp_path.iterdir()) == []
        else:
            assert unsaid(made, layout) == []


def test_lopsided_and_long_filters_are_refused(tmp_path: Path) -> None:
    made = checkpoint()
    made.tensors["synthesis.filter"] = torch.rand(4, 4)
    with pytest.raises(ValueError, match=r"filter \[4, 4\]"):
        export(tmp_path / "a.pt", made, "genforce")
    made = checkpoint(filter_shape=(12, 12))
    made.tensors["synthesis.filter"] = torch.full((12, 12), 1 / 144)
    with pytest.raises(ValueError, match=r"filter \[12, 12\]"):
        export(tmp_path / "a.pt", made, "rosinality")


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        export(tmp_path / "a.pt", checkpoint(), "rosinality")
    assert (tmp_path / "a.pt").read_bytes() == b"mine"
