"""Renderers without gradients leave them to the plain one, or refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from steerx.generators import StyleGAN2
from steerx.rendering import (
    FusedRenderer,
    NativeRenderer,
)
from tests.rendering.networks import generator


@pytest.fixture(scope="module")
def G() -> StyleGAN2:
    return generator()


def test_gradients_go_through_the_plain_renderer(G: StyleGAN2) -> None:
    styles = [s.requires_grad_() for s in G.codes(seeds="0-1", space="styles")]
    FusedRenderer(G.synthesis).render(styles).sum().backward()
    assert all(s.grad is not None and s.grad.abs().sum() > 0 for s in styles)


@pytest.mark.parametrize("renderer", [FusedRenderer, NativeRenderer])
@pytest.mark.parametrize("name", ["layers.1.bias", "layers.2.noise_strength", "to_rgbs.1.bias"])
def test_any_parameter_may_ask_for_its_gradient(renderer: Any, name: str) -> None:
    G = generator(3)
    styles = G.codes(seeds="0-1", space="styles")
    asking = G.synthesis.get_parameter(name).requires_grad_()
    renderer(G.synthesis).render(styles).sum().backward()
    assert asking.grad is not None and asking.grad.any()


@pytest.mark.parametrize("renderer", [FusedRenderer, NativeRenderer])
def test_the_picture_so_far_may_ask_for_a_gradient(G: StyleGAN2, renderer: Any) -> None:
    styles = G.codes(seeds="0-1", space="styles")
    state = renderer(G.synthesis).render(styles, stop=2)
    rgb = state.rgb.requires_grad_()
    renderer(G.synthesis).render(styles, state=state).sum().backward()
    assert rgb.grad is not None and rgb.grad.any()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*batching rule:UserWarning")
@pytest.mark.parametrize("renderer", [FusedRenderer, NativeRenderer])
def test_forward_mode_is_refused_and_not_cut_off(G: StyleGAN2, renderer: Any) -> None:
    first, *others = G.codes(seeds="0-1", space="styles")

    def picture(style: torch.Tensor) -> torch.Tensor:
        return renderer(G.synthesis).render([style, *others])

    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(first, torch.ones_like(first))
        with pytest.raises(NotImplementedError, match="no forward-mode derivative"):
            picture(dual)
    with pytest.raises(NotImplementedError, match="no forward-mode derivative"):
        torch.func.jvp(picture, (first,), (first,))
    each = torch.vmap(picture)(torch.stack((first, 2 * first)))
    torch.testing.assert_close(each[1], picture(2 * first), rtol=1e-5, atol=1e-5)
