from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from steerx.ops import REGISTRY
from tests.ops.test_edit_styles import arguments
from tests.ops.tolerance import as_good_as_torch, in_dtype
from tests.simt.arrays import array, name, unwritten

pytestmark = pytest.mark.simt
REFERENCE = REGISTRY["edit_styles"].reference
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def run(simt: ModuleType, args: tuple[Any, ...]) -> Tensor:
    base, alphas = args[0], args[2]
    out = unwritten((len(alphas), base.shape[1]), base.dtype)
    simt.edit_styles(name(base.dtype), *map(array, args), array(out))
    return out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 2, 5, 7), (2, 3, 4, 16), (2, 2, 3, 2056)])
def test_the_kernel_is_as_good_as_torch(
    ordered: ModuleType, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    args = arguments(*shape, dtype=dtype)
    as_good_as_torch(run(ordered, args), REFERENCE(*args), REFERENCE(*in_dtype(args, torch.double)))


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_any_shape_and_order(simt: ModuleType, data: st.DataObject) -> None:
    n, k, b = (data.draw(st.integers(1, 4)) for _ in range(3))
    args = arguments(n, k, b, data.draw(st.integers(1, 600)))
    order = data.draw(st.sampled_from(["forward", "reverse", "random"]))
    simt.set_order(getattr(simt.Order, order), seed=data.draw(st.integers(0, 999)))
    as_good_as_torch(run(simt, args), REFERENCE(*args), REFERENCE(*in_dtype(args, torch.double)))


@pytest.mark.parametrize("offset", [1, 2, 3])
def test_misaligned_rows_take_the_narrow_path(simt: ModuleType, offset: int) -> None:
    base, steps, alphas, sources, directions = arguments(3, 2, 5, 16)
    shifted = torch.empty(3 * 16 + offset)[offset:].view(3, 16).copy_(base)
    args = (shifted, steps, alphas, sources, directions)
    assert torch.equal(run(simt, args), run(simt, (base, *args[1:])))


def test_a_row_that_does_not_exist_is_nan(simt: ModuleType) -> None:
    args = list(arguments(3, 2, 4, 9))
    args[3] = torch.tensor([0, 3, -1, 2])
    rows = run(simt, tuple(args))
    assert rows.isnan().all(dim=1).tolist() == [False, True, True, False]


def test_nothing_to_do(simt: ModuleType) -> None:
    assert run(simt, arguments(3, 2, 0, 7)).shape == (0, 7)


def test_another_type_or_layout_is_refused(simt: ModuleType) -> None:
    base, *rest = arguments(3, 2, 4, 8)
    out = unwritten((4, 8), torch.float32)
    with pytest.raises(ValueError, match="base"):
        simt.edit_styles("float64", *map(array, (base, *rest)), array(out))
    with pytest.raises(ValueError, match="out"):
        simt.edit_styles("float32", *map(array, (base, *rest)), array(out)[:, ::2])
