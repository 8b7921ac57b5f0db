"""Layers for matrix units: their reference by any means, in the same bits however they are cut."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from steerx.ops import _direct, _library, hold_isa

needs_kernels = pytest.mark.skipif(
    not _library.has_kernel("_direct", "CPU"), reason="no native library"
)
BLUR = [0.25, 0.75, 0.75, 0.25]


def layer(up: bool, *, n: int = 3, h: int = 6, w: int = 70, o: int = 96) -> dict[str, Any]:
    """Arguments of a layer of 64 to O channels with everything in its tail."""
    torch.manual_seed(0)
    times = 2 if up else 1
    size = (n, times * h, times * w)
    given: dict[str, Any] = {
        "x": torch.randn(n, h, w, 64).bfloat16(),
        "weight": _direct.packed(torch.randn(o, 64, 3, 3), up=up),
        "blur": BLUR if up else None,
        "demodulation": 0.05 * torch.rand(n, o),
        "bias": torch.randn(o),
        "sample_ids": torch.tensor([7, 1, 1 << 40])[:n],
        "noise_key": -5,
        "noise_strength": torch.tensor(0.3),
        "clamp": 1.5,
        "next_style": torch.randn(n, o),
    }
    if not up:
        given |= {
            "rgb_weight": torch.randn(n, 3, o),
            "rgb_bias": torch.randn(3),
            "rgb_clamp": 4.0,
            "skip": torch.randn(n, h // 2, w // 2, 3),
            "skip_taps": BLUR,
            "rgb": torch.full((*size, 3), torch.nan),
        }
    made = torch.full((*size, o), torch.nan, dtype=torch.bfloat16)
    return given | {"y": made, "styled": made.clone()}


def made_by(call: Any, given: dict[str, Any], floats: int | None = None) -> dict[str, torch.Tensor]:
    written = {name: given[name].clone() for name in ("y", "styled", "rgb") if name in given}
    every = given | written
    x, weight, blur = (every.pop(name) for name in ("x", "weight", "blur"))
    room = torch.empty(floats or _direct.room(64, torch.get_num_threads()))
    call(x, weight, room, blur, *_direct._epilogue.tail_values("_direct", every))
    return written


@pytest.mark.parametrize("up", [False, True])
def test_a_weight_is_unpacked_to_what_was_packed(up: bool) -> None:
    weight = torch.randn(64, 96, 3, 3).bfloat16()
    packed = _direct.packed(weight, up=up)
    assert packed.shape == (2, 27, 2, 16, 16, 2) and packed.is_contiguous()
    assert torch.equal(_direct.unpacked(packed, up=up), weight.float())


@pytest.mark.parametrize("up", [False, True])
def test_the_layer_is_the_convolution(up: bool) -> None:
    given = layer(up)
    x, weight = given["x"].double(), _direct.unpacked(given["weight"], up=up).double()
    y = torch.full_like(given["y"], torch.nan)
    room = torch.empty(_direct.room(64, torch.get_num_threads()))
    _direct.direct(given["x"], given["weight"], room, blur=given["blur"], slope=1.0, gain=1.0, y=y)
    if up:
        z = conv_transpose2d(x.permute(0, 3, 1, 2), weight.transpose(0, 1), stride=2)
        taps = torch.outer(torch.tensor(BLUR), torch.tensor(BLUR)).double()
        z = conv2d(z.transpose(0, 1).flatten(0, 1)[:, None], taps[None, None], padding=1)
        z = z.view(96, 3, *z.shape[2:]).transpose(0, 1)
    else:
        z = conv2d(x.permute(0, 3, 1, 2), weight, padding=1)
    truth = z.permute(0, 2, 3, 1)
    assert (y - truth).norm() <= 2e-3 * truth.norm()  # that of rounding y, once


@needs_kernels
@pytest.mark.parametrize("up", [False, True])
def test_the_kernel_is_its_reference(up: bool) -> None:
    given = layer(up)
    found, expected = (made_by(call, given) for call in (_direct._call, _direct.reference))
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, expected[name], rtol=2e-2, atol=2e-2)


@needs_kernels
@pytest.mark.parametrize("up", [False, True])
def test_the_bits_depend_neither_on_the_batch_nor_on_threads_nor_on_room(up: bool) -> None:
    given = layer(up)
    whole, threads = made_by(_direct._call, given), torch.get_num_threads()
    of_samples = {"x", "demodulation", "sample_ids", "next_style", "rgb_weight", "skip"} | set(
        whole
    )
    for n in range(3):
        one = {k: v[n : n + 1] if k in of_samples and k in given else v for k, v in given.items()}
        for name, tensor in made_by(_direct._call, one).items():
            assert torch.equal(tensor[0], whole[name][n])
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            for floats in (_direct.room(64, count), count * 65_000, 4 * _direct.room(64, count)):
                for name, tensor in made_by(_direct._call, given, floats).items():
                    assert torch.equal(tensor, whole[name])
    finally:
        torch.set_num_threads(threads)


@needs_kernels
@pytest.mark.parametrize("up", [False, True])
def test_threads_that_share_a_small_layer_by_its_outputs_make_all_of_them(up: bool) -> None:
    """Two pieces of five blocks: in shares of 3 and 2 by two threads, 2, 2 and 1 by three, of one each by eight."""
    given, threads = layer(up, n=2, h=4, w=8, o=160), torch.get_num_threads()
    given = {k: v for k, v in given.items() if k != "rgb"}  # which needs all outputs in one piece
    try:
        torch.set_num_threads(1)
        whole = made_by(_direct._call, given)
        for count in (2, 3, 8):
            torch.set_num_threads(count)
            for name, tensor in made_by(_direct._call, given).items():
                assert torch.equal(tensor, whole[name])
    finally:
        torch.set_num_threads(threads)


@needs_kernels
def test_what_would_harm_memory_is_refused() -> None:
    given = layer(False)
    x, weight, y = given["x"], given["weight"], given["y"]
    room = torch.empty(_direct.room(64, torch.get_num_threads()))
    shifted = torch.empty(weight.numel() + 1, dtype=torch.bfloat16)[1:].view(weight.shape)
    rgb = {"rgb": given["rgb"], "rgb_weight": given["rgb_weight"]}
    refused: list[tuple[str, tuple[torch.Tensor, ...], dict[str, Any]]] = [
        ("x must be", (x.float(), weight, room), {"y": y}),
        ("x must be", (x[..., :48], weight, room), {"y": y}),
        ("x must be", (x.transpose(1, 2), weight, room), {"y": y}),
        ("weight must be", (x, weight[:, 1:], room), {"y": y}),
        ("weight must be", (x, weight.float(), room), {"y": y}),
        ("at a multiple of 64 bytes", (x, shifted, room), {"y": y}),
        ("room is too small", (x, weight, room[:9999]), {"y": y}),
        ("room must be", (x, weight, room.double()), {"y": y}),
        ("y has another", (x, weight, room), {"y": y[:, 1:]}),
        ("y has another", (x, weight, room), {"y": y.float()}),
        ("rgb goes with no blur", (x, weight, room), {"blur": BLUR} | rgb),
        ("four numbers", (x, weight, room), {"blur": [1.0], "y": y}),
    ]
    for message, tensors, tail in refused:
        with pytest.raises(RuntimeError, match=message):
            _direct.direct(*tensors, **tail)
    _direct.direct(x[:0], weight, room, y=y[:0])


@needs_kernels
def test_kernels_held_to_a_set_without_matrix_units_multiply_by_floats() -> None:
    given = layer(True, n=1, h=2, w=5)
    whole = made_by(_direct._call, given)
    try:
        for isa in ("baseline", None):
            hold_isa(isa)  # type: ignore[arg-type]
            assert not (isa and _direct.fast())
            for name, tensor in made_by(_direct._call, given).items():
                torch.testing.assert_close(tensor, whole[name], rtol=1e-2, atol=1e-2)
    finally:
        hold_isa(None)
