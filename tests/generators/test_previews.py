"""Previews are the skip picture of an earlier block, by every renderer, and a sweep is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import steerx
from steerx import Directions, sweep
from steerx.generators import StyleGAN2, previewed
from steerx.ops import to_rgb
from steerx.rendering import FusedRenderer, NativeRenderer, PlainRenderer, SampleNoise
from tests.tiny import PlainConvGenerator, tiny_generator

KINDS = [PlainRenderer, FusedRenderer, NativeRenderer]


def directly(G: StyleGAN2, styles: list[torch.Tensor], side: int, noise: Any) -> torch.Tensor:
    """The picture at the block of `side` by its definition: the state after its last layer, then to_rgb."""
    block = {4: 0, 8: 1, 16: 2}[side]
    state = PlainRenderer(G.synthesis).render(styles, stop=2 * block, noise=noise)
    layer = G.synthesis.to_rgbs[block]
    filter = None if state.rgb is None else G.synthesis.filter
    style = styles[3 * block + 1]
    way: dict[str, Any] = {"skip": state.rgb, "filter": filter, "clamp": layer.clamp}
    return to_rgb(state.x, style, layer.weight, layer.bias, **way)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [4, 8, 16])
@pytest.mark.parametrize("mode", ["const", "sample"])
def test_it_is_the_picture_so_far(kind: Any, side: int, mode: str) -> None:
    G = tiny_generator(1, conv_clamp=0.7)
    G.renderer = kind(G.synthesis)
    noise: Any = SampleNoise(5, torch.tensor([3, 4])) if mode == "sample" else mode
    first = previewed(G, side)
    assert first.resolution == side and first.renderer.name == kind.name
    with torch.inference_mode():
        codes = G.codes(seeds=[3, 4], space="w_plus", psi=0.7)
        styles = G.enter(codes)
        found = first.renderer.render(first.enter(codes), noise=noise)
        assert isinstance(styles, list)
        expected = directly(G, styles, side, noise)
    assert found.shape == (2, 3, side, side)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    if side == G.resolution:
        torch.testing.assert_close(found, G.renderer.render(styles, noise=noise))


def test_the_whole_generator_stays_and_parameters_are_shared() -> None:
    G = tiny_generator()
    w = G.codes(seeds=[1], space="w")
    before = G.synthesis(w)
    first = previewed(G, 8)
    assert torch.equal(G.synthesis(w), before) and G.resolution == 16 and len(G.style_rows) == 8
    assert len(first.style_rows) == 5 and first.num_ws == G.num_ws and first.model_id == G.model_id
    ours, theirs = (first.renderer.render(first.enter(w, space="w")) for _ in range(2))
    with torch.no_grad():
        G.synthesis.const.mul_(2)
    assert torch.equal(ours, theirs)
    assert not torch.equal(first.renderer.render(first.enter(w, space="w")), ours)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers", [(0, 1), (2, 3), (4, 5)])
def test_a_sweep_of_previews(kind: Any, layers: tuple[int, ...]) -> None:
    G = tiny_generator(1)
    G.renderer = kind(G.synthesis)
    axis = torch.nn.functional.normalize(torch.arange(1.0, G.w_dim + 1), dim=0)
    d = Directions(axis[None], space="w", layers=layers, model_id=G.model_id, resolution=16)
    alphas = [-9.0, 0.0, 9.0]
    grid = sweep(G, directions=d, alphas=alphas, seeds=[3, 4], preview=8)
    first = previewed(G, 8)
    assert grid.images.shape == (2, 1, 3, 8, 8, 3) and grid.G.resolution == 8
    mask = torch.zeros(G.num_ws, 1)
    mask[list(layers)] = 1
    w_plus = G.codes(seeds=[3, 4], space="w_plus")
    assert isinstance(w_plus, torch.Tensor)
    for column, alpha in enumerate(alphas):
        styles = first.enter(w_plus + alpha * mask * axis)
        expected = np.asarray(first.renderer.render(styles, out="uint8"))
        assert abs(grid.images[:, 0, column].astype(int) - expected).max() <= 1
    seen = (grid.images[:, 0, 2] != grid.images[:, 0, 1]).any()
    assert seen == (layers != (4, 5))  # a preview of 8 px reads slots 0-3


def test_what_has_no_preview_is_refused() -> None:
    G = tiny_generator()
    d = Directions(torch.eye(G.w_dim)[:1], space="w")
    for side in (2, 12, 32):
        with pytest.raises(ValueError, match="4, 8, 16 pixels a side"):
            sweep(G, directions=d, alphas=[1], seeds=[1], preview=side)
    with pytest.raises(ValueError, match="this is conv"):
        previewed(PlainConvGenerator(), 4)
    with pytest.raises(ValueError, match="fewer styles"):
        styles = G.codes(seeds=[1], space="styles")
        sweep(G, directions=d, alphas=[1], codes=styles, preview=8)
    G.renderer = type("Other", (), {"name": "other"})()
    with pytest.raises(ValueError, match="'other'"):
        previewed(G, 8)


def test_half_precision_stays() -> None:
    G = steerx.load("faces", dtype=torch.bfloat16, renderer="native")
    first = previewed(G, 32)
    assert first.renderer.dtype == torch.bfloat16 and first.renderer.name == "native"  # type: ignore[attr-defined]
    w = G.codes(seeds=range(2), space="w", psi=0.7)
    half = first.renderer.render(first.enter(w, space="w"))
    exact = previewed(steerx.load("faces"), 32)
    whole = exact.renderer.render(exact.enter(w, space="w"))
    assert (half - whole).norm() <= 2e-2 * whole.norm()
