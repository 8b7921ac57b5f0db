from __future__ import annotations

from types import ModuleType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.ops.test_moments import assert_close, chunk, truth, zeros
from tests.simt.arrays import array, name, unwritten

pytestmark = pytest.mark.simt
DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def run(simt: ModuleType, x: Tensor, shift: Tensor | None) -> tuple[Tensor, Tensor]:
    sums, products = zeros(x.shape[1])
    partial = unwritten((simt.moments_parts(len(x)), x.shape[1] + 1, x.shape[1]), torch.float64)
    given_shift = torch.zeros(0) if shift is None else shift
    simt.moments(name(x.dtype), *map(array, (x, given_shift, sums, products, partial)))
    return sums, products


def judge(x: Tensor, shift: Tensor | None, found: tuple[Tensor, Tensor]) -> None:
    size = truth((x.float() if shift is None else x.float() - shift).abs(), None)
    for ours, exact, most in zip(found, truth(x, shift), size, strict=True):
        assert_close(ours, exact, most, 3e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (33, 65), (290, 9), (1030, 3)])
def test_sums(ordered: ModuleType, shape: tuple[int, int], dtype: torch.dtype) -> None:
    x = chunk(*shape, dtype=dtype)
    for shift in (None, torch.full((shape[1],), 3.0)):
        judge(x, shift, run(ordered, x, shift))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_shape_and_order(simt: ModuleType, data: st.DataObject) -> None:
    torch.manual_seed(data.draw(st.integers(0, 2**31)))
    x = chunk(data.draw(st.integers(1, 600)), data.draw(st.integers(1, 80)))
    order = data.draw(st.sampled_from(["forward", "reverse", "random"]))
    simt.set_order(getattr(simt.Order, order), seed=data.draw(st.integers(0, 999)))
    judge(x, x.mean(0), run(simt, x, x.mean(0)))


def test_the_order_of_threads_does_not_change_a_bit(simt: ModuleType) -> None:
    x, found = chunk(1100, 5), []
    for order in ("forward", "reverse", "random"):
        simt.set_order(getattr(simt.Order, order), seed=3)
        found.append(run(simt, x, None))
    for sums, products in found[1:]:
        assert torch.equal(sums, found[0][0]) and torch.equal(products, found[0][1])


def test_nan_comes_through(simt: ModuleType) -> None:
    x = chunk(40, 4)
    x[7, 2] = torch.nan
    sums, products = run(simt, x, None)
    assert sums.isnan().tolist() == [False, False, True, False]
    assert products.isnan().sum() == 7


def test_nothing_to_do(simt: ModuleType) -> None:
    for shape in ((0, 4), (3, 0)):
        sums, products = run(simt, torch.zeros(shape), None)
        assert not sums.any() and not products.any()


def test_another_type_or_layout_is_refused(simt: ModuleType) -> None:
    with pytest.raises(RuntimeError):
        run(simt, chunk(3, 4).double(), None)
    with pytest.raises(ValueError, match="x: "):
        run(simt, chunk(3, 8)[:, ::2], None)
