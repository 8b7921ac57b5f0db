"""Seeds as people write them, and draws keyed by sample id."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from steerx._seeds import normal, parse_seeds, philox, subkey, z_from_seeds


def test_each_seed_is_its_own_legacy_draw() -> None:
    z = z_from_seeds([85, 0, 2**32 - 1], 5)
    for row, seed in zip(z, (85, 0, 2**32 - 1), strict=True):
        expected = np.random.RandomState(seed).randn(1, 5).astype(np.float32)[0]
        assert np.array_equal(row.numpy(), expected)
    assert z_from_seeds([], 5).shape == (0, 5)
    with pytest.raises(ValueError, match="seeds must be integers 0"):
        z_from_seeds([2**32], 5)


@pytest.mark.parametrize(
    "text, seeds", [("0,1,4-6", [0, 1, 4, 5, 6]), (" 7 ", [7]), ("3-3,1", [3, 1])]
)
def test_seed_lists_read_as_written(text, seeds) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1,", "-3", "1-", "1.5", "5-2"])
def test_other_seed_lists_are_refused(text) -> None:
    with pytest.raises(ValueError, match="seeds"):
        parse_seeds(text)


def test_philox_answers_as_published() -> None:
    words = philox(0, torch.tensor([0]), 1)[0, 0].tolist()
    assert words == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


def test_a_row_depends_on_its_id_alone() -> None:
    ids = torch.tensor([5, 0, 2**33 + 5])
    whole = normal(11, ids, 10)
    for n in range(3):
        assert torch.equal(whole[n : n + 1], normal(11, ids[n : n + 1], 10))
    assert torch.equal(whole[:, :7], normal(11, ids, 7))
    assert not torch.equal(whole[0], whole[2])
    assert not torch.equal(whole, normal(12, ids, 10))
    assert not torch.equal(whole, normal(subkey(11, 1), ids, 10))


def test_draws_are_standard_normal() -> None:
    x = normal(0, torch.arange(4000), 50).double()
    assert abs(x.mean()) < 0.01 and abs(x.var() - 1) < 0.02
    assert abs((x**3).mean()) < 0.03 and abs((x**4).mean() - 3) < 0.08
    assert torch.corrcoef(x.T).fill_diagonal_(0).abs().max() < 0.08
