"""The value: what it refuses, how it is picked apart and joined, and which network it belongs to."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from steerx.directions import Directions, SeFa, as_directions


def unit(*shape: int) -> Tensor:
    vectors = torch.randn(*shape)
    return vectors / vectors.norm(dim=-1, keepdim=True)


def some(count: int = 4, size: int = 6, **fields: object) -> Directions:
    return Directions(unit(count, size), **{"space": "w", **fields})  # type: ignore[arg-type]


def test_defaults() -> None:
    d = some()
    assert d.names == ("direction0", "direction1", "direction2", "direction3")
    assert d.layers == (None,) * 4
    assert d.scale.tolist() == [1.0] * 4
    assert (d.unit, d.motion, d.when, d.kind) == ("raw", "relative", "before_truncation", "filter")


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        some().space = "z"  # type: ignore[misc]


def test_pick_by_number_slice_name_and_list() -> None:
    d = some(
        names=["a", "b", "c", "d"],
        scores=torch.arange(4.0),
        intercepts=torch.arange(4.0),
        layers=[[0], None, [3, 2, 2], [1]],
    )
    assert len(d) == 4
    assert [one.names[0] for one in d] == ["a", "b", "c", "d"]
    assert d[-1].names == ("d",)
    assert d[1:3].names == ("b", "c")
    assert d["c"].layers == ((2, 3),)
    mixed = d[["c", 0, np.int64(1)]]
    assert mixed.names == ("c", "a", "b")
    assert mixed.scores is not None and mixed.scores.tolist() == [2.0, 0.0, 1.0]
    assert torch.equal(mixed.vectors, d.vectors[[2, 0, 1]])
    with pytest.raises(KeyError, match="a, b, c, d"):
        d["smile"]
    with pytest.raises(IndexError, match="direction 4 of 4"):
        d[4]
    with pytest.raises(IndexError, match="none"):
        d[9:]


def test_negation_is_an_involution() -> None:
    d = some(2, names=["smile", "age"], intercepts=torch.tensor([1.0, -2.0]), sign="largest entry")
    other = -d
    assert other.names == ("-smile", "-age")
    assert torch.equal(other.vectors, -d.vectors)
    assert other.intercepts is not None and other.intercepts.tolist() == [-1.0, 2.0]
    assert other.sign == "largest entry, negated"
    back = -other
    assert (back.names, back.sign) == (d.names, d.sign)
    assert torch.equal(back.vectors, d.vectors)


def test_rename() -> None:
    d = some(2)
    assert d.rename(["smile", "age"]).names == ("smile", "age")
    assert d.rename({"direction1": "age"}).names == ("direction0", "age")
    assert d[0].rename("smile").names == ("smile",)
    with pytest.raises(KeyError, match="hat"):
        d.rename({"hat": "smile"})
    with pytest.raises(ValueError, match="smile twice"):
        d.rename(["smile", "smile"])


def test_to_moves_every_tensor() -> None:
    d = some(scores=torch.arange(4.0), mean=torch.zeros(6), covariance=torch.eye(6)).to(
        dtype=torch.float64
    )
    assert d.scores is not None and d.mean is not None and d.covariance is not None
    tensors = (d.vectors, d.scale, d.scores, d.mean, d.covariance)
    assert {t.dtype for t in tensors} == {torch.float64}


def test_repr_is_one_line_that_helps() -> None:
    said = repr(some(names=["a", "b", "c", "d"], layers=[0, 1, 2]))
    assert "\n" not in said
    for part in ("4 x [6] in w", "layers 0-2", "raw", "relative", "a, b, c, ..."):
        assert part in said


def test_concatenate_round_trip() -> None:
    d = some(scores=torch.arange(4.0))
    joined = Directions.concatenate(list(d))
    assert joined.names == d.names
    assert torch.equal(joined.vectors, d.vectors)
    assert joined.scores is not None and joined.scores.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert len(joined.provenance["concatenated"]) == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("space", "w_plus"),
        ("unit", "sigma"),
        ("motion", "absolute"),
        ("when", "after_truncation"),
        ("model_id", "other"),
        ("label", 3),
        ("covariance", torch.eye(6)),
        ("truncation", (0.7, 8)),
        ("scores", torch.ones(1)),
    ],
)
def test_concatenate_names_what_differs(field: str, value: object) -> None:
    a, b = some(1, names=["a"]), some(1, names=["b"])
    with pytest.raises(ValueError, match="as a list instead") as caught:
        Directions.concatenate([a, replace(b, **{field: value})])
    assert f"differ in {field}" in str(caught.value)


def test_concatenate_refuses_other_sizes_and_nothing() -> None:
    with pytest.raises(ValueError, match="vectors differ in shape"):
        Directions.concatenate([some(1, 6, names=["a"]), some(1, 8, names=["b"])])
    with pytest.raises(ValueError, match="empty"):
        Directions.concatenate([])


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"space": "p"}, "space must be"),
        ({"names": ["a"]}, "K = 4"),
        ({"names": ["a", "a", "b", "c"]}, "a twice"),
        ({"layers": [[0], [1]]}, "K = 4"),
        ({"layers": [[]] * 4}, "rows 0, 1"),
        ({"layers": [-1]}, "rows 0, 1"),
        ({"layers": [0], "space": "z"}, 'space "z" has none'),
        ({"scale": torch.ones(3)}, "scale must be a tensor [K] with K = 4"),
        ({"scores": torch.ones(5)}, "scores must be"),
        ({"intercepts": torch.ones(4, 2)}, "intercepts must be [4]"),
        ({"mean": torch.ones(5)}, "mean must be [6]"),
        ({"covariance": torch.eye(5)}, "covariance must be [6, 6]"),
        ({"unit": "stdev"}, "unit must be one of raw, sigma"),
        ({"space": "styles"}, "style_sizes belong"),
        ({"style_sizes": [3, 3]}, "style_sizes belong"),
        ({"space": "styles", "style_sizes": [3, 4]}, "sum to S = 6, they sum to 7"),
    ],
)
def test_contradictions_are_named(fields: dict[str, object], part: str) -> None:
    with pytest.raises(ValueError, match="Directions") as caught:
        some(**fields)
    assert part in str(caught.value)


def test_vectors_must_be_unit_and_of_the_right_rank() -> None:
    with pytest.raises(ValueError, match="unit L2 length, vector 1"):
        Directions(torch.stack([unit(6), 3 * unit(6)]), space="w")
    with pytest.raises(ValueError, match="unit L2 length"):
        Directions(torch.full((1, 6), torch.nan), space="w")
    with pytest.raises(ValueError, match=r"must be \[K, D\]"):
        Directions(unit(2, 3, 6), space="w")
    with pytest.raises(TypeError, match="floating-point"):
        Directions(torch.eye(3, dtype=torch.int64), space="w")


def test_per_layer_rows_are_unit_or_zero() -> None:
    vectors = unit(2, 3, 6)
    vectors[0, 1] = 0
    d = Directions(vectors, space="w_plus", layers=[2])
    assert d.vectors.shape == (2, 3, 6)
    with pytest.raises(ValueError, match="below L = 3"):
        Directions(vectors, space="w_plus", layers=[3])
    with pytest.raises(ValueError, match="unit L2 length"):
        Directions(torch.zeros(1, 3, 6), space="w_plus")


def test_styles_are_packed() -> None:
    d = Directions(unit(2, 7), space="styles", style_sizes=[4, 3])
    assert d.style_sizes == (4, 3)
    assert d[0].style_sizes == (4, 3)


def test_check_model() -> None:
    d = some(model_id="a" * 64, resolution=64)
    d.check_model("a" * 64, 64)
    with pytest.raises(ValueError, match="any_checkpoint=True"):
        d.check_model("b" * 64, 64)
    d.check_model("b" * 64, 64, any_checkpoint=True)
    for any_checkpoint in (False, True):
        with pytest.raises(ValueError, match="64 px"):
            d.check_model("a" * 64, 128, any_checkpoint=any_checkpoint)
    some().check_model("b" * 64, 128)  # an imported set that does not know its network


def test_as_directions() -> None:
    d = some()
    assert as_directions(d) is d
    with pytest.raises(ValueError, match="call fit first"):
        as_directions(SeFa())
    with pytest.raises(TypeError, match="got int"):
        as_directions(3)  # type: ignore[arg-type]


def test_in_sigma_makes_one_alpha_one_standard_deviation() -> None:
    codes = torch.randn(4000, 6) * torch.tensor([3.0, 2.0, 1.0, 0.5, 0.2, 0.1])
    vectors = torch.randn(3, 6)
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    directions = Directions(vectors, space="w").in_sigma(torch.cov(codes.T))
    assert directions.unit == "sigma"
    torch.testing.assert_close(directions.scale, (codes @ vectors.T).std(0), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"covariance must be \[6, 6\].*got None"):
        Directions(vectors, space="w").in_sigma()


@pytest.mark.parametrize("field", ["scale", "intercepts", "mean", "covariance"])
def test_numbers_that_are_not_finite_are_refused_by_name(field) -> None:
    shapes = {"scale": (1,), "intercepts": (1,), "mean": (4,), "covariance": (4, 4)}
    value = torch.full(shapes[field], float("inf"))
    with pytest.raises(ValueError, match=f"{field} must be finite numbers"):
        Directions(torch.eye(4)[:1], space="w", **{field: value})


@pytest.mark.parametrize("spread", [-torch.eye(4), torch.full((4, 4), float("nan"))])
def test_a_covariance_that_is_none_gives_no_sigma(spread) -> None:
    with pytest.raises(ValueError, match="no positive finite variance"):
        Directions(torch.eye(4)[:1], space="w").in_sigma(spread)


def test_sigma_is_not_kept_where_it_is_not_known() -> None:
    known = Directions(torch.eye(4)[:1], space="w", unit="sigma", scale=torch.tensor([8.0]))
    other = Directions(torch.full((1, 4), 0.5), space="w")
    with pytest.warns(UserWarning, match=r"plain length now; \.in_sigma\(covariance\)"):
        changed = known.orthogonal_to(other)
    assert changed.unit == "raw" and changed.scale.tolist() == [1.0]


def test_sets_of_different_networks_do_not_meet_in_silence() -> None:
    ours = Directions(torch.eye(4)[:1], space="w", model_id="x", resolution=64, label=1)
    other = replace(ours, vectors=torch.full((1, 4), 0.5), model_id="y", label=2)
    for meet in (ours.orthogonal_to, ours.cosines):
        with pytest.raises(ValueError, match="mined in checkpoints x and y"):
            meet(other)
        with pytest.warns(UserWarning, match="for classes 1, 2"):
            meet(other, any_checkpoint=True)
        with pytest.raises(ValueError, match="64 px and 128 px"):
            meet(replace(other, resolution=128), any_checkpoint=True)


def test_directions_of_another_width_are_refused_on_any_checkpoint(tiny) -> None:
    with pytest.raises(ValueError, match="mined for w of 4 numbers, this generator has 12"):
        Directions(torch.eye(4)[:1], space="w").check_generator(tiny, any_checkpoint=True)


@pytest.mark.parametrize("name", ["a\x1b", "\ud800", "x" * 201])
def test_names_are_printable(name) -> None:
    with pytest.raises(ValueError, match="names must be 1-200 printable characters"):
        Directions(torch.eye(4)[:1], space="w", names=[name])
