"""Pivotal tuning: pictures come closer, codes stay, and the tuned network is a checkpoint like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import steerx
from steerx.generators import save
from steerx.generators.stylegan3 import FilteredStyleLayer
from steerx.projecting import JournalError
from steerx.projecting.tuning import gain
from tests.generators.test_stylegan3 import tiny as tiny_stylegan3
from tests.projecting.test_projection import Killed, cut
from tests.tiny import PlainConvGenerator, tiny_generator


def world() -> tuple[Any, Tensor, Tensor]:
    """A network, pictures that it cannot make, and codes."""
    G = tiny_generator()
    random = torch.Generator().manual_seed(0)
    w = G.codes(seeds="0-2", space="w")
    targets = (
        G.synthesis(w) + torch.nn.functional.interpolate(
            torch.randn(3, 3, 4, 4, generator=random), size=16, mode="bilinear"
        )
    )  # fmt: skip
    return G, targets, w


def distance(G: Any, codes: Tensor, targets: Tensor) -> float:
    with torch.no_grad():
        return float((G.synthesis(codes) - targets).abs().mean())


def test_pictures_come_closer_and_the_first_network_stays(tmp_path: Path) -> None:
    G, targets, w = world()
    before = {n: t.clone() for n, t in G.state_dict().items()}
    tuned = steerx.tune(G, targets, w, rate=3e-3, steps=60)
    assert all(torch.equal(t, before[n]) for n, t in G.state_dict().items())
    assert distance(tuned, w, targets) < 0.7 * distance(G, w, targets)
    assert torch.equal(tuned.mapping.w_avg, G.mapping.w_avg)
    assert tuned.model_id != G.model_id and not any(p.requires_grad for p in tuned.parameters())
    save(tuned, tmp_path / "tuned.safetensors", facts={"tuned_from": G.model_id})
    again = steerx.load(tmp_path / "tuned.safetensors")
    assert again.model_id == tuned.model_id
    assert torch.equal(again.synthesis(w), tuned.synthesis(w))


def test_w_plus_is_taken_as_w_is() -> None:
    G, targets, w = world()
    one, other = (steerx.tune(G, targets, c, steps=3) for c in (w, G.truncate(w)))
    assert one.model_id == other.model_id


def test_locality_holds_what_is_beside_the_pivot() -> None:
    G, targets, w = world()
    beside = G.codes(seeds="100-131", space="w")
    with torch.no_grad():
        original = G.synthesis(beside)
    way: dict[str, Any] = {"rate": 3e-3, "steps": 60}
    free = steerx.tune(G, targets, w, locality=0.0, **way)
    held = steerx.tune(G, targets, w, locality=3.0, **way)
    assert distance(held, beside, original) < 0.8 * distance(free, beside, original)


def test_steps_are_those_of_weights_at_unit_scale() -> None:
    G = tiny_generator()
    parameters = dict(G.synthesis.named_parameters())
    weight, affine = parameters["layers.1.weight"], parameters["layers.1.affine.weight"]
    assert gain(G, "layers.1.weight", weight) == pytest.approx(weight[0].numel() ** -0.5)
    assert gain(G, "layers.1.affine.weight", affine) == pytest.approx(12**-0.5)
    assert {gain(G, n, p) for n, p in parameters.items() if not n.endswith("weight")} == {1.0}
    three = tiny_stylegan3()
    inner, last = three.synthesis.layers[1], three.synthesis.layers[-1]
    assert isinstance(inner, FilteredStyleLayer) and isinstance(last, FilteredStyleLayer)
    assert gain(three, "layers.1.weight", inner.weight) == 1.0  # normalised, so stored as it is
    assert gain(three, "layers.4.weight", last.weight) == pytest.approx(4**-0.5)


def test_a_first_step_moves_each_weight_by_its_rate() -> None:
    G, targets, w = world()
    tuned = steerx.tune(G, targets, w, steps=1, rate=1e-3)
    for name, parameter in tuned.synthesis.named_parameters():
        moved = (parameter - G.synthesis.get_parameter(name)).abs().max()
        assert float(moved) == pytest.approx(1e-3 * gain(G, name, parameter), rel=0.05), name


@pytest.mark.parametrize("batch", [None, 2])
def test_a_tuning_that_was_cut_short_goes_on_bit_for_bit(tmp_path: Path, batch: int | None) -> None:
    G, targets, w = world()
    way: dict[str, Any] = {"steps": 10, "batch": batch}
    whole = steerx.tune(G, targets, w, **way)
    kept = tmp_path / "tune.part"
    with pytest.raises(Killed):
        steerx.tune(G, targets, w, **way, journal=kept, watch=cut(7))
    made: list[int] = []
    again = steerx.tune(G, targets, w, **way, journal=kept, watch=lambda n, of: made.append(n))
    assert made[0] == 7 and made[-1] == (10 if batch is None else 20)
    assert again.model_id == whole.model_id
    with pytest.raises(JournalError, match=r"rate was 0\.0003, is 0\.1"):
        steerx.tune(G, targets, w, **way, rate=0.1, journal=kept)


def test_wrong_arguments() -> None:
    G, targets, w = world()
    with pytest.raises(ValueError, match="family 'conv' cannot be saved"):
        steerx.tune(PlainConvGenerator(), targets, w)
    with pytest.raises(ValueError, match=r"codes must be \[N, D\] with N = 3"):
        steerx.tune(G, targets, w[:2])
    with pytest.raises(ValueError, match="must be positive, got 0"):
        steerx.tune(G, targets, w, steps=0)
    with pytest.raises(ValueError, match="save: a generator of family 'conv'"):
        save(PlainConvGenerator(), "conv.safetensors")
