"""Every kernel against its reference in float64, by the tests' own rules; the first that is wrong is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import torch
from torch import Tensor

from bench import gpu_arguments
from bench.gpu_arguments import Parts, outputs
from bench.gpu_device import Device
from steerx import ops
from steerx.ops import _weight_covariance
from steerx.ops._epilogue import epilogue
from steerx.ops._moments import moments
from steerx.ops._weight_covariance import weight_covariance
from steerx.ops._whole_layer import whole_layer
from tests.ops.test_eigh import HARD, assert_solved, symmetric
from tests.ops.test_moments import assert_close
from tests.ops.test_moments import truth as squares
from tests.ops.tolerance import as_good_as_torch, in_dtype

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
HALVES = DTYPES[1:]
Judged = Iterator[tuple[str, int]]  # what was judged, and how many tensors


def agreement(device: Device, *, small: bool = False) -> dict[str, Any]:
    """Judge them all.

    Args:
        device: where.
        small: a few small shapes, for tools that make a kernel a thousand times slower.
    """
    counts: dict[str, int] = {}
    for what in (public, tails, whole_layers, fragments, sums, layers, eigenproblems):
        torch.manual_seed(0)  # the tests' matrices come from the global stream
        for name, count in what(device, small):
            counts[name] = counts.get(name, 0) + count
    return {"comparisons": sum(counts.values()), "of": counts}


def public(device: Device, small: bool) -> Judged:
    """Operators of the registry."""
    for name, operator in ops.REGISTRY.items():
        for dtype in HALVES[:1] if small else DTYPES:
            args = in_dtype(operator.example(torch.Generator().manual_seed(3)), dtype)
            there = [a.to(device.name) if isinstance(a, Tensor) else a for a in args]
            if name == "eigh":  # vectors are a matter of choice where values nearly meet: see below
                values = operator.call(*there)[0], operator.reference(*args)[0]
                exact = operator.reference(args[0].double())[0]
                as_good_as_torch(*values, exact, rounded=dtype)
                yield name, 1
                continue
            ours, own = operator.call(*there), operator.reference(*there)
            exact = operator.reference(*in_dtype(args, torch.float64))
            with naming(f"{name}, {dtype}"):
                as_good_as_torch(ours, own, exact)
            yield name, 1


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Says beside an error in here what was being judged."""
    try:
        yield
    except (AssertionError, RuntimeError) as error:
        raise AssertionError(f"{what}: {error}") from error


def judge(parts: Parts, dtype: torch.dtype) -> int:
    """The outputs that a kernel has just written."""
    found = outputs(parts)
    for three in zip(found, gpu_arguments.plain(parts), gpu_arguments.truth(parts), strict=True):
        as_good_as_torch(*three, rounded=dtype)
    return len(found)


def tails(device: Device, small: bool) -> Judged:
    """`_epilogue`, with and without blur and picture."""
    sizes = ((2, 10, 6, 16),) if small else ((2, 10, 6, 16), (1, 34, 70, 64), (3, 2, 2, 5))
    for dtype, shape, blur in product(HALVES[:1] if small else DTYPES, sizes, (False, True)):
        parts = gpu_arguments.tail(device.name, dtype, shape, blur)
        with naming(f"_epilogue, {dtype}, {shape}, blur {blur}"):
            epilogue(**parts)
            yield "_epilogue", judge(parts, dtype)


def whole_layers(device: Device, small: bool) -> Judged:
    """`_whole_layer`: up = 1 with a picture, up = 2; the style in it, or on its input already."""
    sizes: tuple[tuple[int, ...], ...] = ((2, 10, 18, 24, 32),)
    if not small:
        sizes += ((1, 34, 70, 64, 64), (2, 9, 17, 24, 40), (3, 5, 3, 8, 8))
    for dtype, shape, up, styled in product(
        HALVES[:1] if small else HALVES, sizes, (1, 2), (True, False)
    ):
        parts = gpu_arguments.whole(device.name, dtype, shape, up, styled)
        with naming(f"_whole_layer, {dtype}, {shape}, up {up}, style {styled}"):
            whole_layer(**parts)
            yield f"_whole_layer, up {up}", judge(parts, dtype)
    for up in (1, 2):  # NaN stays where the convolution brings it
        parts = gpu_arguments.whole(device.name, torch.float16, (1, 20, 20, 16, 16), up, True)
        parts["x"][0, 4, 5, 3] = torch.nan
        whole_layer(**parts)
        for ours, true in zip(outputs(parts), gpu_arguments.truth(parts), strict=True):
            same = torch.equal(ours.cpu().isnan(), true.isnan())
            assert same, f"_whole_layer, up {up}: NaN is not where the convolution brings it"
        yield "_whole_layer, NaN", 1


