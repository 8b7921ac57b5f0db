"""Going on from a state: one image's state for many edits is read where it lies, and gives what copies of it give."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from steerx.rendering import FusedRenderer, NativeRenderer, PlainRenderer
from tests.tiny import tiny_generator

RENDERERS = [PlainRenderer, FusedRenderer, NativeRenderer]
LAST = 4  # style_layers of the tiny network: 0 ... 4


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize("stop", range(LAST + 1))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("out", ["float", "uint8"])
def test_a_repeated_state_gives_what_its_copies_give(
    kind: Any, stop: int, dtype: torch.dtype, out: Any
) -> None:
    G = tiny_generator(2, conv_clamp=2.0)
    renderer = kind(G.synthesis, dtype=dtype)
    start, edits = (G.codes(seeds=seeds, space="styles") for seeds in ([3, 4], [5, 6, 7]))
    state = renderer.render(start, stop=stop)
    repeated, copies = state.repeated(1, 3), state.rows(torch.tensor([1, 1, 1]))
    assert repeated.x.data_ptr() == state.x[1].data_ptr()
    kept = state.x.clone()
    pictures = [renderer.render(edits, state=given, out=out) for given in (repeated, copies)]
    assert torch.equal(*pictures)
    assert torch.equal(state.x, kept)
    if stop < LAST:
        later = [renderer.render(edits, state=given, stop=LAST) for given in (repeated, copies)]
        assert torch.equal(later[0].x, later[1].x)


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize("stop", range(LAST + 1))
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 2e-2)])
def test_half_way_and_on_is_the_whole_way(
    kind: Any, stop: int, dtype: torch.dtype, tolerance: float
) -> None:
    G = tiny_generator(2, conv_clamp=2.0)
    renderer = kind(G.synthesis, dtype=dtype)
    styles = G.codes(seeds=[3, 4], space="styles")
    whole = renderer.render(styles)
    found = renderer.render(styles, state=renderer.render(styles, stop=stop))
    assert (found - whole).norm() <= tolerance * whole.norm()


@pytest.mark.parametrize("kind", [FusedRenderer, NativeRenderer])
def test_a_state_of_another_dtype_is_taken(kind: Any) -> None:
    G = tiny_generator(2)
    styles = G.codes(seeds=[3, 4], space="styles")
    plain = PlainRenderer(G.synthesis)
    for stop in range(LAST + 1):
        found = kind(G.synthesis, dtype=torch.bfloat16).render(
            styles, state=plain.render(styles, stop=stop)
        )
        whole = plain.render(styles)
        assert (found - whole).norm() <= 2e-2 * whole.norm()


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize("stop", [0, 1, LAST])
def test_no_images_go_on_to_none(kind: Any, stop: int) -> None:
    G = tiny_generator(2)
    styles = G.codes(seeds=[3], space="styles")
    state = kind(G.synthesis).render(styles, stop=stop).rows(slice(0))
    found = kind(G.synthesis).render([s[:0] for s in styles], state=state)
    assert found.shape == (0, 3, 16, 16)


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize("stop", [None, 0, 1])
def test_styles_lie_in_memory_as_they_like(kind: Any, stop: int | None) -> None:
    G = tiny_generator(2)
    renderer = kind(G.synthesis)
    styles = G.codes(seeds=[3, 4, 5], space="styles")
    columns = [s.t().contiguous().t() for s in styles]
    state = None if stop is None else renderer.render(styles, stop=stop).repeated(1, 3)
    expected = renderer.render(styles, state=state)
    torch.testing.assert_close(renderer.render(columns, state=state), expected)
