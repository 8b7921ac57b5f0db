"""The StyleGAN3 network against its formulas written out, its transform, and every method on it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, leaky_relu

import steerx
from steerx.checkpoints import StyleGAN3Config
from steerx.generators import StyleGAN3
from steerx.rendering import LayerState
from tests.checkpoints import stylegan3_writers as writers


def tiny(config: StyleGAN3Config | None = None, dtype: torch.dtype | None = None) -> StyleGAN3:
    """8 px, with every term alive."""
    config = config or writers.tiny()
    G = StyleGAN3(config, dtype=dtype)
    G.load_state_dict(writers.random_tensors(config))
    G.model_id = "tiny-stylegan3"
    return G.requires_grad_(False).eval()


@pytest.fixture
def G() -> StyleGAN3:
    return tiny()


def resampled(
    x: Tensor, filter: Tensor | None, up: int, down: int, padding: tuple[int, ...]
) -> Tensor:
    """Zeros between the pixels, padding, the whole two-dimensional filter, every down-th pixel."""
    n, c, h, w = x.shape
    wide = x.new_zeros(n, c, h * up, w * up)
    wide[:, :, ::up, ::up] = x * up**2
    left, right, top, bottom = padding
    wide = torch.nn.functional.pad(wide, (left, right, top, bottom))
    if filter is not None:
        kernel = filter if filter.dim() == 2 else torch.outer(filter, filter)
        wide = conv2d(wide, kernel.flip((0, 1)).expand(c, 1, *kernel.shape), groups=c)
    return wide[:, :, ::down, ::down]


def written_out(config: StyleGAN3Config, tensors: dict[str, Tensor], w: Tensor) -> Tensor:
    """One picture at a time, each layer with weights of its own."""
    part = {name.removeprefix("synthesis.layers."): t.double() for name, t in tensors.items()}
    pictures = []
    for slots in w.double():
        r = part["0.affine.weight"] @ slots[0] + part["0.affine.bias"]
        cos, sin, right, down = r / r[:2].norm()
        turn = torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], dtype=torch.float64)
        shift = torch.tensor([[1, 0, -right], [0, 1, -down], [0, 0, 1]], dtype=torch.float64)
        whole = turn @ shift @ part["0.transform"]
        x = torch.zeros(config.input_channels, config.input_size, config.input_size).double()
        for row in range(config.input_size):
            for column in range(config.input_size):
                at = [
                    (k + 0.5 - config.input_size / 2) / config.sampling_rate for k in (column, row)
                ]
                point = whole @ torch.tensor([*at, 1.0], dtype=torch.float64)
                x[:, row, column] = (
                    2 * math.pi * (part["0.freqs"] @ point[:2] + part["0.phases"])
                ).sin()
        length = (part["0.freqs"] @ whole[:2, :2]).norm(dim=1)
        fade = 1 - (length - config.bandwidth) / (config.sampling_rate / 2 - config.bandwidth)
        x = torch.einsum("oc,chw->ohw", part["0.weight"], x * fade.clamp(0, 1)[:, None, None])[None]
        for i, form in enumerate(config.layers):
            get = {n.split(".", 1)[1]: t for n, t in part.items() if n.split(".")[0] == str(i + 1)}
            style = get["affine.weight"] @ slots[i + 1] + get["affine.bias"]
            weight, last = get["weight"] * style[:, None, None], i == len(config.layers) - 1
            if not last:
                weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
            y = conv2d(x, weight / get["magnitude"].sqrt(), get["bias"], padding=form.kernel - 1)
            y = resampled(y, get.get("up_filter"), form.up, 1, form.padding)
            y = y if last else leaky_relu(y, 0.2) * math.sqrt(2)
            if config.conv_clamp is not None:
                y = y.clamp(-config.conv_clamp, config.conv_clamp)
            x = resampled(y, get.get("down_filter"), 1, form.down, (0, 0, 0, 0))
        pictures.append(x[0] * config.output_scale)
    return torch.stack(pictures)


@pytest.mark.parametrize("radial", [False, True])
@pytest.mark.parametrize("clamp", [None, 0.8])
def test_pictures_equal_the_formulas_written_out(radial, clamp) -> None:
    config = writers.tiny(radial=radial, conv_clamp=clamp)
    G = tiny(config).double()
    w_plus = torch.randn(2, G.num_ws, G.w_dim, dtype=torch.float64)
    expected = written_out(config, writers.random_tensors(config), w_plus)
    found = G.synthesis(w_plus)
    assert found.shape == (2, 3, 8, 8)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def features(G: StyleGAN3) -> Tensor:
    return G.codes(seeds="0-1", space="act:0")


def test_a_shift_by_whole_pixels_shifts_the_features(G) -> None:
    G.place()
    base = features(G)
    pixel = 1 / G.config.sampling_rate
    G.place(translate=(pixel, -2 * pixel))
    moved = features(G)
    torch.testing.assert_close(moved[:, :, :-2, 1:], base[:, :, 2:, :-1], rtol=1e-4, atol=1e-4)
    G.place()
    torch.testing.assert_close(features(G), base)


def test_a_quarter_turn_turns_the_features_counter_clockwise(G) -> None:
    G.place()
    base = features(G)
    G.place(rotate=90)
    torch.testing.assert_close(features(G), base.rot90(1, (2, 3)), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="translate and rotate must be finite"):
        G.place(rotate=math.nan)


def test_waves_past_the_limit_are_gone() -> None:
    G = tiny()
    G.place()
    first = G.synthesis.layers[0]
    first.weight.copy_(torch.eye(9))
    first.freqs.zero_()
    first.freqs[0, 0] = G.config.sampling_rate / 2  # at the limit
    first.freqs[1, 0] = (G.config.bandwidth + G.config.sampling_rate / 2) / 2  # half way
    first.phases.fill_(0.25)  # a wave without a frequency is 1
    found = features(G)
    assert found[:, 0].abs().max() < 1e-6
    assert 0.3 < found[:, 1].abs().max() <= 0.5 + 1e-6
    torch.testing.assert_close(found[:, 2], torch.ones_like(found[:, 2]), rtol=1e-5, atol=1e-5)


def test_style_rows_and_what_sefa_reads(G) -> None:
    assert [(r.name, r.slot, r.channels, r.to_rgb) for r in G.style_rows] == [
        ("10:input", 0, 4, False),
        ("10:conv0", 1, 9, False),
        ("12:conv1", 2, 7, False),
        ("8:conv2", 3, 5, False),
        ("8:to_rgb", 4, 4, True),
    ]
    assert float(steerx.SeFa(k=1).fit(G).eigenvalues_.sum()) == pytest.approx(9 + 7 + 5 + 4)
    assert len(G.style_weights(to_rgb="none")) == 3
    with pytest.raises(ValueError, match='no style weights for layers "0"'):
        steerx.SeFa(layers="0", k=1).fit(G)


@pytest.mark.parametrize("stop", range(5))
def test_a_render_goes_on_from_any_layer(G, stop) -> None:
    styles = G.codes(seeds="0-2", space="styles")
    state = G.renderer.render(styles, stop=stop)
    assert state.index == stop and state.rgb is None
    torch.testing.assert_close(G.renderer.render(styles, state=state), G.renderer.render(styles))


def test_another_networks_state_is_refused(G) -> None:
    styles = G.codes(seeds=0, space="styles")
    state = G.renderer.render(styles, stop=2)
    with pytest.raises(ValueError, match=r"state\.rgb must be None"):
        G.renderer.render(styles, state=LayerState(2, state.x, torch.zeros(1, 3, 4, 4)))
    with pytest.raises(ValueError, match=r"state\.x must be \[N, C, H, W\] with C = 7"):
        G.renderer.render(styles, state=LayerState(1, state.x, None))


def test_every_method_steers_it(G) -> None:
    sefa = steerx.SeFa(layers="2-3", k=2).fit(G).directions_
    pca = steerx.GANSpace(k=2, n=500).fit(G).directions_
    w = G.codes(seeds=range(200), space="w")
    svm = steerx.InterFaceGAN(names=["up"], space="w", ratio=0.3).fit(w, w[:, :1], G=G).directions_
    for directions in (sefa, pca, svm):
        one = steerx.sweep(G, seeds="0-1", directions=directions[0], alphas=[0.0, 2.0], psi=0.6)
        w_plus = steerx.edit(G.codes(seeds="0-1", psi=0.6), directions[0], alpha=2.0, psi=0.6)
        expected = G.renderer.render(G.styles(w_plus), out="uint8").numpy()
        assert np.abs(one.images[:, 0, 1].astype(int) - expected).max() <= 1


def test_labels_and_truncation(G) -> None:
    conditional = tiny(writers.tiny(c_dim=3, embed_dim=5))
    z = conditional.codes(seeds="0-1", space="z")
    w = conditional.mapping(z, 2)
    assert not torch.allclose(w, conditional.mapping(z, 0))
    half = conditional.truncate(w, psi=0.5, cutoff=2)
    mean = conditional.mapping.w_avg
    torch.testing.assert_close(half[:, 1], mean + 0.5 * (w - mean))
    assert torch.equal(half[:, 2], w)


def test_gradients_reach_codes_and_weights() -> None:
    G = tiny(writers.tiny(conv_clamp=None)).double().requires_grad_(True)
    z = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    G.synthesis(G.mapping(z)).square().mean().backward()
    assert z.grad is not None and z.grad.abs().min() > 0
    missing = [name for name, p in G.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []


@pytest.mark.parametrize("dtype, bound", [(torch.bfloat16, 0.03), (torch.float16, 0.004)])
def test_half_precision_renders_the_same_picture(dtype, bound) -> None:
    plain, half = tiny(), tiny(dtype=dtype)
    styles = plain.codes(seeds="0-1", space="styles")
    images, expected = half.renderer.render(styles), plain.renderer.render(styles)
    assert images.dtype == torch.float32
    assert (images - expected).abs().mean() <= bound * expected.abs().mean()
