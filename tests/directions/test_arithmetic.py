"""One direction from several, and from two sets of codes: exact, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import steerx
from steerx.directions import Directions
from steerx.editing import edited, style_steps
from steerx.generators import Start
from steerx.interpolation import lerp


def unit(*shape: int) -> Tensor:
    vectors = torch.randn(*shape)
    return vectors / vectors.norm(dim=-1, keepdim=True)


def parts(codes: Tensor | list[Tensor]) -> list[Tensor]:
    return codes if isinstance(codes, list) else [codes]


SCALE = torch.tensor([1.0, 2.5, 0.3])
ALPHAS = [2.0, -1.0, 0.5]


@pytest.mark.parametrize("space", ["z", "w", "styles"])
def test_a_combination_is_the_edit_with_an_alpha_each(tiny: steerx.Generator, space: str) -> None:
    codes = tiny.codes(seeds="0-3", space=space)
    sizes = [row.channels for row in tiny.style_rows] if space == "styles" else None
    size = sum(sizes) if sizes else codes.shape[1]
    d = Directions(unit(3, size), space=space, scale=SCALE, style_sizes=sizes)
    one = d.combined(ALPHAS, name="older smile")
    assert (len(one), one.names, one.unit) == (1, ("older smile",), "raw")
    several = steerx.edit(codes, d, alpha=ALPHAS)
    alone = steerx.edit(codes, one, alpha=1.0)
    for a, b in zip(parts(alone), parts(several), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
    assert one.provenance["combined"] == {"names": list(d.names), "alphas": ALPHAS}


@pytest.mark.parametrize("layers", [None, (1, 3), [(0, 1), (1, 2, 3), None]])
@pytest.mark.parametrize("when", ["before_truncation", "after_truncation"])
@pytest.mark.parametrize("per_layer", [False, True])
def test_layers_and_truncation_stay_exact(
    tiny: steerx.Generator, layers: object, when: str, per_layer: bool, tmp_path: Path
) -> None:
    shape = (3, tiny.num_ws, tiny.w_dim) if per_layer else (3, tiny.w_dim)
    d = Directions(
        unit(*shape), space="w_plus" if per_layer else "w", layers=layers, scale=SCALE, when=when
    )  # type: ignore[arg-type]
    d.combined(ALPHAS, num_ws=tiny.num_ws).save(tmp_path / "one.safetensors")
    one = Directions.load(tmp_path / "one.safetensors")
    expected = (torch.tensor(ALPHAS)[:, None] * style_steps(tiny, d, psi=0.6, cutoff=2)).sum(0)
    step = style_steps(tiny, one, psi=0.6, cutoff=2)[0]
    torch.testing.assert_close(step, expected, rtol=1e-4, atol=1e-5)
    start = Start(tiny.codes(seeds="0-1", space="z"), "z", 0.6, 2)
    base, alphas = tiny.pack(start.rendered(tiny)), torch.tensor([1.0, -2.0])
    general = tiny.pack(edited(start, tiny, one, 0, alphas))
    torch.testing.assert_close(general, base + alphas[:, None] * step, rtol=1e-4, atol=3e-5)


def test_the_rows_of_a_combination_keep_their_lengths_under_a_condition() -> None:
    v = torch.eye(4)
    d = Directions(v[:2], space="w", layers=[(0,), (0, 1)], scale=torch.tensor([3.0, 1.0]))
    one = d.combined([1.0, 1.0], num_ws=3)
    lengths = one.vectors[0].norm(dim=1)
    torch.testing.assert_close(lengths, torch.tensor([1.0, 0.1**0.5, 0.0]))
    assert abs(float(one.scale) - 10**0.5) <= 1e-6
    out = one.orthogonal_to(Directions(v[2:3], space="w"))
    torch.testing.assert_close(out.vectors, one.vectors)


def test_combinations_that_are_none() -> None:
    d = Directions(torch.eye(4)[:2], space="w", layers=[(0,), (2,)])
    for num_ws in (None, 2, "x"):
        with pytest.raises(ValueError, match=f"at least 3, got {num_ws}; use num_ws=G.num_ws"):
            d.combined([1.0, 1.0], num_ws=num_ws)  # type: ignore[arg-type]
    for alphas in ([1.0], [1.0, float("nan")], 2.0, "ab", [None, 1]):
        with pytest.raises(ValueError, match="alphas must be K = 2 finite numbers"):
            d.combined(alphas)  # type: ignore[arg-type]
    same = Directions(torch.eye(4)[[0, 0]], space="w")
    for alphas in ([1.0, -1.0], [0.0, 0.0]):
        with pytest.raises(ValueError, match="the steps cancel"):
            same.combined(alphas)
    rows = torch.stack([torch.eye(4)[[0, 1]], torch.eye(4)[[2, 1]]])  # row 1 alone moves, the same
    with pytest.raises(ValueError, match="the steps cancel"):
        Directions(rows, space="w_plus", layers=[1]).combined([1.0, -1.0])
    with pytest.raises(ValueError, match='motion "absolute" moves to a place'):
        Directions(torch.eye(4)[:2], space="w", motion="absolute").combined([1.0, 1.0])


@pytest.mark.parametrize("space", ["z", "w", "w_plus", "styles"])
def test_between_goes_all_the_way_at_alpha_one(tiny: steerx.Generator, space: str) -> None:
    a, b = (tiny.codes(seeds=seeds, space=space, psi=0.7) for seeds in ("0", "5"))
    way = Directions.between(a, b, space=space, name="to five", G=tiny)
    assert way.names == ("to five",) and way.kind == "pattern" and way.model_id == tiny.model_id
    there, half = (steerx.edit(a, way, alpha=alpha, psi=0.7) for alpha in (1.0, 0.5))
    for x, y, start, middle in zip(*map(parts, (there, b, a, half)), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(middle, lerp(start, y, 0.5), rtol=1e-5, atol=1e-5)


def test_between_takes_means_of_any_number() -> None:
    a, b = torch.randn(5, 6), torch.randn(9, 6) + 1
    way = Directions.between(a, b, space="w")
    step = way.scale[0] * way.vectors[0]
    torch.testing.assert_close(step, b.mean(0) - a.mean(0), rtol=1e-5, atol=1e-6)
    assert way.provenance == {"method": "between", "n": [5, 9]}


@pytest.mark.parametrize(
    ("a", "b", "space", "part"),
    [
        (torch.ones(2, 6), torch.ones(3, 6), "w", "have the same mean"),
        (torch.ones(2, 6), torch.ones(2, 5), "w", "of one shape but for N"),
        (torch.ones(2, 6), torch.full((2, 6), torch.nan), "w", "codes must be finite"),
        (torch.ones(2, 6), torch.zeros(2, 6), "w_plus", r"codes a of space w_plus.*\[N, L, D\]"),
        (torch.ones(2, 6), torch.zeros(2, 6), "styles", r"a list of \[N, C_l\]"),
        (torch.ones(2, 6), torch.zeros(0, 6), "z", "codes b of space z"),
        (torch.ones(2, 6), torch.zeros(2, 6), "act:3", 'space must be "z", "w"'),
        ([], [], "styles", "got an empty list"),
        (3, torch.ones(1, 6), "w", "between: a: codes must be a tensor or an array.*got int"),
        (torch.ones(1, 6).int(), torch.ones(1, 6), "w", "floating-point numbers, got torch.int32"),
    ],
)
def test_ways_that_are_none(a: Tensor, b: Tensor, space: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        Directions.between(a, b, space=space)


def test_between_checks_the_network(tiny: steerx.Generator) -> None:
    with pytest.raises(ValueError, match="mined for w of 4 numbers, this generator has 12"):
        Directions.between(torch.ones(1, 4), torch.zeros(1, 4), space="w", G=tiny)


def test_conditioning_a_way_goes_what_is_left_of_it() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(50, 6), torch.randn(50, 6) + torch.tensor([3.0, 4.0, 0, 0, 0, 0])
    way = Directions.between(a, b, space="w", name="way")
    first = torch.zeros(1, 6)
    first[0, 1] = 1
    rest = way.orthogonal_to(Directions(first, space="w"))
    step = (b.mean(0) - a.mean(0)).clone()
    step[1] = 0
    torch.testing.assert_close(rest.vectors[0] * rest.scale[0], step, rtol=1e-4, atol=1e-4)