def fragments(device: Device, small: bool) -> Judged:
    """The layout of `mma.sync` and `ldmatrix`: whole numbers, so bit for bit."""
    for dtype, up in product(HALVES, (1, 2)):
        parts = gpu_arguments.integers(device.name, dtype, up)
        whole_layer(**parts)
        (ours,), (true,) = outputs(parts), gpu_arguments.truth(parts)
        wrong = (ours.cpu().double() != true).nonzero()
        assert not len(wrong), (
            f"_whole_layer, {dtype}, up {up}: {len(wrong)} of {true.numel()} whole numbers are "
            f"wrong, first at {wrong[0].tolist()}: a fragment is not where the PTX ISA puts it"
        )
        yield "fragments", 1


def sums(device: Device, small: bool) -> Judged:
    """`_moments`, added to what is there; NaN in its own column and row alone."""
    shapes = ((33, 65),) if small else ((1, 1), (33, 65), (3000, 130))
    for dtype, shape, shifted in product(DTYPES, shapes, (True, False)):
        random = torch.Generator().manual_seed(8)
        x = (1 + gpu_arguments.normal(random, *shape)).to(dtype)
        shift = x[0].float() if shifted else None
        found = _five(shape[1], device.name)
        moments(x.to(device.name), None if shift is None else shift.to(device.name), *found)
        y = x.float() if shift is None else x.float() - shift
        with naming(f"_moments, {dtype}, {shape}, shifted {shifted}"):
            # The tests' rule: a sum that cancels has the rounding of what was summed.
            for ours, exact, size in zip(
                found, squares(x, shift), squares(y.abs(), None), strict=True
            ):
                assert_close(ours.cpu() - 5, exact, size)
        yield "_moments", 2
    x = torch.ones(40, 6)
    x[7, 2] = torch.nan
    sum, products = _five(6, device.name)
    moments(x.to(device.name), None, sum, products)
    alone = int(sum.isnan().sum()), int(products.isnan().sum())
    assert alone == (1, 11), f"_moments: NaN spoils {alone}, not (1, 11) sums and products"
    yield "_moments, NaN", 1


def _five(d: int, device: str) -> tuple[Tensor, Tensor]:
    wide = torch.full((d + 1, d), 5.0, dtype=torch.float64, device=device)
    return wide[0], wide[1:]


def layers(device: Device, small: bool) -> Judged:
    """`_weight_covariance` of layers of several sizes, one empty, one with a row of zeros."""
    for d, normalize in product((65,) if small else (1, 65, 130), (True, False)):
        random = torch.Generator().manual_seed(9)
        weights = [gpu_arguments.normal(random, c, d) for c in (5, 1, 0, 130, *[3] * 20)]
        weights[3][4] = 0
        found = weight_covariance([w.to(device.name) for w in weights], normalize=normalize)
        exact = torch.empty(len(weights), d, d, dtype=torch.float64)
        ends = [0]
        for weight in weights:
            ends.append(ends[-1] + len(weight))
        _weight_covariance.reference(torch.cat(weights), ends, normalize, exact)
        # The reference is float64 itself, so the promise is a number: that of its tests.
        with naming(f"_weight_covariance, D = {d}, normalize {normalize}"):
            torch.testing.assert_close(found.cpu(), exact, rtol=1e-5, atol=1e-5)
        yield "_weight_covariance", 1


def eigenproblems(device: Device, small: bool) -> Judged:
    """`eigh` in a block (n <= 64), and handed to the library: residual and orthogonality <= 1e-5."""
    for n, kind in product((17,) if small else (1, 2, 3, 17, 33, 64, 65), HARD):
        a = HARD[kind](n)
        with naming(f"eigh, {kind}, n = {n}"):
            assert_solved(a, *(part.cpu() for part in ops.eigh(a.to(device.name))))
        yield "eigh", 1
    a = symmetric(3, 12)
    before = [part.cpu() for part in ops.eigh(a.to(device.name))]
    a[1, 4, 2] = torch.nan
    after = [part.cpu() for part in ops.eigh(a.to(device.name))]
    for part, own in zip(after, before, strict=True):
        assert part[1].isnan().all(), "eigh: a matrix that holds NaN must give NaN"
        assert torch.allclose(part[::2], own[::2], atol=1e-4), "eigh: NaN spoils another matrix"
    yield "eigh, NaN", 1
