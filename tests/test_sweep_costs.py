"""What a sweep will take, with a clock that counts style_layers: the prediction is exact."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import steerx
from steerx.rendering import LinearLayer
from steerx.sweeping import predicted_seconds
from tests.test_editing import unit
from tests.test_prefixes import Watched, on_layers
from tests.tiny import PlainConvGenerator, tiny_generator

RANGES: list[tuple[tuple[int, ...], ...]] = [
    ((0, 1),),
    ((5,),),
    ((3, 4),),
    ((1,), (4, 5)),
    ((5,), (1,), (3,), (3,)),
]


@pytest.mark.parametrize("layers", RANGES)
@pytest.mark.parametrize("alphas", [[1.0], [-1.0, 0.0, 2.0]])
@pytest.mark.parametrize("noise_mode", ["const", "random"])
def test_layers_are_counted_as_they_are_rendered(
    layers: Any, alphas: list[float], noise_mode: Any
) -> None:
    G = tiny_generator()
    G.renderer = watched = Watched(G)  # type: ignore[assignment]
    directions = [*on_layers(G, *layers), steerx.Directions(unit(1, G.z_dim), space="z")]
    sweep = steerx.sweep(
        G, seeds=range(3), directions=directions, alphas=alphas, noise_mode=noise_mode, batch=2
    )
    predicted = predicted_seconds(sweep, clock=lambda: float(watched.work))
    watched.calls.clear()
    _ = sweep.images
    assert predicted == pytest.approx(watched.work)


def test_sums_are_cheaper_than_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that counts 1 for a style_layer of a picture, and a tenth for a sum in its place."""
    G = tiny_generator()
    now = [0.0]
    render, term, state = G.renderer.render, LinearLayer.term, LinearLayer.state

    def counted(styles: Any, **how: Any) -> Any:
        first = 0 if how.get("state") is None else how["state"].index + 1
        last = 4 if how.get("stop") is None else how["stop"]
        images = len(styles[0]) if how.get("state") is None else len(how["state"].x)
        now[0] += images * (last - first + 1)
        return render(styles, **how)

    def termed(self: Any, *args: Any) -> Any:
        now[0] += 1
        return term(self, *args)

    def summed(self: Any, images: Any, *args: Any) -> Any:
        now[0] += 0.1 * len(images)
        return state(self, images, *args)

    monkeypatch.setattr(G.renderer, "render", counted)
    monkeypatch.setattr(LinearLayer, "term", termed)
    monkeypatch.setattr(LinearLayer, "state", summed)
    sweep = steerx.sweep(
        G, seeds=range(2), directions=on_layers(G, (3,), (3,)), alphas=[-1, 0, 1, 2], batch=3
    )
    predicted = predicted_seconds(sweep, clock=lambda: now[0])
    now[0] = 0.0
    _ = sweep.images
    # Per seed: 3 layers before, 3 terms, and 7 pictures of a sum and the last layer.
    assert now[0] == pytest.approx(2 * (3 + 3 + 7 * 1.1))
    assert predicted == pytest.approx(now[0])


def test_a_busy_moment_is_no_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every style_layer takes a millisecond, and every fourth piece of work a tenth of a second more."""
    G = tiny_generator()
    G.renderer = watched = Watched(G)  # type: ignore[assignment]
    sweep = steerx.sweep(
        G, seeds=[1, 2], directions=on_layers(G, (3, 4)), alphas=[-1.0, 1.0], batch=2
    )
    predicted = predicted_seconds(
        sweep, clock=lambda: watched.work / 1000 + len(watched.calls) // 4 / 10
    )
    watched.calls.clear()
    _ = sweep.images
    assert predicted == pytest.approx(watched.work / 1000)


def test_a_generator_without_styles_has_one_layer() -> None:
    G = PlainConvGenerator()
    sweep = steerx.sweep(
        G, seeds=[0, 1], directions=steerx.Directions(torch.eye(6)[:1], space="z"), alphas=[0, 1]
    )
    ticks = iter(range(100))  # a second for every call: so long that single pictures are measured
    assert predicted_seconds(sweep, clock=lambda: float(next(ticks))) == sweep.renders == 4
