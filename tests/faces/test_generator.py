"""The embedded generator: it draws what the drawing draws, and changes as it changes."""

from __future__ import annotations

import importlib.resources

import pytest
import torch
from torch import Tensor

import steerx
from steerx.checkpoints import read
from steerx.faces.gate import PASS, Gate, measure, pictures_of
from steerx.faces.student import Student
from steerx.faces.truth import FACTORS, Z_DIM

FILES = importlib.resources.files("steerx") / "faces"


@pytest.fixture(scope="module")
def gate() -> Gate:
    return measure(pictures_of("faces"), resolution=64, count=60, fresh=100, batch=60, seed=5)


@pytest.mark.parametrize("name", FACTORS)
def test_every_factor_passes_the_gate(gate: Gate, name: str) -> None:
    assert gate.correlation[name] >= PASS
    assert 0.7 < gate.gain[name] < 1.2


def test_pictures_are_close_to_the_drawings(gate: Gate) -> None:
    assert gate.error < 0.03


def test_a_generator_that_ignores_a_factor_fails_the_gate() -> None:
    def still(z: Tensor) -> Tensor:
        return torch.zeros(len(z), 3, 16, 16)

    result = measure(still, resolution=16, count=4, fresh=4)
    assert not result.passed
    assert max(result.correlation.values()) == 0


def test_the_file_is_small_and_says_where_it_comes_from() -> None:
    path = FILES / "faces.safetensors"
    assert len(path.read_bytes()) <= 3_000_000
    facts = read(str(path)).facts["origin"]
    assert facts["script"] == "steerx.faces.training"
    assert facts["images"] > 0
    assert facts["gate"]["error"] < 0.03
    assert min(facts["gate"]["correlation"].values()) >= PASS


def test_w_avg_is_the_mean_of_w() -> None:
    network = steerx.load("faces")
    w = network.mapping(torch.randn(4096, Z_DIM))
    assert (
        w.mean(0) - read(str(FILES / "faces.safetensors")).tensors["mapping.w_avg"]
    ).abs().max() < (0.1 * w.std())


def test_the_student_computes_what_the_generator_computes() -> None:
    from steerx.checkpoints import Checkpoint, StyleGAN2Config, model_id
    from steerx.generators.loading import build

    config = StyleGAN2Config(
        z_dim=8,
        c_dim=0,
        w_dim=8,
        resolution=16,
        img_channels=3,
        channels={4: 8, 8: 6, 16: 4},
        mapping_layers=2,
    )
    student = Student(config, mapping_rate=0.1, seed=3)
    tensors = student.canonical()
    network = build(Checkpoint("stylegan2", config, tensors, model_id(tensors)))
    z = torch.randn(4, 8)
    with torch.no_grad():
        expected = student(z, torch.float32)
    images = network.renderer.render(network.enter(z, space="z"))
    assert torch.allclose(images, expected, atol=1e-5)
