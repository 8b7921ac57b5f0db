"""The fused renderer answers as the plain one does."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from steerx.generators import StyleGAN2
from steerx.rendering import (
    FusedRenderer,
    LayerState,
    NativeRenderer,
    PlainRenderer,
    Policy,
    SampleNoise,
)
from steerx.rendering.convolution import convolve, demodulation, dense, kernel, scaled
from steerx.rendering.tails import separable_taps
from tests.rendering.networks import WHOLE_CHANNELS, generator


@pytest.fixture(scope="module")
def G() -> StyleGAN2:
    return generator()


def renderers(G: StyleGAN2, **options: Any) -> tuple[PlainRenderer, FusedRenderer]:
    return PlainRenderer(G.synthesis), FusedRenderer(G.synthesis, **options)


@pytest.mark.parametrize("up", ["transposed", "dense"])
@pytest.mark.parametrize("clamp", [None, 0.7])
@pytest.mark.parametrize("noise", ["const", "none", "sample"])
def test_pictures_are_those_of_the_plain_renderer(up: Any, clamp: float | None, noise: Any) -> None:
    G = generator(1, clamp=clamp)
    plain, fused = renderers(G, up=up)
    styles = G.codes(seeds="0-4", space="styles")
    how = SampleNoise(5, torch.tensor([3, 1, 4, 1, 5])) if noise == "sample" else noise
    expected = plain.render(styles, noise=how)
    found = fused.render(styles, noise=how)
    assert found.shape == expected.shape and found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    pixels = fused.render(styles, noise=how, out="uint8")
    difference = pixels.int() - plain.render(styles, noise=how, out="uint8").int()
    assert difference.abs().max() <= 1 and (difference != 0).float().mean() < 1e-3


@pytest.mark.parametrize(
    "channels", [{4: 16, 8: 4, 16: 64}, {4: 7, 8: 5, 16: 3}, {4: 256, 8: 24, 16: 128}]
)
def test_every_width_of_the_layers(channels: dict[int, int]) -> None:
    G = generator(2, channels=channels)
    plain, fused = renderers(G)
    styles = G.codes(seeds="0-1", space="styles")
    torch.testing.assert_close(fused.render(styles), plain.render(styles), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("stop", range(5))
def test_stopping_and_going_on(G: StyleGAN2, stop: int) -> None:
    plain, fused = renderers(G)
    styles = G.codes(seeds="0-2", space="styles")
    state, expected = fused.render(styles, stop=stop), plain.render(styles, stop=stop)
    assert isinstance(state, LayerState) and state.index == stop
    torch.testing.assert_close(state.x, expected.x, rtol=1e-5, atol=1e-5)
    if expected.rgb is None:
        assert state.rgb is None
    else:
        torch.testing.assert_close(state.rgb, expected.rgb, rtol=1e-5, atol=1e-5)
    whole = plain.render(styles)
    for start in (state, expected):  # either renderer goes on from the other's state
        torch.testing.assert_close(fused.render(styles, state=start), whole, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(plain.render(styles, state=state), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_errs_no_more_than_the_plain_renderer(
    G: StyleGAN2, dtype: torch.dtype
) -> None:
    styles = G.codes(seeds="0-3", space="styles")
    truth = PlainRenderer(G.synthesis).render(styles)
    plain = PlainRenderer(G.synthesis, dtype=dtype).render(styles)
    for up in ("transposed", "dense"):
        fused = FusedRenderer(G.synthesis, dtype=dtype, up=up).render(styles)  # type: ignore[arg-type]
        assert fused.dtype == torch.float32
        assert (fused - truth).norm() <= 1.25 * (plain - truth).norm()


@pytest.mark.parametrize("size", [0.0, 1e-20, 1e-8, 1e5, 1e15])
def test_styles_of_any_size_compute_one_truth(G: StyleGAN2, size: float) -> None:
    """The scales cancel in the demodulation and in nothing else; zeros make no NaN."""
    styles = G.codes(seeds="0-1", space="styles")
    rows = [s * size if not row.to_rgb else s for row, s in zip(G.style_rows, styles, strict=True)]
    G64 = generator().double()
    truth = G64.synthesis.run([s.double() for s in rows]).float()
    for dtype in (torch.float32, torch.float16):
        found = FusedRenderer(G.synthesis, dtype=dtype).render(rows)
        tolerance = 2e-5 if dtype == torch.float32 else 2e-2
        torch.testing.assert_close(found, truth, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("size", [0.0, 1e-30, 1.0, 1e25])
def test_a_filter_of_zeros_makes_no_nan(size: float) -> None:
    """A huge style leaves nothing of eps, and nothing else stands under the root."""
    packed = kernel(torch.zeros(3, 4, 3, 3), "plain", torch.float32)
    factor = demodulation(scaled(torch.full((2, 4), size)), packed)
    assert (factor * 0).eq(0).all()


@pytest.mark.parametrize("size", [1e3, 1e5])
def test_large_styles_of_the_picture_do_not_overflow_half_precision(
    G: StyleGAN2, size: float
) -> None:
    styles = G.codes(seeds="0-1", space="styles")
    rows = [s * size if row.to_rgb else s for row, s in zip(G.style_rows, styles, strict=True)]
    found = FusedRenderer(G.synthesis, dtype=torch.float16).render(rows)
    truth = PlainRenderer(G.synthesis).render(rows)
    assert found.isfinite().all()
    torch.testing.assert_close(found / size, truth / size, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("up", ["transposed", "dense"])
def test_convolutions_of_large_activations_do_not_overflow_half_precision(up: Any) -> None:
    """Before demodulation sums of 9 I terms stand in float16: without headroom +inf meets -inf in the blur."""
    G = generator(7, clamp=256.0, channels={4: 128, 8: 128, 16: 8})
    signs = torch.tensor([1.0, -1.0, 1.0])
    for layer in G.synthesis.layers:
        layer.weight.copy_((signs[:, None] * signs).expand_as(layer.weight))
        layer.noise_strength.zero_()
    G.synthesis.layers[0].weight.fill_(1.0)
    G.synthesis.const.fill_(200.0)
    styles = [torch.ones(2, row.channels) for row in G.style_rows]
    truth = PlainRenderer(copy.deepcopy(G).double().synthesis)
    expected = truth.render([s.double() for s in styles]).float()
    found = FusedRenderer(G.synthesis, dtype=torch.float16, up=up).render(styles)
    assert found.isfinite().all()
    assert (found - expected).norm() <= 3e-3 * expected.norm()


def test_a_lopsided_filter_takes_the_general_operator(G: StyleGAN2) -> None:
    G = generator(3)
    G.synthesis.filter.copy_(torch.rand(4, 4) / 8)
    plain, fused = renderers(G)
    assert separable_taps(G.synthesis.filter) is None
    styles = G.codes(seeds="0-1", space="styles")
    torch.testing.assert_close(fused.render(styles), plain.render(styles), rtol=1e-5, atol=1e-5)
    G.synthesis.filter.copy_(torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8] * 2))
    assert separable_taps(G.synthesis.filter) == [0.25, 0.75, 0.75, 0.25]
    torch.testing.assert_close(fused.render(styles), plain.render(styles), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "filter",
    [
        torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 2.0, 3.0, 2.0])),
        torch.outer(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([1.0, 2.0, 1.0])),
        torch.eye(4),
        torch.zeros(4, 4),
        -torch.ones(4, 4),
    ],
)
def test_filters_that_the_blur_cannot_do(filter: torch.Tensor) -> None:
    assert separable_taps(filter) is None


def test_an_edited_weight_is_packed_anew() -> None:
    G = generator(4)
    plain, fused = renderers(G)
    styles = G.codes(seeds="0", space="styles")
    before = fused.render(styles)
    G.synthesis.layers[2].weight.mul_(-0.5)
    after = fused.render(styles)
    torch.testing.assert_close(after, plain.render(styles), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(before, after)


def test_autocast_does_not_reach_inside(G: StyleGAN2) -> None:
    styles = G.codes(seeds="0-1", space="styles")
    fused = FusedRenderer(G.synthesis)
    plain = fused.render(styles)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(fused.render(styles), plain)


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("up", ["transposed", "dense", "measured"])
def test_cuda_pictures_are_those_of_the_cpu(dtype: torch.dtype, up: Any, whole: bool) -> None:
    G = generator(6, clamp=4.0, channels=WHOLE_CHANNELS)
    styles = G.codes(seeds="0-3", space="styles")
    noise = SampleNoise(2, torch.arange(4))
    truth = PlainRenderer(G.synthesis).render(styles, noise=noise)
    here = FusedRenderer(G.synthesis, dtype=dtype).render(styles, noise=noise)
    G = G.to("cuda")
    there = FusedRenderer(G.synthesis, dtype=dtype, up=up, whole=whole)
    found = there.render([s.cuda() for s in styles], noise=SampleNoise(2, noise.ids.cuda())).cpu()
    assert (found - truth).norm() <= 1.5 * (here - truth).norm() + 1e-5 * truth.norm()


def test_an_empty_batch_and_what_does_not_fit(G: StyleGAN2) -> None:
    _, fused = renderers(G)
    styles = G.codes(seeds="0-1", space="styles")
    assert fused.render([s[:0] for s in styles]).shape == (0, 3, 16, 16)
    with pytest.raises(ValueError, match="styles must be a list"):
        fused.render(styles[:-1])
    with pytest.raises(ValueError, match="start must be 0"):
        fused.render(styles, start=2)
    with pytest.raises(ValueError, match='out must be "float"'):
        fused.render(styles, out="int8")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="one id per image"):
        fused.render(styles, noise=SampleNoise(0, torch.tensor([1])))


@pytest.mark.parametrize("renderer", [PlainRenderer, FusedRenderer, NativeRenderer])
def test_what_is_no_style_is_refused_by_name(G: StyleGAN2, renderer: Any) -> None:
    made = renderer(G.synthesis)
    styles = G.codes(seeds="0-1", space="styles")
    state = made.render(styles, stop=2)

    def with_third(style: Any) -> list[Any]:
        return [*styles[:2], style, *styles[3:]]

    for wrong in (styles[2].int(), styles[2].to(torch.complex64), None):
        with pytest.raises(TypeError, match="render: styles of 8:conv0 must be"):
            made.render(with_third(wrong))
    with pytest.raises(ValueError, match="render: all tensors must be on one device"):
        made.render(with_third(styles[2].to("meta")))
    for part in ("x", "rgb"):
        tensor = getattr(state, part)
        with pytest.raises(TypeError, match=f"render: state.{part} must be of a floating"):
            made.render(styles, state=replace(state, **{part: tensor.int()}))
        with pytest.raises(ValueError, match="render: all tensors must be on one device"):
            made.render(styles, state=replace(state, **{part: tensor.to("meta")}))
    for ids in (torch.zeros(2), torch.zeros(2, dtype=torch.int32), [0, 1]):
        with pytest.raises(TypeError, match="render: SampleNoise needs int64 ids"):
            made.render(styles, noise=SampleNoise(0, ids))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one device"):
        made.render(styles, noise=SampleNoise(0, torch.arange(2).to("meta")))
    strided = SampleNoise(0, torch.arange(4)[::2])
    whole = SampleNoise(0, torch.tensor([0, 2]))
    assert torch.equal(made.render(styles, noise=strided), made.render(styles, noise=whole))


def test_the_dense_form_is_the_transposed_convolution() -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(5, 3, 3, 3), torch.randn(2, 3, 6, 4)
    assert dense(weight).shape == (20, 3, 2, 2)
    from steerx.ops._epilogue import unshuffled

    transposed = convolve(x, kernel(weight, "transposed", torch.float32), Policy())
    phases = convolve(x, kernel(weight, "dense", torch.float32), Policy())
    assert transposed.shape == (2, 13, 9, 5) and phases.shape == (2, 7, 5, 4, 5)
    torch.testing.assert_close(unshuffled(phases), transposed, rtol=1e-5, atol=1e-5)


def test_scales_are_largest_magnitudes() -> None:
    style = torch.tensor([[0.0, 0.0], [1e-30, -4e-30], [3.0, float("nan")]])
    found = scaled(style)
    assert found.scale[:2].flatten().tolist() == pytest.approx([1.0, 4e-30])
    assert found.unit[0].tolist() == [0.0, 0.0] and found.unit[1].tolist() == [0.25, -1.0]
    assert found.unit[2].isnan().tolist() == [False, True]  # NaN stays where it came from
