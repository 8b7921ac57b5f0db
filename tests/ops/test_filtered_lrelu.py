from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from steerx import ops
from steerx.ops._library import has_kernel

from .tolerance import in_dtype

DIFFERENTIABLE = (0, 1)
SQRT2 = math.sqrt(2)


def samples(dtype: torch.dtype) -> Iterator[tuple[Any, ...]]:
    def draw(*size: int) -> Tensor:
        return torch.randn(size, dtype=dtype)

    x, bias = draw(2, 3, 5, 4), draw(3)
    yield x, bias, draw(6), draw(4), 2, 2, [4, 3, 3, 4], 0.2, SQRT2, 1.5
    yield x, None, draw(3, 3), draw(2, 2), 3, 1, [1, 2, 0, -2], 0.5, 2.0, None
    yield x, bias, None, None, 1, 1, [-1, 0, 2, 1], 1.0, 1.0, 0.8


def empty(dtype: torch.dtype) -> tuple[Any, ...]:
    x, bias, taps = (torch.randn(s, dtype=dtype) for s in ((0, 3, 5, 4), (3,), (4,)))
    return x, bias, taps, taps, 2, 2, [3, 2] * 2, 0.2, SQRT2, None


def by_loops(
    x: Tensor,
    first: Tensor,
    last: Tensor,
    up: int,
    down: int,
    padding: tuple[int, ...],
    clamp: float,
) -> Tensor:
    """One picture [H, W], pixel by pixel: up, activation, down."""
    left, right, top, bottom = padding

    def at(picture: Tensor, row: int, column: int) -> float:
        inside = 0 <= row < picture.shape[0] and 0 <= column < picture.shape[1]
        return float(picture[row, column]) if inside else 0.0

    def wide(row: int, column: int) -> float:
        row, column = row - top, column - left
        return 0.0 if row % up or column % up else at(x, row // up, column // up) * up**2

    t, s = len(first), len(last)
    size = [n * up + a - t + 1 for n, a in zip(x.shape, (top + bottom, left + right), strict=True)]
    middle = torch.zeros(size, dtype=x.dtype)
    for row in range(size[0]):
        for column in range(size[1]):
            value = sum(
                float(first[t - 1 - i] * first[t - 1 - j]) * wide(row + i, column + j)
                for i in range(t)
                for j in range(t)
            )
            value = SQRT2 * (value if value > 0 else 0.2 * value)
            middle[row, column] = max(-clamp, min(clamp, value))
    out = torch.zeros([(n - s) // down + 1 for n in size], dtype=x.dtype)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            out[row, column] = sum(
                float(last[s - 1 - i] * last[s - 1 - j] * middle[row * down + i, column * down + j])
                for i in range(s)
                for j in range(s)
            )
    return out


@pytest.mark.parametrize("padding", [(3, 2, 2, 4), (-1, 3, 4, 0)])
def test_pixel_by_pixel(padding: tuple[int, int, int, int]) -> None:
    x, bias = torch.randn(1, 2, 5, 4).double(), torch.randn(2).double()
    first, last = torch.randn(5).double(), torch.randn(3).double()
    y = ops.filtered_lrelu(
        x, bias, up_filter=first, down_filter=last, up=2, down=2, padding=padding, clamp=1.5
    )
    for c in range(2):
        expected = by_loops(x[0, c] + bias[c], first, last, 2, 2, padding, 1.5)
        torch.testing.assert_close(y[0, c], expected)


def test_one_filter_for_both_directions_is_its_outer_product() -> None:
    x, taps = torch.randn(2, 3, 6, 7), torch.randn(4)
    way: dict[str, Any] = {"up": 2, "down": 2, "padding": (2, 3, 4, 1)}
    one = ops.filtered_lrelu(x, up_filter=taps, down_filter=taps, **way)
    both = ops.filtered_lrelu(x, up_filter=taps.outer(taps), down_filter=taps.outer(taps), **way)
    torch.testing.assert_close(one, both, rtol=1e-4, atol=1e-4)


def test_without_filters_it_is_an_activation() -> None:
    x, bias = torch.randn(2, 3, 5, 4), torch.randn(3)
    y = ops.filtered_lrelu(x, bias, slope=0.3, gain=2.0, clamp=1.0)
    torch.testing.assert_close(y, ops.bias_act(x, bias, slope=0.3, gain=2.0, clamp=1.0))


def test_backward_keeps_the_input_alone() -> None:
    x, taps = torch.randn(1, 2, 8, 8, requires_grad=True), torch.randn(6)
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        ops.filtered_lrelu(x, up_filter=taps, down_filter=taps, up=4, down=2, padding=(8,) * 4)
    assert max(t.numel() for t in kept) == x.numel()


@pytest.mark.parametrize(
    "change, said",
    [
        ({"bias": torch.randn(2)}, r"bias must be \[C\] with C = 3"),
        ({"up_filter": torch.randn(2, 3)}, r"up_filter must be \[t\] or \[t, t\]"),
        ({"down_filter": torch.randn(0)}, r"down_filter must be \[t\] or \[t, t\]"),
        ({"up": 0}, "up and down must be 1 or more"),
        ({"padding": (1, 2)}, "padding must be"),
        ({"down_filter": torch.randn(9)}, "smaller than its filters"),
        ({"up_filter": torch.randn(9)}, "smaller than its filters"),
        ({"gain": 0.0}, "gain must be a positive finite number"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"filtered_lrelu: .*{said}"):
        ops.filtered_lrelu(torch.randn(1, 3, 5, 5), **change)
    taps = torch.randn(3, requires_grad=True)
    y = ops.filtered_lrelu(torch.randn(1, 3, 5, 5), up_filter=taps)
    with pytest.raises(RuntimeError, match="filters are constants"):
        y.sum().backward()


NATIVE = pytest.mark.skipif(
    ops.backend("filtered_lrelu") == "reference", reason="no native library"
)
ISAS = ("baseline", "avx2", "avx512")


def held(isa: str) -> None:
    try:
        ops.hold_isa(isa)  # type: ignore[arg-type]
    except ValueError:
        pytest.skip(f"this machine does not run {isa}")


def taps(*size: int) -> Tensor:
    return torch.randn(size) / math.prod(size)


@NATIVE
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("up, down", list(itertools.product((1, 2, 4), (1, 2, 4))))
def test_every_rate_and_filter_on_every_instruction_set(isa: str, up: int, down: int) -> None:
    operator = ops.REGISTRY["filtered_lrelu"]
    held(isa)
    try:
        for first, last in itertools.product(
            (None, taps(6 * up), taps(5, 5)), (None, taps(6 * down), taps(7, 7))
        ):
            for size, padding, clamp in (
                ((17, 13, 10), [12, 11, 13, 14], None),
                ((2, 8, 41), [-3, 28, 26, -1], 0.2),
            ):
                x, bias = torch.randn(2, *size), torch.randn(size[0])
                args = (x, bias, first, last, up, down, padding, 0.2, SQRT2, clamp)
                y, truth = operator.call(*args), operator.reference(*in_dtype(args, torch.float64))
                error, largest = (y - truth).abs().max(), truth.abs().max()
                assert error <= 8 * torch.finfo(torch.float32).eps * largest
    finally:
        ops.hold_isa(None)


def stylegan3_like(*size: int) -> tuple[Tensor, dict[str, Any]]:
    options = {"up_filter": taps(12), "down_filter": taps(12), "up": 2, "down": 2, "clamp": 1.0}
    return torch.randn(size), {"padding": (9, 12, 10, 11), **options}


@NATIVE
def test_bits_depend_on_neither_batch_nor_threads_nor_layout() -> None:
    x, options = stylegan3_like(3, 21, 70, 150)
    bias, threads = torch.randn(21), torch.get_num_threads()
    y = ops.filtered_lrelu(x, bias, **options)
    for one, alone in zip(x, y, strict=True):
        assert torch.equal(ops.filtered_lrelu(one[None], bias, **options)[0], alone)
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            assert torch.equal(ops.filtered_lrelu(x[:1, :3], bias[:3], **options), y[:1, :3])
    finally:
        torch.set_num_threads(threads)
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(ops.filtered_lrelu(last, bias, **options), y)
    wide = torch.zeros(3, 21, 72, 300)
    wide[:, :, 1:-1, ::2] = x
    for view in (wide[:, :, 1:-1, ::2], x.mT.contiguous().mT, last[:, 1:]):
        expected = ops.filtered_lrelu(view.contiguous(), **options)
        assert torch.equal(ops.filtered_lrelu(view, **options), expected)


@NATIVE
def test_strange_values_reach_as_far_as_in_the_reference() -> None:
    x, options = stylegan3_like(1, 2, 20, 20)
    x[0, 0, 4, 5], x[0, 1, 7, 9] = torch.nan, torch.inf
    down = options["down_filter"] = taps(6).abs()
    args = (x, None, options["up_filter"].abs(), down, 2, 2, [9, 12, 10, 11], 0.2, SQRT2, None)
    ours, plain = ops.filtered_lrelu(x, **options), ops.REGISTRY["filtered_lrelu"].reference(*args)
    assert 0 < ours.isnan().sum() < ours.numel() / 2
    assert torch.equal(ours[:, 0].isnan(), plain[:, 0].isnan())
    assert ours[:, 1].isfinite().all()  # clamped
    ours = ops.REGISTRY["filtered_lrelu"].call(*args)
    assert torch.equal(ours.isinf(), plain.isinf())
    assert ours.isinf().any()


@NATIVE
@pytest.mark.parametrize(
    "position, wrong",
    [
        (0, torch.randn(3, 5, 5)),
        (0, torch.ones(1, 3, 5, 5, dtype=torch.int64)),
        (1, torch.randn(2)),
        (1, torch.randn(3, 1)),
        (2, torch.randn(2, 3)),
        (2, torch.randn(0)),
        (2, torch.randn(10)),
        (3, torch.randn(1, 1, 1)),
        (3, torch.randn(10)),
        (4, 0),
        (4, 2**40),
        (5, -1),
        (6, [1, 2]),
        (6, [-3, -3, 0, 0]),
        (6, [2**62, 2**62, 0, 0]),
    ],
)
def test_memory_is_protected_below_python(position: int, wrong: object) -> None:
    args: list[Any] = [torch.randn(1, 3, 5, 5), torch.randn(3), None, None, 1, 1, [0] * 4, 0.2, 1.0]
    args[position] = wrong
    with pytest.raises(RuntimeError, match="filtered_lrelu: "):
        torch.ops.steerx.filtered_lrelu(*args, None)


@pytest.mark.skipif(not has_kernel("filtered_lrelu", "CPU"), reason="no native library")
def test_a_room_beyond_counting_is_refused() -> None:
    """Each of these sizes alone is allowed."""
    taps, rate, threads = 2_097_474, 500_000_000, torch.get_num_threads()
    x, filter = torch.empty(1, 1, 1, 1), torch.zeros(taps)
    padding = [0, 2 * rate + taps - 1, taps, 0]
    try:
        torch.set_num_threads(64)
        with pytest.raises(RuntimeError, match="filtered_lrelu: filters too long"):
            torch.ops.steerx.filtered_lrelu(x, None, filter, None, 1, rate, padding, 0.2, 1.0, None)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_no_pixels(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"filtered_lrelu: x"):
        ops.filtered_lrelu(torch.ones(1, 1, *size), padding=(9, 9, 9, 9))
