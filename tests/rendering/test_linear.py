"""The layer after a state, along a line of styles, is what the renderer makes of each step by itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from steerx import Directions, sweep
from steerx.generators import StyleGAN2
from steerx.rendering import (
    FusedRenderer,
    NativeRenderer,
    PlainRenderer,
    SampleNoise,
    Step,
    few_channels,
    layer_after,
)
from tests.tiny import PlainConvGenerator, tiny_generator

ALPHAS = [-20.0, 0.0, 0.5, 3.0]
LAST = 4  # style_layers of the tiny network: 0 ... 4


def line(G: StyleGAN2) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Styles of two images, a step, and image 1 moved along it by each alpha behind image 0."""
    start = G.codes(seeds=[3, 4], space="styles")
    step = [torch.randn(1, rows.shape[1]) for rows in start]
    pairs = zip(start, step, strict=True)
    moved = [torch.cat([s[:1], *(s[1:] + a * d for a in ALPHAS)]) for s, d in pairs]
    return start, step, moved


@pytest.mark.parametrize("kind", [PlainRenderer, FusedRenderer, NativeRenderer])
@pytest.mark.parametrize("index", range(LAST))
@pytest.mark.parametrize("clamp", [None, 0.7])
@pytest.mark.parametrize("mode", ["const", "none", "sample"])
def test_it_is_the_renderer_of_every_step(kind: Any, index: int, clamp: Any, mode: Any) -> None:
    G = tiny_generator(1, conv_clamp=clamp)
    renderer = kind(G.synthesis)
    start, step, moved = line(G)
    ids = torch.tensor([3, 4])
    rows = torch.tensor([0, *[1] * len(ALPHAS)])
    noise = SampleNoise(5, ids) if mode == "sample" else mode
    of_all = noise.rows(rows) if isinstance(noise, SampleNoise) else noise
    with torch.inference_mode():
        before = renderer.render(start, stop=index, noise=noise)
        linear = layer_after(renderer, before)
        assert linear is not None
        first, second = ([s[n : n + 1] for s in start] for n in (0, 1))
        terms = [linear.term(0, first, first), linear.term(1, second, second)]
        moving = linear.term(1, step, second)
        steps = [Step(terms[0], None, 9.0), *(Step(terms[1], moving, a) for a in ALPHAS)]
        starts = [s[rows] for s in start]
        after = linear.state(rows.tolist(), steps, moved, starts, of_all)
        found = renderer.render(moved, state=after, noise=of_all)
        expected = renderer.render(moved, state=before.rows(rows), noise=of_all)
        if index + 1 < LAST:
            layer = renderer.render(moved, state=before.rows(rows), stop=index + 1, noise=of_all)
            torch.testing.assert_close(after.x, layer.x, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(after.rgb, layer.rgb, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [PlainRenderer, FusedRenderer, NativeRenderer])
def test_noise_of_every_mode_is_added(kind: Any) -> None:
    G = tiny_generator(1)
    renderer, ids = kind(G.synthesis), torch.arange(6)
    styles = G.codes(seeds=[3, 4, 5], space="styles")
    linear = layer_after(renderer, renderer.render(styles, stop=1))
    assert linear is not None
    terms = [linear.term(n, *[[s[n : n + 1] for s in styles]] * 2) for n in range(3)]
    steps = [Step(term, None, 0.0) for term in terms]

    def after(noise: Any) -> Tensor:
        return linear.state(range(3), steps, styles, styles, noise).x.clone()

    every_other = after(SampleNoise(5, ids[::2]))
    assert torch.equal(every_other, after(SampleNoise(5, ids[::2].contiguous())))
    assert not torch.allclose(after("random"), after("random"))


def test_where_it_is_not_served() -> None:
    G = tiny_generator()
    styles = G.codes(seeds=[1], space="styles")
    with torch.inference_mode():
        state = G.renderer.render(styles, stop=1)
        half = PlainRenderer(G.synthesis, dtype=torch.bfloat16)
        assert layer_after(half, half.render(styles, stop=1)) is None
        last = type(state)(LAST, state.x, state.rgb)
        assert layer_after(G.renderer, last) is None
        assert layer_after(PlainConvGenerator().renderer, state) is None
        assert layer_after(object(), state) is None  # type: ignore[arg-type]
        assert layer_after(G.renderer, state) is not None


@pytest.mark.parametrize("kind", [PlainRenderer, FusedRenderer, NativeRenderer])
@pytest.mark.parametrize("weights", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("mode", ["const", "sample"])
def test_weights_of_another_dtype_are_rendered_along_lines(
    kind: Any, weights: torch.dtype, mode: Any
) -> None:
    G = tiny_generator(1, conv_clamp=0.7).to(weights)
    G.renderer = kind(G.synthesis, dtype=torch.float32)
    found, expected = by_sums_and_by_themselves(G, mode)
    assert (found - expected).norm() <= 1e-2 * expected.norm()


@pytest.mark.parametrize("kind", [PlainRenderer, FusedRenderer, NativeRenderer])
def test_autocast_does_not_reach_the_sums(kind: Any) -> None:
    G = tiny_generator(1)
    G.renderer = kind(G.synthesis)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, expected = by_sums_and_by_themselves(G, "const")
    assert (found - expected).norm() <= 1e-2 * expected.norm()


def by_sums_and_by_themselves(G: StyleGAN2, mode: Any) -> tuple[Tensor, Tensor]:
    """Differences of grey levels to the unedited picture, by a sweep of five alphas and by sweeps of one."""
    axis = torch.nn.functional.normalize(torch.arange(1.0, G.w_dim + 1), dim=0)
    d = Directions(axis[None], space="w", layers=(3, 4))
    how: dict[str, Any] = {"directions": d, "seeds": [3, 4], "noise_mode": mode}

    def pictures(*alphas: float) -> Tensor:
        return torch.from_numpy(sweep(G, alphas=alphas, **how).images).float()

    alphas = [-40.0, -20.0, 0.0, 20.0, 40.0]
    whole = pictures(*alphas)
    alone = torch.cat([pictures(alpha) for alpha in alphas], 2)
    return whole - alone[:, :, 2:3], alone - alone[:, :, 2:3]


@pytest.mark.parametrize("kind", [PlainRenderer, FusedRenderer, NativeRenderer])
@pytest.mark.parametrize("index", range(LAST))
@pytest.mark.parametrize("filter", [None, (4, 4), (6, 6)])
@pytest.mark.parametrize("few", [0, 1, 2])
def test_a_term_of_few_channels_is_that_of_all(
    kind: Any, index: int, filter: Any, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    G = tiny_generator(1)
    if filter is not None:  # not its own mirror image
        G.synthesis.filter = torch.rand(filter).flatten().softmax(0).view(filter)
    renderer = kind(G.synthesis)
    start, step, _ = line(G)
    made: list[int] = []
    taps = few_channels.taps

    def watched(weight: Tensor, filter: Tensor | None) -> Tensor:
        made.append(weight.shape[1])
        return taps(weight, filter)

    monkeypatch.setattr(few_channels, "taps", watched)
    with torch.inference_mode():
        state = renderer.render(start, stop=index)
        linear = layer_after(renderer, state)
        assert linear is not None
        step[linear.row][:, few:] = 0
        one = [s[1:] for s in start]
        whole = linear.term(1, step, one)
        assert not made  # of 6 to 10 channels not one is few
        monkeypatch.setattr(few_channels, "SHARE", 2)
        found = linear.term(1, step, one)
        alone = layer_after(renderer, state.rows(torch.tensor([1])))
        assert alone is not None
        assert torch.equal(found.z, alone.term(0, step, one).z)  # whatever it is rendered beside
    larger = filter == (6, 6) and linear.layer.up == 2
    assert made == ([] if larger else [max(1, few)] * 2)
    assert found.z.shape == whole.z.shape and found.z.is_contiguous()
    torch.testing.assert_close(found.z, whole.z, rtol=1e-5, atol=1e-5)
    assert bool(found.z.any()) == (few > 0)


@pytest.mark.parametrize("kind", [PlainRenderer, FusedRenderer, NativeRenderer])
@pytest.mark.parametrize("row", [4, 5, 6, 7])
def test_a_sweep_of_single_channels(kind: Any, row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_channels, "SHARE", 4)
    G = tiny_generator(1)
    G.renderer = kind(G.synthesis)
    sizes = tuple(r.channels for r in G.style_rows)
    place = sum(sizes[:row]) + 2
    d = Directions(torch.eye(sum(sizes))[place][None], space="styles", style_sizes=sizes)
    alphas = [-6.0, -2.0, 0.0, 2.0, 6.0]
    found = sweep(G, directions=d, alphas=alphas, seeds=[3, 4]).images.astype(int)
    for column, alpha in enumerate(alphas):
        styles = G.codes(seeds=[3, 4], space="styles")
        styles[row][:, 2] += alpha
        with torch.inference_mode():
            expected = G.renderer.render(styles, out="uint8").numpy().astype(int)
        assert abs(found[:, 0, column] - expected).max() <= 1
    assert (found[:, 0, 0] != found[:, 0, 4]).any()
