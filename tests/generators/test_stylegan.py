"""The StyleGAN network: the published numbers, its layers, and every method on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, interpolate

import steerx
from steerx.checkpoints import StyleGANConfig
from steerx.generators import StyleGAN
from steerx.generators.convolving import convolved
from steerx.rendering import LayerState, SampleNoise


@pytest.fixture(scope="module")
def golden(goldens: Path) -> dict[str, torch.Tensor]:
    with np.load(goldens / "sefa_stylegan_32px.npz", allow_pickle=False) as file:
        return {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}


@pytest.fixture(scope="module")
def published(
    golden: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory
) -> steerx.Generator:
    """The golden weights on the whole LOAD road: a genforce .pth, read and built."""
    path = tmp_path_factory.mktemp("golden") / "stylegan.pth"
    state = {k.removeprefix("sd/"): v for k, v in golden.items() if k.startswith("sd/")}
    torch.save({"generator_smooth": state}, path)
    return steerx.load(path)


def tiny_stylegan(dtype: torch.dtype | None = None) -> StyleGAN:
    """16 px, with every term alive."""
    torch.manual_seed(0)
    config = StyleGANConfig(
        z_dim=6,
        w_dim=8,
        resolution=16,
        img_channels=3,
        channels={4: 7, 8: 5, 16: 4},
        mapping_layers=2,
    )
    G = StyleGAN(config, dtype=dtype)
    with torch.no_grad():
        G.mapping.w_avg.normal_()
        G.synthesis.const.normal_()
        for name, parameter in G.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(0.3 * torch.randn_like(parameter))
    G.model_id = "tiny-stylegan"
    return G.requires_grad_(False).eval()


@pytest.fixture
def G() -> StyleGAN:
    return tiny_stylegan()


def test_mapping_equals_the_published_numbers(published, golden) -> None:
    assert published.family == "stylegan"
    assert (published.mapping(golden["in/z"]) - golden["out/w"]).abs().max() <= 1e-5


@pytest.mark.parametrize("psi, cutoff", [(0.7, 8), (0.5, 4), (1.0, 0)])
def test_truncation_and_images_equal_the_published_numbers(published, golden, psi, cutoff) -> None:
    w_plus = published.codes(z=golden["in/z"], space="w_plus", psi=psi, cutoff=cutoff)
    assert (w_plus - golden[f"out/wp_psi{psi}_l{cutoff}"]).abs().max() <= 1e-5
    images = published.renderer.render(published.styles(w_plus))
    assert (images - golden[f"out/image_psi{psi}_l{cutoff}"]).abs().max() <= 1e-4


def test_styles_equal_the_published_numbers(published, golden) -> None:
    styles = published.codes(z=golden["in/z"], space="styles")
    assert len(styles) == published.num_ws == 8
    for i, style in enumerate(styles):
        assert (style - golden[f"out/style{i:02d}"]).abs().max() <= 1e-5


def test_pixels_equal_the_published_ones(published, golden) -> None:
    styles = published.codes(z=golden["in/z"], space="styles", psi=0.7, cutoff=8)
    pixels = published.renderer.render(styles, out="uint8").int()
    assert (pixels - golden["out/postprocess_u8"].int()).abs().max() <= 1


@pytest.mark.parametrize("layers", ["0-1", "2-5"])
def test_a_sefa_sweep_equals_the_published_pictures(published, golden, layers) -> None:
    low, high = (int(i) for i in layers.split("-"))
    directions = steerx.Directions(
        golden[f"sefa/{layers}/sweep_dir"].float()[None],
        space="w_plus",
        layers=tuple(range(low, high + 1)),
        when="after_truncation",
    )
    w_plus = published.codes(z=golden["in/z"][:1], psi=0.7, cutoff=8)
    edited = steerx.edit(
        w_plus.expand(5, -1, -1), directions, alpha=torch.linspace(-3, 3, 5)[:, None]
    )
    images = published.renderer.render(published.styles(edited))
    assert (images - golden[f"sefa/{layers}/sweep_top1_images"]).abs().max() <= 1e-4


@pytest.mark.parametrize("layers", ["all", "0-1", "2-5", "1,3", "0,2-3"])
def test_sefa_finds_the_published_directions_from_both_halves(published, golden, layers) -> None:
    fitted = steerx.SeFa(layers=layers, k=32).fit(published)
    values = golden[f"sefa/{layers}/eigvals_raw"].double().sort(descending=True)
    assert torch.allclose(fitted.eigenvalues_, values.values, rtol=1e-5, atol=1e-5)
    vectors = golden[f"sefa/{layers}/boundaries_raw"][values.indices].double()
    assert (fitted.directions_.vectors.double() * vectors).sum(1).abs().min() >= 0.9999
    columns = sum(published.style_rows[int(i)].channels for i in golden[f"sefa/{layers}/layers"])
    assert float(fitted.eigenvalues_.sum()) == pytest.approx(columns)


def test_upsampling_is_the_convolution_of_doubled_pixels() -> None:
    x, weight = torch.randn(2, 5, 6, 7), torch.randn(3, 5, 3, 3)
    doubled = conv2d(interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)
    found = convolved(x, weight, up=2, name="", packed=None)
    torch.testing.assert_close(found, doubled, rtol=1e-5, atol=1e-5)


def test_style_rows_name_both_halves(G) -> None:
    assert [(r.name, r.slot, r.channels) for r in G.style_rows] == [
        ("4:const", 0, 14),
        ("4:conv", 1, 14),
        ("8:conv0", 2, 10),
        ("8:conv1", 3, 10),
        ("16:conv0", 4, 8),
        ("16:conv1", 5, 8),
    ]
    assert all(not row.to_rgb for row in G.style_rows)
    assert len(G.style_weights([1], to_rgb="all")) == 1


def test_a_style_sets_mean_and_deviation_of_its_layer(G) -> None:
    styles = G.codes(seeds="0-1", space="styles")
    state = G.renderer.render(styles, stop=3)
    scale, shift = styles[3].chunk(2, dim=1)
    torch.testing.assert_close(state.x.mean((2, 3)), shift, rtol=1e-4, atol=1e-5)
    deviation = state.x.std((2, 3), correction=0)
    torch.testing.assert_close(deviation, (scale + 1).abs(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stop", range(6))
def test_a_render_goes_on_from_any_layer(G, stop) -> None:
    styles = G.codes(seeds="0-2", space="styles")
    state = G.renderer.render(styles, stop=stop)
    assert state.index == stop and state.rgb is None
    assert torch.equal(G.codes(seeds="0-2", space=f"act:{stop}"), state.x)
    assert torch.equal(G.renderer.render(styles, state=state), G.renderer.render(styles))


def test_another_networks_state_is_refused(G) -> None:
    styles = G.codes(seeds=0, space="styles")
    state = G.renderer.render(styles, stop=2)
    with pytest.raises(ValueError, match=r"state\.rgb must be None"):
        G.renderer.render(styles, state=LayerState(2, state.x, torch.zeros(1, 3, 4, 4)))
    with pytest.raises(ValueError, match=r"state\.x must be \[N, C, H, W\] with C = 4"):
        G.renderer.render(styles, state=LayerState(4, state.x, None))
    with pytest.raises(ValueError, match=r"state\.index must be 0-5, got 6"):
        G.renderer.render(styles, state=LayerState(6, state.x, None))
    with pytest.raises(ValueError, match="stop must be a style_layer 3-5, got 2"):
        G.renderer.render(styles, state=state, stop=2)
    with pytest.raises(ValueError, match="the state is that of the last style_layer"):
        G.renderer.render(styles, state=G.renderer.render(styles, stop=5), stop=5)
    with pytest.raises(ValueError, match="styles must be a list of 6 tensors"):
        G.renderer.render(styles[:5])


def test_noise_modes(G) -> None:
    styles = G.codes(seeds="0-1", space="styles")
    const = G.renderer.render(styles)
    assert torch.equal(const, G.renderer.render(styles, noise="const"))
    none = G.renderer.render(styles, noise="none")
    drawn = [G.renderer.render(styles, noise="random") for _ in range(2)]
    assert not torch.allclose(none, const) and not torch.allclose(*drawn)
    ids = torch.tensor([4, 9])
    sample = G.renderer.render(styles, noise=SampleNoise(1, ids))
    alone = G.renderer.render([s[1:] for s in styles], noise=SampleNoise(1, ids[1:]))
    torch.testing.assert_close(alone[0], sample[1], rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="noise must be one of"):
        G.renderer.render(styles, noise="loud")


def test_every_method_steers_it(G) -> None:
    sefa = steerx.SeFa(layers="2-4", k=2).fit(G).directions_
    pca = steerx.GANSpace(k=2, n=500).fit(G).directions_
    w = G.codes(seeds=range(200), space="w")
    svm = steerx.InterFaceGAN(names=["up"], space="w", ratio=0.3).fit(w, w[:, :1], G=G).directions_
    for directions in (sefa, pca, svm):
        one = steerx.sweep(
            G, seeds="0-1", directions=directions[0], alphas=[-1.0, 0.0, 2.0], psi=0.6
        )
        for n in range(2):
            moved = _moved(G, n, directions[0], 2.0)
            expected = G.renderer.render(moved, out="uint8").numpy()
            assert np.abs(one.images[n, 0, 2].astype(int) - expected[0]).max() <= 1
        assert (one.images[:, 0, 2] != one.images[:, 0, 1]).any()


def _moved(
    G: StyleGAN, seed: int, directions: steerx.Directions, alpha: float
) -> list[torch.Tensor]:
    w_plus = G.codes(seeds=seed, psi=0.6)
    return G.styles(steerx.edit(w_plus, directions, alpha=alpha, psi=0.6))


def test_gradients_reach_codes_and_weights() -> None:
    G = tiny_stylegan().double().requires_grad_(True)
    z = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    target = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    (G.synthesis(G.mapping(z)) - target).square().mean().backward()
    assert z.grad is not None and z.grad.abs().min() > 0
    # A bias in front of the instance norm moves the picture only through the leaky ReLU's corner.
    missing = [name for name, p in G.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []


@pytest.mark.parametrize("dtype, bound", [(torch.bfloat16, 0.03), (torch.float16, 0.004)])
def test_half_precision_renders_the_same_picture(dtype, bound) -> None:
    plain, half = tiny_stylegan(), tiny_stylegan(dtype)
    styles = plain.codes(seeds="0-1", space="styles")
    images = half.renderer.render(styles)
    expected = plain.renderer.render(styles)
    assert images.dtype == torch.float32
    assert (images - expected).abs().mean() <= bound * expected.abs().mean()
