"""effects: closed values on an analytic generator, invariances, one-line errors."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import steerx
from steerx.evaluation import Effects, effects
from tests.evaluation.linear import LinearGenerator, LinearScorer, Z

SEEDS = range(20)
ALPHAS = (-2.0, 1.0, 3.0)
FULL = torch.tensor([-2.0, 0.0, 1.0, 3.0], dtype=torch.float64)


@pytest.fixture(scope="module")
def G() -> LinearGenerator:
    return LinearGenerator().requires_grad_(False).eval()


def directions(scale: float = 1.0) -> steerx.Directions:
    vectors = torch.randn(3, Z, generator=torch.Generator().manual_seed(1))
    return steerx.Directions(
        vectors / vectors.norm(dim=1, keepdim=True),
        space="z",
        names=["smile", "age", "other"],
        scale=torch.full((3,), scale),
    )


def rows(count: int = 4) -> torch.Tensor:
    return torch.randn(count, Z, generator=torch.Generator().manual_seed(2))


NAMES = ["age", "smile", "beard", "hair"]


def measured(G, scorer=None, D=None, **more) -> Effects:
    known = {"seeds": SEEDS, "alphas": ALPHAS, "names": NAMES, "baseline": 0} | more
    return effects(G, D or directions(), scorer or LinearScorer(rows()), **known)


def sigma_of(G, read) -> torch.Tensor:
    return read(G.codes(seeds=SEEDS, space="z").double()).std(dim=0)


def test_linear_attributes_have_closed_effects(G) -> None:
    E = measured(G, D=directions(scale=0.5))
    m, v = rows().double(), directions().vectors.double()
    sigma = sigma_of(G, lambda z: z @ m.T)
    slope = 0.5 * (v @ m.T) / sigma
    assert torch.allclose(E.sigma, sigma, rtol=1e-5)
    assert torch.allclose(E.slope, slope, atol=1e-5)
    assert torch.allclose(E.dS, slope[:, :, None] * FULL, atol=1e-5)
    assert torch.allclose(E.size, slope.abs()[:, :, None] * FULL.abs(), atol=1e-5)
    assert torch.allclose(E.r, slope.sign(), atol=1e-6)
    assert torch.equal(E.monotonic, torch.ones(3, 4, dtype=torch.float64))
    assert E.alphas == tuple(FULL.tolist()) and E.count == len(SEEDS) and E.baseline is None
    assert [E.attributes[t] for t in E.targets[:2]] == ["smile", "age"]  # by name
    assert E.targets[2] == int(slope[2].abs().argmax())  # by effect


def test_a_curved_attribute_has_its_own_closed_effects(G) -> None:
    m, v = rows().double(), directions().vectors.double()
    E = measured(G, LinearScorer(rows(), squared=True))
    z = G.codes(seeds=SEEDS, space="z").double()
    sigma = (z @ m.T).square().std(dim=0)
    step = (v @ m.T)[:, :, None] * FULL  # [K, A', A]
    change = 2 * (z @ m.T)[:, None, :, None] * step + step.square()
    assert torch.allclose(E.dS, change.mean(0) / sigma[:, None], atol=1e-4)
    assert torch.allclose(E.size, change.abs().mean(0) / sigma[:, None], atol=1e-4)
    about = FULL - FULL.mean()
    slopes = (change * about).sum(-1) / about.square().sum()
    assert torch.allclose(E.slope, slopes.mean(0) / sigma, atol=1e-4)
    r = slopes / change.std(dim=-1, unbiased=False) * about.square().mean().sqrt()
    assert torch.allclose(E.r, r.mean(0), atol=1e-4)
    rises = change.diff(dim=-1)
    monotonic = ((rises > 0).all(-1) | (rises < 0).all(-1)).double().mean(0)
    assert torch.equal(E.monotonic, monotonic) and 0 < float(monotonic.mean()) < 1


def test_matched_target_change_is_read_between_the_alphas(G) -> None:
    E = measured(G)
    m, v = rows().double(), directions().vectors.double()
    slope = (v @ m.T) / sigma_of(G, lambda z: z @ m.T)
    target = slope[range(3), list(E.targets)]
    for change in (0.25, -0.1):
        at = E.at(change)
        reached = change / target
        expected = slope * reached[:, None]
        inside = (reached > -2) & (reached < 3)
        assert bool(inside.any())
        assert torch.allclose(at[inside], expected[inside], atol=1e-4)
        assert bool(at[~inside].isnan().all())
        leak = E.leak(change)
        for k in inside.nonzero().flatten().tolist():
            rest = torch.cat([expected[k, : E.targets[k]], expected[k, E.targets[k] + 1 :]]).abs()
            found = [float(leak.alpha[k]), float(leak.mean[k]), float(leak.largest[k])]
            wanted = [float(reached[k]), float(rest.mean()), float(rest.max())]
            assert found == pytest.approx(wanted, abs=1e-4)


def test_a_change_that_is_never_reached_is_nan(G) -> None:
    E = measured(G)
    assert bool(E.at(1e6).isnan().all()) and bool(E.leak(1e6).mean.isnan().all())


def test_the_nearer_of_two_crossings_counts(G) -> None:
    E = measured(G, baseline=0)
    bent = E.dS.clone()
    bent[0, E.targets[0]] = torch.tensor([4.0, 0.0, 2.0, -3.0], dtype=torch.float64)
    found = dataclasses.replace(E, dS=bent).leak(1.0).alpha[0]
    assert float(found) == pytest.approx(-0.5)  # alpha -2 * 1/4; the other is at +0.5: both as near
    bent[0, E.targets[0], 0] = 2.0
    assert float(dataclasses.replace(E, dS=bent).leak(1.0).alpha[0]) == pytest.approx(0.5)


def test_chunks_batches_and_the_order_of_seeds_do_not_show(G) -> None:
    one = measured(G)
    others = (
        measured(G, chunk=3, batch=5),
        measured(G, seeds=list(reversed(SEEDS)), alphas=[3, 1, -2, 0]),
    )
    for other in others:
        for name in ("sigma", "dS", "size", "slope", "r", "monotonic"):
            assert torch.allclose(getattr(one, name), getattr(other, name), atol=1e-5), name
        assert one.alphas == other.alphas


def test_the_scale_and_offset_of_an_attribute_do_not_show(G) -> None:
    one, other = measured(G), measured(G, LinearScorer(rows(), scale=40.0))
    assert torch.allclose(40 * one.sigma, other.sigma, rtol=1e-5)
    for name in ("dS", "size", "slope", "r", "monotonic"):
        assert torch.allclose(getattr(one, name), getattr(other, name), atol=1e-4), name
    far = measured(G, lambda images: images.flatten(1) @ rows().T + 1000.0)
    assert torch.allclose(one.sigma, far.sigma, rtol=1e-3)


def test_negated_directions_have_negated_effects(G) -> None:
    one, other = measured(G, alphas=[-1, 1]), measured(G, D=-directions(), alphas=[-1, 1])
    assert torch.allclose(one.dS, -other.dS, atol=1e-5)
    assert other.targets[:2] == one.targets[:2]  # "-smile" aims at smile too


def test_the_unedited_picture_is_scored_once_per_seed(G) -> None:
    scorer = LinearScorer(rows())
    measured(G, scorer)
    assert scorer.pictures == len(SEEDS) * (1 + 3 * 3)


def test_no_more_seeds_than_a_chunk_are_held(G, monkeypatch) -> None:
    held = []

    def recorded(*args, **how):
        held.append(len(how["seeds"]))
        return steerx.sweep(*args, **how)

    monkeypatch.setattr("steerx.evaluation.measuring.sweep", recorded)
    measured(G, chunk=6, baseline=1)
    assert max(held) == 6 and sum(held[1:]) == 2 * len(SEEDS)


def test_random_directions_take_steps_of_the_same_length(G) -> None:
    pixels = LinearScorer(torch.eye(Z))
    E = measured(G, pixels, D=directions(scale=0.7), names=None, baseline=2)
    assert E.baseline is not None and len(E.baseline.directions) == 6
    steps = (E.baseline.dS * E.sigma[:, None])[:, :, -1] / 3.0  # one pixel each: the step itself
    assert torch.allclose(steps.norm(dim=1), torch.full((6,), 0.7, dtype=torch.float64), atol=1e-4)
    assert torch.linalg.matrix_rank(steps) == 6
    assert E.baseline.targets == tuple(t for t in E.targets for _ in range(2))
    again = measured(G, pixels, D=directions(scale=0.7), names=None, baseline=2)
    assert again.baseline is not None and torch.equal(E.baseline.dS, again.baseline.dS)


def test_random_directions_stay_where_the_direction_is(tiny) -> None:
    vectors = torch.zeros(1, tiny.num_ws, tiny.w_dim)
    vectors[0, 2, 0] = 1.0
    D = steerx.Directions(vectors, space="w_plus", layers=[2])
    E = effects(tiny, D, lambda x: x.mean(dim=(2, 3)), seeds=range(3), alphas=[1.0])
    assert E.baseline is not None and bool((E.baseline.size[..., 1] > 0).all())
    assert E.attributes == ("attribute0", "attribute1", "attribute2")


def test_targets_may_be_told_and_several_sets_measured(G) -> None:
    E = measured(G, D=[directions(), directions()], targets={"other": "hair"})
    assert len(E.directions) == 6 and E.attributes[E.targets[2]] == "hair"
    assert E.targets[3] == E.targets[0]  # "smile (2)" aims at smile
    assert (
        repr(E)
        == "Effects(6 directions on 4 attributes over 20 seeds, alphas (-2.0, 0.0, 1.0, 3.0))"
    )


def test_an_attribute_that_nothing_moves_is_not_linear(G) -> None:
    m, v = rows(2), directions().vectors
    m[1] -= (m[1] @ v[0]) * v[0]
    E = measured(G, lambda images: (images.flatten(1) @ m.T).mul(64).round(), names=None)
    assert abs(float(E.r[0, 1])) < 0.5 and float(E.monotonic[0, 1]) == 0
    assert float(E.monotonic[0, 0]) == 1


@pytest.mark.parametrize(
    "change, error",
    [
        ({"alphas": []}, r"one or more of them not 0, got \[\]"),
        ({"alphas": [0.0]}, r"one or more of them not 0, got \[0.0\]"),
        ({"alphas": [float("nan"), 1]}, "alphas must be finite"),
        ({"seeds": [3]}, r"seeds must be 2 or more, each once, got 1 \(1 different\)"),
        ({"seeds": [3, 3]}, r"got 2 \(1 different\)"),
        ({"seeds": "1-"}, "seeds must look like"),
        ({"names": ["a"]}, r"returned 4 columns for 1 names \(a\); give one name per column"),
        ({"names": ["a", "a", "b", "c"]}, "names must all differ"),
        ({"targets": {"grin": "smile"}}, "the direction 'grin'; the directions are smile, age"),
        ({"targets": {"smile": "grin"}}, "the attribute 'grin'; the attributes are age, smile"),
        ({"baseline": -1}, "baseline must be 0 or more"),
        ({"chunk": 0}, "chunk 1 or more"),
        ({"scorer": lambda images: images}, r"must return a tensor \[N, A'\]"),
        (
            {"scorer": lambda images: images.flatten(1)[:, :1] * 0},
            "no sigma of age: constant over all 20",
        ),
    ],
)
def test_wrong_arguments_say_what_to_do(G, change, error) -> None:
    if "scorer" in change and "constant" in error:
        change = change | {"names": "age"}
    with pytest.raises(ValueError, match=error) as caught:
        measured(G, **change)
    assert "\n" not in str(caught.value)


def test_wrong_names_are_said_before_anything_is_rendered(G) -> None:
    scorer = LinearScorer(rows())
    for change in ({"targets": {"grin": "smile"}}, {"targets": {"smile": "grin"}}, {"seeds": [1]}):
        with pytest.raises(ValueError):
            measured(G, scorer, **change)
    assert scorer.pictures == 0


def test_absolute_motion_and_lonely_attributes_are_refused(G) -> None:
    with pytest.raises(ValueError, match='motion "absolute"'):
        measured(G, D=dataclasses.replace(directions(), motion="absolute"))
    E = measured(G, LinearScorer(rows(1)), names=["age"])
    with pytest.raises(ValueError, match="age is the only attribute"):
        E.leak()
    for change in (0.0, float("nan")):
        with pytest.raises(ValueError, match="change must be a finite number"):
            E.at(change)
