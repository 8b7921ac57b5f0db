"""A sample is a pure function of the plan and its number."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from steerx._seeds import parse_seeds, z_from_seeds
from steerx.augmentation.samples import drawn_z, samples_of, seeds_at
from tests.augmentation.jobs import pictures

GOLDEN = [[-2.527010516496375, 0.0], [1.9343803490046412, 2.0]]
GOLDEN_Z = [[-1.4358394145965576, 0.2396358847618103], [0.22617313265800476, -0.1278141885995865]]


def test_samples_do_not_depend_on_the_batch() -> None:
    plan = pictures(count=1000).plan
    whole = samples_of(plan, range(600))
    some = samples_of(plan, [599, 3, 3, 0])
    again = whole.alphas[[599, 3, 3, 0]]
    torch.testing.assert_close(some.alphas, again, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(some.sources, whole.sources[[599, 3, 3, 0]])
    z = drawn_z(plan, whole, 8)
    assert torch.equal(drawn_z(plan, some, 8), z[[599, 3, 3, 0]])


def test_golden_numbers_of_a_sample() -> None:
    """Later versions draw the same: a plan says which generator, and these are its numbers."""
    plan = pictures(at_once=2).plan
    samples = samples_of(plan, [1, 19])
    assert samples.sources.tolist() == [0, 6]
    expected = torch.tensor(GOLDEN, dtype=torch.float64)
    torch.testing.assert_close(samples.alphas, expected, rtol=0, atol=1e-9)
    z = drawn_z(plan, samples, 8)[:, :2]
    torch.testing.assert_close(z, torch.tensor(GOLDEN_Z), rtol=0, atol=1e-6)


def test_each_source_has_its_original_and_goes_through_directions_and_values_in_turn() -> None:
    plan = pictures(count=50, edits=6, alphas=[-1.0, 0.5, 2.0]).plan
    samples = samples_of(plan, range(plan.samples))
    assert plan.samples == 50 * 7
    for source in range(50):
        rows = samples.alphas[samples.sources == source]
        assert rows[0].isnan().all()
        moved = (~rows[1:].isnan()).nonzero().tolist()
        assert len(moved) == 6
        seen = Counter((k, float(rows[1 + row, k])) for row, k in moved)
        assert seen == Counter({(k, a): 1 for k in range(2) for a in (-1.0, 0.5, 2.0)})
    first = samples.alphas[1::7].isnan()[:, 0]
    assert 10 < int(first.sum()) < 40  # sources do not all begin with the same direction


def test_several_at_once() -> None:
    plan = pictures(count=30, edits=2, at_once=2, keep_original=False).plan
    assert not samples_of(plan, range(60)).alphas.isnan().any()


def test_distributions_are_what_they_say() -> None:
    plan = pictures(
        count=4000, at_once=2, edits=1, keep_original=False,
        alphas={"smile": "uniform:-1,3", "age": "normal:2,0.5"},
    ).plan  # fmt: skip
    alphas = samples_of(plan, range(4000)).alphas
    even, bell = alphas[:, 0], alphas[:, 1]
    assert -1 < even.min() < -0.99 and 2.99 < even.max() < 3
    assert abs(even.mean() - 1) < 0.06 and abs(even.std() - 4 / 12**0.5) < 0.04
    assert abs(bell.mean() - 2) < 0.03 and abs(bell.std() - 0.5) < 0.02
    assert abs(torch.corrcoef(alphas.T)[0, 1]) < 0.05


@pytest.mark.parametrize("words", ["0-9", "5", "3-4,9,0-2,2"])
def test_seeds_are_kept_as_ranges(words: str) -> None:
    plan = pictures(count=None, seeds=words).plan
    seeds = parse_seeds(words)
    assert plan.sources.count == len(seeds)
    assert seeds_at(plan.sources, range(len(seeds))) == seeds
    z = drawn_z(plan, samples_of(plan, range(0, 3 * len(seeds), 3)), 8)
    assert torch.equal(z, z_from_seeds(seeds, 8))
