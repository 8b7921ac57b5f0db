from __future__ import annotations

from types import ModuleType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.ops.test_eigh import HARD, assert_solved, symmetric
from tests.simt.arrays import array, unwritten

pytestmark = pytest.mark.simt
FINE = 3e-6  # what the kernel reaches, with a factor of three; the promise is 1e-5


def run(simt: ModuleType, a: Tensor) -> tuple[Tensor, Tensor]:
    values, vectors = unwritten(a.shape[:2], a.dtype), unwritten(a.shape, a.dtype)
    simt.eigh(array(a), array(values), array(vectors))
    return values, vectors


@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("n", [1, 2, 3, 8, 17])
def test_eigenvalues_and_vectors(ordered: ModuleType, kind: str, n: int) -> None:
    a = HARD[kind](n)
    assert_solved(a, *run(ordered, a), FINE)


@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("n", [33, 64])
def test_larger_matrices(simt: ModuleType, kind: str, n: int) -> None:
    a = HARD[kind](n)
    assert_solved(a, *run(simt, a), FINE)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_size_scale_and_order(simt: ModuleType, data: st.DataObject) -> None:
    b, n = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 14))
    torch.manual_seed(data.draw(st.integers(0, 2**31)))
    a = symmetric(b, n) * 10.0 ** data.draw(st.integers(-36, 36))
    a[:, data.draw(st.integers(0, n - 1))] *= data.draw(st.sampled_from([0.0, 1e-6, 1.0]))
    order = data.draw(st.sampled_from(["forward", "reverse", "random"]))
    simt.set_order(getattr(simt.Order, order), seed=data.draw(st.integers(0, 999)))
    assert_solved(a, *run(simt, a), FINE)


def test_the_order_of_threads_does_not_change_a_bit(simt: ModuleType) -> None:
    a = symmetric(2, 19)
    found = []
    for order in ("forward", "reverse", "random"):
        simt.set_order(getattr(simt.Order, order), seed=3)
        found.append(run(simt, a))
    for values, vectors in found[1:]:
        assert torch.equal(values, found[0][0]) and torch.equal(vectors, found[0][1])


def test_it_agrees_with_the_reference_vector_by_vector(simt: ModuleType) -> None:
    from steerx.ops import REGISTRY

    a = torch.diag(torch.arange(12.0, 0, -1)) + 0.1 * symmetric(1, 12)[0]
    for ours, plain in zip(run(simt, a[None]), REGISTRY["eigh"].reference(a[None]), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", [(0, 0), (4, 2), (6, 6)])
def test_nan_ends_and_spoils_no_other(simt: ModuleType, bad: float, place: tuple[int, int]) -> None:
    a = symmetric(3, 7)
    before = run(simt, a)
    a[1][place] = bad
    for ours, plain in zip(run(simt, a), before, strict=True):
        assert ours[1].isnan().all()
        assert torch.equal(ours[::2], plain[::2])


def test_nothing_to_do(simt: ModuleType) -> None:
    for shape in ((0, 5, 5), (3, 0, 0)):
        values, vectors = run(simt, torch.zeros(shape))
        assert values.shape == shape[:2] and vectors.shape == shape


def test_another_type_size_or_layout_is_refused(simt: ModuleType) -> None:
    good = symmetric(2, 6)
    for a in (good.double(), good[:, ::2], good[:, :4], symmetric(1, 65)):
        with pytest.raises(ValueError, match="a: "):
            run(simt, a.to(a.dtype))
