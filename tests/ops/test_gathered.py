"""Small layers as one product: the convolution, in the same bits however the work is cut."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from steerx.ops import _gathered, _library

needs_kernels = pytest.mark.skipif(
    not _library.has_kernel("_gathered", "CPU"), reason="no native library"
)


def problem(transposed: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x [N, H, W, I], a packed weight, the convolution's truth in phases."""
    torch.manual_seed(0)
    x, weight = torch.randn(3, 5, 9, 32), torch.randn(48, 32, 3, 3)
    nchw = x.permute(0, 3, 1, 2).double()
    packed = _gathered.packed(weight, transposed=transposed)
    if not transposed:
        return x, packed, conv2d(nchw, weight.double(), padding=1).permute(0, 2, 3, 1)
    doubled = conv_transpose2d(nchw, weight.double().transpose(0, 1), stride=2)
    whole = torch.nn.functional.pad(doubled, (0, 1, 0, 1)).permute(0, 2, 3, 1)
    return x, packed, whole.view(3, 6, 2, 10, 2, 48).transpose(2, 3).flatten(3, 4)


def gathered(
    x: torch.Tensor, weight: torch.Tensor, transposed: bool, floats: int | None = None
) -> torch.Tensor:
    n, h, w, _ = x.shape
    z = torch.full((n, h + 1, w + 1, 4, 48) if transposed else (n, h, w, 48), torch.nan)
    room = torch.empty(floats or _gathered.room(32))
    _gathered.gathered(x, weight, room, z, transposed=transposed)
    return z


@pytest.mark.parametrize("transposed", [False, True])
def test_it_is_the_convolution(transposed: bool) -> None:
    x, weight, truth = problem(transposed)
    found = gathered(x, weight, transposed)
    assert (found - truth).norm() <= 1e-6 * truth.norm()
    z = torch.full_like(found, torch.nan)
    _gathered.reference(x, weight, x, transposed, z)
    assert (z - truth).norm() <= 1e-6 * truth.norm()


@pytest.mark.parametrize("transposed", [False, True])
def test_a_weight_is_unpacked_to_what_was_packed(transposed: bool) -> None:
    weight = torch.randn(32, 48, 3, 3)
    packed = _gathered.packed(weight, transposed=transposed)
    assert torch.equal(_gathered.unpacked(packed, 48, transposed=transposed), weight)


@needs_kernels
@pytest.mark.parametrize("transposed", [False, True])
def test_the_bits_depend_neither_on_the_batch_nor_on_threads_nor_on_room(transposed: bool) -> None:
    x, weight, _ = problem(transposed)
    whole, threads = gathered(x, weight, transposed), torch.get_num_threads()
    singles = [gathered(row[None], weight, transposed) for row in x]
    assert torch.equal(torch.cat(singles), whole)
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            for rows in (12, 25, 4000):
                assert torch.equal(gathered(x, weight, transposed, rows * 9 * 32), whole)
    finally:
        torch.set_num_threads(threads)


@needs_kernels
def test_what_would_harm_memory_is_refused() -> None:
    x, weight, _ = problem(False)
    z, room = torch.empty(3, 5, 9, 48), torch.empty(_gathered.room(32))
    refused = [
        ("x must be", (x.double(), weight, room, z)),
        ("x must be", (x[..., :24], weight, room, z)),
        ("x must be", (x.transpose(1, 2), weight, room, z)),
        ("O a multiple of 16", (x, weight[: 9 * 32 * 8], room, z)),
        ("O a multiple of 16", (x, weight[1:], room, z)),
        ("weight has another", (x, weight.double(), room, z)),
        ("room is too small", (x, weight, room[:999], z)),
        ("room has another", (x, weight, room.double(), z)),
        ("z has another", (x, weight, room, z[..., :32])),
    ]
    for message, tensors in refused:
        with pytest.raises(RuntimeError, match=message):
            _gathered.gathered(*tensors, transposed=False)
    _gathered.gathered(x[:0], weight, room, z[:0], transposed=False)
