from __future__ import annotations

from itertools import accumulate
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.ops.test_weight_covariance import definition, layers
from tests.simt.arrays import array, unwritten

pytestmark = pytest.mark.simt


def run(simt: ModuleType, weights: list[Tensor], normalize: bool) -> Tensor:
    rows, d = torch.cat(weights), weights[0].shape[1]
    offsets = np.array([0, *accumulate(len(w) for w in weights)])
    lengths, out = (
        unwritten((len(rows),), torch.float32),
        unwritten((len(weights), d, d), torch.float64),
    )
    simt.weight_covariance(array(rows), offsets, normalize, array(lengths), array(out))
    return out


def judge(weights: list[Tensor], normalize: bool, found: Tensor) -> None:
    allowed = 1e-6 * (1 + definition([w.abs() for w in weights], normalize))
    assert ((found - definition(weights, normalize)).abs() <= allowed).all()


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("d", [1, 7, 66])
def test_every_layer_is_its_product(ordered: ModuleType, d: int, normalize: bool) -> None:
    weights = layers(5, 1, 0, 33, d=d)
    weights[3][4] = 0
    judge(weights, normalize, run(ordered, weights, normalize))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_layers_and_order(simt: ModuleType, data: st.DataObject) -> None:
    torch.manual_seed(data.draw(st.integers(0, 2**31)))
    channels = data.draw(st.lists(st.integers(0, 40), min_size=1, max_size=5))
    weights = layers(*channels, d=data.draw(st.integers(1, 70)))
    order = data.draw(st.sampled_from(["forward", "reverse", "random"]))
    simt.set_order(getattr(simt.Order, order), seed=data.draw(st.integers(0, 999)))
    normalize = data.draw(st.booleans())
    judge(weights, normalize, run(simt, weights, normalize))


def test_more_layers_than_one_launch_takes(simt: ModuleType) -> None:
    weights = layers(*[2] * 33, d=3)
    judge(weights, True, run(simt, weights, True))


def test_small_and_large_rows_are_as_good(simt: ModuleType) -> None:
    weights = layers(6, 6)
    scaled = [weights[0] * 1e-30, weights[1] * 1e30]
    torch.testing.assert_close(
        run(simt, scaled, True), definition(weights, True), rtol=1e-5, atol=1e-5
    )


def test_nan_stays_in_its_layer(simt: ModuleType) -> None:
    weights = layers(4, 4)
    weights[0][2, 1] = torch.nan
    found = run(simt, weights, True)
    assert found[0].isnan().all() and not found[1].isnan().any()


def test_offsets_that_leave_the_rows_are_refused(simt: ModuleType) -> None:
    rows, out = torch.ones(4, 2), unwritten((1, 2, 2), torch.float64)
    for bounds in ([0, 5], [-1, 3], [3, 2]):
        with pytest.raises(RuntimeError):
            simt.weight_covariance(
                array(rows),
                np.array(bounds),
                False,
                array(unwritten((4,), torch.float32)),
                array(out),
            )
    assert out.isnan().all()
