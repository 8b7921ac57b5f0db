"""The PGGAN network: the published numbers, z alone, and every method on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import steerx
from steerx.checkpoints import PGGANConfig
from steerx.generators import PGGAN
from steerx.generators.pggan import pixel_norm
from steerx.rendering import LayerState


@pytest.fixture(scope="module")
def golden(goldens: Path) -> dict[str, torch.Tensor]:
    with np.load(goldens / "sefa_pggan_32px.npz", allow_pickle=False) as file:
        return {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}


@pytest.fixture(scope="module")
def published(
    golden: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory
) -> steerx.Generator:
    """The golden weights on the whole LOAD road: a genforce .pth, read and built."""
    path = tmp_path_factory.mktemp("golden") / "pggan.pth"
    state = {k.removeprefix("sd/"): v for k, v in golden.items() if k.startswith("sd/")}
    torch.save({"generator_smooth": state}, path)
    return steerx.load(path)


def tiny_pggan(dtype: torch.dtype | None = None) -> PGGAN:
    """16 px, with biases."""
    torch.manual_seed(0)
    G = PGGAN(
        PGGANConfig(z_dim=6, resolution=16, img_channels=3, channels={4: 7, 8: 5, 16: 4}),
        dtype=dtype,
    )
    with torch.no_grad():
        for name, parameter in G.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.3)
    G.model_id = "tiny-pggan"
    return G.requires_grad_(False).eval()


@pytest.fixture
def G() -> PGGAN:
    return tiny_pggan()


def test_images_equal_the_published_numbers(published, golden) -> None:
    assert published.family == "pggan" and published.spaces == ("z",)
    images = published.renderer.render(golden["in/z"])
    assert (images - golden["out/image"]).abs().max() <= 1e-4
    pixels = published.renderer.render(golden["in/z"], out="uint8").int()
    assert (pixels - golden["out/postprocess_u8"].int()).abs().max() <= 1
    normalised = pixel_norm(golden["in/z"][:, :, None, None])[:, :, 0, 0]
    assert (normalised - golden["out/z_pixelnorm"]).abs().max() <= 1e-5


def test_sefa_of_the_first_layer_finds_the_published_directions(published, golden) -> None:
    fitted = steerx.SeFa(k=32).fit(published)
    values = golden["sefa/all/eigvals_raw"].double().sort(descending=True)
    assert torch.allclose(fitted.eigenvalues_, values.values, rtol=1e-5, atol=1e-5)
    vectors = golden["sefa/all/boundaries_raw"][values.indices].double()
    assert (fitted.directions_.vectors.double() * vectors).sum(1).abs().min() >= 0.9999
    assert float(fitted.eigenvalues_.sum()) == pytest.approx(16 * 32)  # 16 pixels of 32 channels
    assert fitted.directions_.space == "z"


def test_the_first_layer_is_what_each_pixel_sees(G) -> None:
    z = G.codes(seeds="0-1", space="z")
    state = G.renderer.render(z, stop=0)
    x = z / z.square().mean(1, keepdim=True).sqrt()
    first = G.synthesis.layers[0]
    expected = torch.einsum("nz,ozhw->nohw", x, first.weight) + first.bias[:, None, None]
    expected = torch.where(expected > 0, expected, 0.2 * expected)
    torch.testing.assert_close(state.x, expected, rtol=1e-5, atol=1e-5)


def test_the_length_of_z_is_no_matter(G) -> None:
    z = G.codes(seeds="0-1", space="z")
    torch.testing.assert_close(G.synthesis(3 * z), G.synthesis(z), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stop", range(6))
def test_a_render_goes_on_from_any_layer(G, stop) -> None:
    z = G.codes(seeds="0-2", space="z")
    state = G.renderer.render(z, stop=stop)
    assert state.index == stop and state.rgb is None
    assert torch.equal(G.renderer.render(z, state=state), G.renderer.render(z))


@pytest.mark.parametrize(
    "codes, arguments, error",
    [
        (torch.zeros(2, 5), {}, r"z must be \[N, Z\] with Z = 6, got \[2, 5\]"),
        (torch.zeros(2, 6), {"stop": 6}, "stop must be a layer 0-5, got 6"),
        (
            torch.zeros(1, 6),
            {"state": LayerState(5, torch.zeros(1, 4, 16, 16), None), "stop": 5},
            "stop must be left out",
        ),
        (
            torch.zeros(1, 6),
            {"state": LayerState(2, torch.zeros(1, 4, 8, 8), None)},
            r"state\.x must be \[N, C, H, W\] with C = 5",
        ),
        (
            torch.zeros(1, 6),
            {"state": LayerState(6, torch.zeros(1, 4, 8, 8), None)},
            r"state\.index must be 0-5",
        ),
    ],
)
def test_wrong_codes_and_states_are_refused(G, codes, arguments, error) -> None:
    with pytest.raises(ValueError, match=error):
        G.renderer.render(codes, **arguments)


def test_there_are_no_layers_and_no_styles(G) -> None:
    with pytest.raises(ValueError, match="has no styles; its spaces are z"):
        G.styles(torch.zeros(1, 2, 3))
    with pytest.raises(ValueError, match="z enters the first layer alone; leave layers out"):
        G.style_weights([0])
    with pytest.raises(TypeError, match="z must be a tensor"):
        G.renderer.render([torch.zeros(1, 6)])


def test_every_method_steers_it(G) -> None:
    z = G.codes(seeds=range(200), space="z")
    brightness = steerx.score(G, lambda x: x.mean((1, 2, 3))[:, None], codes=z, space="z")
    svm = steerx.InterFaceGAN(names=["bright"], space="z", ratio=0.3).fit(z, brightness, G=G)
    sefa = steerx.SeFa(k=2).fit(G)
    layer = steerx.GANSpace(k=2, n=200, layer="synthesis.layers.2", space="z").fit(G)
    for directions in (svm.directions_, sefa.directions_, layer.directions_):
        sweep = steerx.sweep(G, seeds="0-1", directions=directions[0], alphas=[-1.0, 0.0, 2.0])
        moved = z[:2] + 2.0 * directions.scale[0] * directions.vectors[0]
        expected = G.renderer.render(moved, out="uint8").numpy()
        assert np.abs(sweep.images[:, 0, 2].astype(int) - expected).max() <= 1
    scores = steerx.sweep(G, seeds="0-19", directions=svm.directions_, alphas=[-2.0, 2.0]).scores(
        lambda x: x.mean((1, 2, 3))[:, None]
    )
    assert scores[:, 0, 1].mean() > scores[:, 0, 0].mean()


def test_gradients_reach_z_and_weights() -> None:
    G = tiny_pggan().double().requires_grad_(True)
    z = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    G.synthesis(z).square().mean().backward()
    assert z.grad is not None and z.grad.abs().min() > 0
    missing = [name for name, p in G.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []


@pytest.mark.parametrize("dtype, bound", [(torch.bfloat16, 0.03), (torch.float16, 0.004)])
def test_half_precision_renders_the_same_picture(dtype, bound) -> None:
    plain, half = tiny_pggan(), tiny_pggan(dtype)
    z = plain.codes(seeds="0-1", space="z")
    images, expected = half.renderer.render(z), plain.renderer.render(z)
    assert images.dtype == torch.float32
    assert (images - expected).abs().mean() <= bound * expected.abs().mean()
