"""load: names, files, dtypes, renderers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import steerx
from steerx import checkpoints
from tests.checkpoints import writers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    config = writers.tiny_config()
    path = tmp_path / "tiny.pth"
    return writers.write_torch(path, writers.genforce_state(config, writers.random_tensors(config)))


def test_dtypes_are_those_of_activations_and_float64_of_all(path) -> None:
    exact = steerx.load(path, dtype=torch.float64)
    assert {p.dtype for p in exact.parameters()} == {torch.float64}
    truth = exact.renderer.render(exact.codes(seeds="0-3", space="styles"))
    assert truth.dtype == torch.float64
    for dtype, bound in ((torch.float32, 1e-5), (torch.bfloat16, 5e-2), (torch.float16, 1e-2)):
        G = steerx.load(path, dtype=dtype)
        assert {p.dtype for p in G.parameters()} == {torch.float32}
        styles = G.codes(seeds="0-3", space="styles")
        assert G.renderer.render(styles, stop=2).x.dtype == dtype
        error = (G.renderer.render(styles) - truth).norm() / truth.norm()
        assert error <= bound
        if dtype != torch.float32:
            assert error > 1e-5


def test_a_network_made_double_renders_double(path) -> None:
    G = steerx.load(path).double()
    assert G.renderer.render(G.codes(seeds=0, space="styles")).dtype == torch.float64


def test_the_renderer_tells_its_name(path) -> None:
    assert steerx.load(path).renderer.name == "plain"
    assert steerx.load(path, renderer="plain").renderer.name == "plain"
    assert steerx.load(path, renderer="fused").renderer.name == "fused"


def test_the_fused_renderer_draws_the_same_faces() -> None:
    plain, fused = steerx.load("faces"), steerx.load("faces", renderer="fused")
    styles = plain.codes(seeds="0-3", space="styles")
    found, expected = fused.renderer.render(styles), plain.renderer.render(styles)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"dtype": torch.int32}, "dtype must be one of torch.float32"),
        ({"renderer": "fast"}, 'renderer must be "auto", "plain", "fused" or "native"'),
    ],
)
def test_wrong_choices_are_refused(path, arguments, error) -> None:
    with pytest.raises(ValueError, match=error):
        steerx.load(path, **arguments)


def test_a_missing_file_is_named_with_a_remedy() -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no file 'ffhq\.pkl'; check the path, or use a built-in"
    ):
        steerx.load("ffhq.pkl")


def test_ids_survive_conversion(path, tmp_path) -> None:
    checkpoint = checkpoints.read(path)
    checkpoints.write(tmp_path / "tiny.safetensors", checkpoint)
    ours = steerx.load(tmp_path / "tiny.safetensors")
    assert ours.model_id == steerx.load(path).model_id


def test_building_a_network_does_not_wake_the_compiler() -> None:
    """Arithmetic on the meta device imports it: a second of every command."""
    script = (
        "import sys, steerx\n"
        "G = steerx.load('faces')\n"
        "assert G.resolution == 64\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == 0
