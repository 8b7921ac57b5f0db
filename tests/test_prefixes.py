"""Sweeps render what edits share once per seed: the layers before the first change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import steerx
from steerx.editing import along
from steerx.generators import StyleGAN2
from steerx.generators.start import begin
from steerx.rendering import LinearLayer, SampleNoise
from steerx.sweeping import prefixes
from steerx.sweeping.prefixes import depth
from tests.test_editing import unit
from tests.tiny import PlainConvGenerator, tiny_generator


class Watched:
    """A renderer that notes, for each call, the images and the style_layers they went through."""

    name = "watched"

    def __init__(self, G: StyleGAN2) -> None:
        self.inner, self.layers = G.renderer, len(G.synthesis.layers)
        self.calls: list[tuple[int, int, int]] = []

    def render(self, styles: Any, **how: Any) -> Any:
        state, stop = how.get("state"), how.get("stop")
        images = len(styles[0]) if state is None else len(state.x)
        first = 0 if state is None else state.index + 1
        last = self.layers - 1 if stop is None else stop
        self.calls.append((images, first, last))
        return self.inner.render(styles, **how)

    @property
    def work(self) -> int:
        return sum(images * (last - first + 1) for images, first, last in self.calls)


def on_layers(G: StyleGAN2, *layers: tuple[int, ...]) -> list[steerx.Directions]:
    return [
        steerx.Directions(
            unit(1, G.w_dim), space="w", layers=some, names=[f"on{some}"], when="after_truncation"
        )
        for some in layers
    ]


def test_layers_before_an_edit_are_rendered_once_per_seed() -> None:
    G = tiny_generator()
    G.renderer = watched = Watched(G)  # type: ignore[assignment]
    sweep = steerx.sweep(
        G, seeds=range(3), directions=on_layers(G, (3, 4)), alphas=[-2, -1, 0, 1, 2], batch=8
    )
    _ = sweep.images
    # w slot 3 is read by style_layer 3 and by the to_rgb of layer 2: the state is that after layer 2.
    assert watched.calls[0] == (3, 0, 2)
    assert [(first, last) for _, first, last in watched.calls[1:]] == [(3, 4)] * 2
    assert sum(images for images, _, _ in watched.calls[1:]) == sweep.renders == 3 * 5


def test_a_deeper_state_goes_on_from_a_shallower_one() -> None:
    G = tiny_generator()
    G.renderer = watched = Watched(G)  # type: ignore[assignment]
    sweep = steerx.sweep(
        G, seeds=[5], directions=on_layers(G, (1,), (4, 5)), alphas=[1.0, 2.0], batch=8
    )
    _ = sweep.images
    assert watched.calls == [(1, 0, 0), (2, 1, 4), (1, 1, 3), (2, 4, 4)]


@pytest.mark.parametrize("noise_mode", ["const", "none", "sample"])
@pytest.mark.parametrize("batch", [1, 3, 64])
def test_pictures_are_those_of_whole_renders(noise_mode: Any, batch: int) -> None:
    G = tiny_generator(2)
    directions = on_layers(G, (5,), (0, 5), (2,), (3, 4), (1, 2, 3))
    directions.append(steerx.Directions(unit(1, G.z_dim), space="z", names=["all"]))
    how: dict[str, Any] = {"directions": directions, "alphas": [-2.0, 0.0, 1.0], "psi": 0.7}
    found = steerx.sweep(G, seeds=[3, 8], noise_mode=noise_mode, noise_key=4, batch=batch, **how)
    images = found.images.astype(int)
    ids = torch.tensor([3, 8])
    noise = SampleNoise(4, ids) if noise_mode == "sample" else noise_mode
    for k, one in enumerate(directions):
        for a, alpha in enumerate(how["alphas"]):
            start, _ = begin(
                "test", G, seeds=[3, 8], codes=None, space=None, psi=0.7, cutoff=None, label=None
            )
            styles = along(start, G, [(one, alpha)]).rendered(G)
            whole = G.renderer.render(styles, noise=noise, out="uint8").numpy()
            assert np.abs(images[:, k, a] - whole).max() <= 1


def test_memory_that_runs_out_in_a_prefix_halves_the_batch() -> None:
    G = tiny_generator()

    class Small(Watched):
        def render(self, styles: Any, **how: Any) -> Any:
            if len(styles[0]) > 2:
                raise torch.OutOfMemoryError("out of memory")
            return super().render(styles, **how)

    d = on_layers(G, (3, 4))
    wanted = steerx.sweep(G, seeds=range(8), directions=d, alphas=[-1, 1], batch=8).images
    G.renderer = small = Small(G)  # type: ignore[assignment]
    with pytest.warns(UserWarning, match="going on with"):
        found = steerx.sweep(G, seeds=range(8), directions=d, alphas=[-1, 1], batch=8).images
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert {images for images, _, _ in small.calls} <= {1, 2}


def test_states_that_no_later_edit_needs_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    G = tiny_generator()
    held: list[int] = []
    keep = prefixes.Prefixes.keep

    def watched(self: Any, layers: Any) -> None:
        keep(self, layers)
        held.append(len(self._states))

    monkeypatch.setattr(prefixes.Prefixes, "keep", watched)
    directions = on_layers(G, (1,), (2,), (3,), (4,), (5,))
    _ = steerx.sweep(G, seeds=range(3), directions=directions, alphas=[1.0]).images
    assert len(held) == 3 * 5 and max(held) == 1


def test_random_noise_is_drawn_for_every_picture() -> None:
    G = tiny_generator()
    G.renderer = watched = Watched(G)  # type: ignore[assignment]
    sweep = steerx.sweep(
        G, seeds=[1], directions=on_layers(G, (5,)), alphas=[0.0, 1.0], noise_mode="random"
    )
    _ = sweep.images
    assert {(first, last) for _, first, last in watched.calls} == {(0, 4)}


def test_a_generator_without_styles_has_no_layers_to_share() -> None:
    G = PlainConvGenerator()
    d = steerx.Directions(unit(1, 6), space="z")
    images = steerx.sweep(G, seeds=[0, 1], directions=d, alphas=[0.0, 1.0]).images
    assert images.shape == (2, 1, 2, 8, 8, 3)


def test_depths_of_single_style_rows() -> None:
    """Style rows in order of execution: a change of a row leaves the style_layers before it as they were."""
    G = tiny_generator()
    sizes = [row.channels for row in G.style_rows]
    expected = {"4:conv": -1, "4:to_rgb": 0, "8:conv0": 0, "8:conv1": 1, "8:to_rgb": 2}
    for place, row in enumerate(G.style_rows):
        step = [torch.zeros(size) for size in sizes]
        step[place][-1] = 1.0
        found = depth(G, torch.cat(step))
        assert found == expected.get(row.name, found)
        styles = G.codes(seeds="0", space="styles")
        changed = [s + d for s, d in zip(styles, step, strict=True)]
        if found >= 0:
            state = G.renderer.render(styles, stop=found)
            torch.testing.assert_close(
                G.renderer.render(changed, state=state), G.renderer.render(changed)
            )
        if found + 1 < len(G.synthesis.layers):  # one layer later would be too late, but for to_rgb
            late = G.renderer.render(styles, stop=found + 1)
            if not row.to_rgb:
                other = G.renderer.render(changed, state=late)
                assert not torch.allclose(other, G.renderer.render(changed))
    assert depth(G, torch.zeros(sum(sizes))) == len(G.synthesis.layers) - 1


@pytest.mark.parametrize("alphas", [[-1.0, 1.0], [-1.0, 0.0, 1.0]])
def test_the_form_of_a_picture_does_not_depend_on_the_batch(
    alphas: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which pictures go on from a sum of two convolutions is the sweep's choice, never the grouping's."""
    G = tiny_generator()
    summed: list[float] = []
    state = LinearLayer.state

    def watched(self: LinearLayer, images: Any, steps: Any, *rest: Any) -> Any:
        summed.extend(step.alpha for step in steps)
        return state(self, images, steps, *rest)

    monkeypatch.setattr(LinearLayer, "state", watched)
    found: dict[int, list[float]] = {}
    for batch in (1, 2, 3, 64):
        summed.clear()
        directions = on_layers(G, (3,), (3, 4))
        sweep = steerx.sweep(G, seeds=[1, 2], directions=directions, alphas=alphas, batch=batch)
        again = steerx.sweep(G, seeds=[1, 2], directions=directions, alphas=alphas, batch=batch)
        assert np.array_equal(sweep.images, again.images)
        found[batch] = sorted(summed)
    assert len({tuple(one) for one in found.values()}) == 1
    assert len(found[1]) == (2 * sweep.renders if len(alphas) == 3 else 0)
