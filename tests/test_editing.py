"""Edits: the fast way equals the general way, truncation, layers, distances, interpolation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import steerx
from steerx.editing import edited, is_line, style_steps
from steerx.generators import Start


def unit(*shape: int) -> torch.Tensor:
    vectors = torch.randn(*shape)
    return vectors / vectors.norm(dim=-1, keepdim=True)


def sets(G: steerx.Generator) -> dict[str, steerx.Directions]:
    """One set of two directions per way of acting."""
    style_sizes = [row.channels for row in G.style_rows]
    return {
        "w": steerx.Directions(unit(2, G.w_dim), space="w", scale=torch.tensor([1.0, 2.5])),
        "w on layers": steerx.Directions(unit(2, G.w_dim), space="w", layers=(1, 3)),
        "w after": steerx.Directions(unit(2, G.w_dim), space="w", when="after_truncation"),
        "w_plus": steerx.Directions(
            unit(2, G.w_dim), space="w_plus", layers=(0, 2), when="after_truncation"
        ),
        "w_plus per layer": steerx.Directions(unit(2, G.num_ws, G.w_dim), space="w_plus"),
        "styles": steerx.Directions(
            unit(2, sum(style_sizes)), space="styles", style_sizes=style_sizes
        ),
        "z": steerx.Directions(unit(2, G.z_dim), space="z"),
        "w absolute": steerx.Directions(unit(2, G.w_dim), space="w", motion="absolute"),
    }


@pytest.mark.parametrize(
    "way", ["w", "w on layers", "w after", "w_plus", "w_plus per layer", "styles"]
)
@pytest.mark.parametrize("psi, cutoff", [(1.0, None), (0.5, None), (0.7, 3)])
def test_the_fast_way_equals_the_general_way(tiny, way, psi, cutoff) -> None:
    directions = sets(tiny)[way]
    assert is_line(directions)
    start = Start(tiny.codes(seeds="0-2", space="z"), "z", psi, cutoff)
    steps = style_steps(tiny, directions, psi=psi, cutoff=cutoff)
    base = tiny.pack(start.rendered(tiny))
    for k in range(2):
        alphas = torch.tensor([-2.0, 0.5, 3.0])
        fast = base + alphas[:, None] * steps[k]
        general = tiny.pack(edited(start, tiny, directions, k, alphas))
        torch.testing.assert_close(fast, general, rtol=1e-4, atol=2e-5)
        assert not torch.allclose(fast, base)


def test_before_truncation_is_after_with_psi_alpha(tiny) -> None:
    vectors = unit(1, tiny.w_dim)
    before = steerx.Directions(vectors, space="w")
    after = steerx.Directions(vectors, space="w", when="after_truncation")
    start = Start(tiny.codes(seeds="0-2", space="z"), "z", 0.4)
    alphas = torch.tensor([1.0, -2.0, 0.3])
    one = tiny.pack(edited(start, tiny, before, 0, alphas))
    other = tiny.pack(edited(start, tiny, after, 0, 0.4 * alphas))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_w_plus_codes_honour_the_truncation_they_went_through(tiny) -> None:
    z = tiny.codes(seeds="0-2", space="z")
    directions = steerx.Directions(unit(1, tiny.w_dim), space="w")
    through_w = edited(Start(z, "z", 0.4, 2), tiny, directions, 0, torch.ones(3))
    w_plus = tiny.codes(z=z, psi=0.4, cutoff=2)
    moved = steerx.edit(w_plus, directions, alpha=1.0, psi=0.4, cutoff=2)
    torch.testing.assert_close(
        tiny.pack(tiny.styles(moved)), tiny.pack(through_w), rtol=1e-4, atol=1e-5
    )


def test_relative_and_absolute_are_the_published_rules(goldens: Path) -> None:
    with np.load(goldens / "interfacegan_manipulator.npz", allow_pickle=False) as golden:
        z, w_plus = (torch.from_numpy(golden[f"interp/{k}"]) for k in ("z", "wp"))
        boundary = torch.from_numpy(golden["interp/boundary"])
        for a, b, n in ((-3, 3, 10), (-1.5, 4, 7), (0, 0, 1)):
            alphas = torch.linspace(a, b, n)[:, None]
            absolute = steerx.Directions(boundary, space="z", motion="absolute")
            moved = steerx.edit(z.expand(n, -1), absolute, alpha=alphas)
            assert np.abs(moved.numpy() - golden[f"interp/z_{a}_{b}_{n}"]).max() <= 1e-5
            relative = steerx.Directions(boundary, space="w_plus")
            moved = steerx.edit(w_plus.expand(n, -1, -1), relative, alpha=alphas)
            assert np.abs(moved.numpy() - golden[f"interp/wp_{a}_{b}_{n}"]).max() <= 1e-5


def test_alpha_zero_returns_the_same_bits_and_there_and_back_too(tiny) -> None:
    w_plus = tiny.codes(seeds="0-3")
    directions = sets(tiny)["w"]
    assert torch.equal(steerx.edit(w_plus, directions, alpha=0.0), w_plus)
    there = steerx.edit(w_plus, directions, alpha=[2.0, -1.0])
    back = steerx.edit(there, -directions, alpha=[2.0, -1.0])
    torch.testing.assert_close(back, w_plus, rtol=1e-5, atol=1e-5)


def test_several_directions_move_at_once_each_by_its_alpha(tiny) -> None:
    w = tiny.codes(seeds="0-1", space="w")
    directions = sets(tiny)["w"]
    both = steerx.edit(w, directions, alpha=[2.0, -1.0])
    apart = steerx.edit(steerx.edit(w, directions[0], alpha=2.0), directions[1], alpha=-1.0)
    listed = steerx.edit(w, [directions[0], directions[1]], alpha=[2.0, -1.0])
    torch.testing.assert_close(both, apart)
    torch.testing.assert_close(both, listed)
    step = 2.0 * directions.scale[0] * directions.vectors[0]
    torch.testing.assert_close(both, w + step - directions.scale[1] * directions.vectors[1])


def test_layers_move_alone(tiny) -> None:
    w_plus = tiny.codes(seeds="0-1")
    moved = steerx.edit(w_plus, sets(tiny)["w on layers"], alpha=1.0)
    changed = (moved != w_plus).any(dim=2).any(dim=0)
    assert changed.tolist() == [False, True, False, True, False, False]


@pytest.mark.parametrize(
    "way, space, error",
    [
        ("z", "w_plus", "a direction in 'z' does not move w_plus"),
        ("w absolute", "w_plus", "is a distance in z or w"),
        ("w on layers", "w", r"moves some layers only.*give w_plus"),
        ("w", "styles", "a direction in 'w' does not move styles"),
    ],
)
def test_codes_of_the_wrong_space_are_refused(tiny, way, space, error) -> None:
    codes = tiny.codes(seeds="0-1", space=space)
    with pytest.raises(ValueError, match=error):
        steerx.edit(codes, sets(tiny)[way], alpha=1.0)


def test_wrong_alphas_are_refused(tiny) -> None:
    w = tiny.codes(seeds="0-1", space="w")
    with pytest.raises(ValueError, match=r"alpha must be \[K\] with K = 2, got \[3\]"):
        steerx.edit(w, sets(tiny)["w"], alpha=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="alpha must be finite"):
        steerx.edit(w, sets(tiny)["w"], alpha=float("inf"))


def test_a_layer_that_is_not_there_is_refused(tiny) -> None:
    directions = steerx.Directions(unit(1, tiny.w_dim), space="w", layers=(3, 17))
    with pytest.raises(ValueError, match="moves layer 17, this generator has w slots 0-5"):
        steerx.edit(tiny.codes(seeds=0), directions, alpha=1.0)


def test_directions_of_another_network_are_refused_where_it_is_known(tiny) -> None:
    w = tiny.codes(seeds="0-1", space="w")
    stranger = steerx.Directions(unit(1, tiny.w_dim), space="w", model_id="x", resolution=16)
    with pytest.raises(ValueError, match="checkpoint"):
        steerx.edit(w, stranger, alpha=1.0, G=tiny)
    steerx.edit(w, stranger, alpha=1.0, G=tiny, any_checkpoint=True)
    larger = steerx.Directions(unit(1, tiny.w_dim), space="w", model_id="x", resolution=1024)
    with pytest.raises(ValueError, match=r"1024 px|resolution"):
        steerx.edit(w, larger, alpha=1.0, G=tiny, any_checkpoint=True)


def test_a_step_after_truncation_does_not_move_w(tiny) -> None:
    with pytest.raises(ValueError, match=r"acts after truncation.*give w_plus"):
        steerx.edit(tiny.codes(seeds=0, space="w"), sets(tiny)["w after"], alpha=1.0)


def test_flat_codes_are_in_one_space() -> None:
    directions = [steerx.Directions(unit(1, 8), space=space) for space in ("z", "w")]
    with pytest.raises(ValueError, match="are in one space, the directions in w, z"):
        steerx.edit(torch.randn(2, 8), directions, alpha=1.0)


def test_float64_codes_keep_their_digits(tiny) -> None:
    w = tiny.codes(seeds="0-1", space="w").double()
    directions = steerx.Directions(unit(1, tiny.w_dim), space="w")
    moved = steerx.edit(w, directions, alpha=1 / 3)
    torch.testing.assert_close(moved, w + directions.vectors[0].double() / 3, rtol=0, atol=1e-15)


def test_absolute_from_the_boundary_sets_the_distance() -> None:
    directions = steerx.Directions(
        unit(2, 8),
        space="z",
        motion="absolute",
        origin="boundary",
        intercepts=torch.tensor([4.0, -1.0]),
        scale=torch.tensor([2.0, 1.0]),
    )
    z, alphas = torch.randn(5, 8), torch.linspace(-3, 3, 5)
    for k, length in ((0, 2.0), (1, 1.0)):
        moved = steerx.edit(z, directions[k], alpha=alphas[:, None])
        read = directions[k].distances(moved)[:, 0].float()
        torch.testing.assert_close(read, length * alphas, rtol=1e-5, atol=1e-5)
        shift = moved - z
        torch.testing.assert_close(
            shift, (shift @ directions.vectors[k])[:, None] * directions.vectors[k]
        )


def test_codes_and_truncations_that_mean_nothing(tiny) -> None:
    d = steerx.Directions(unit(1, tiny.w_dim), space="w")
    w_plus = tiny.codes(seeds="0-1")
    for psi, cutoff in ((float("nan"), None), (0.5, -1), (0.5, 99)):
        with pytest.raises(ValueError, match=r"psi must be|cutoff must be"):
            steerx.edit(w_plus, d, alpha=1.0, psi=psi, cutoff=cutoff)
    for codes in (w_plus.long(), w_plus.numpy(), []):
        with pytest.raises(ValueError, match="edit: codes must be a floating-point tensor"):
            steerx.edit(codes, d, alpha=1.0)


def test_styles_have_no_distance() -> None:
    with pytest.raises(ValueError, match="a distance in z or w"):
        steerx.Directions(unit(1, 6), space="styles", style_sizes=[4, 2], motion="absolute")
