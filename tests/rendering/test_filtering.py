"""The filtering of the native renderer, and the pass behind it: their references, any batch, bands and threads."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from steerx.ops import _epilogue, _library, _winograd

BUILT = _library.has_kernel("_winograd", "CPU")
needs_kernels = pytest.mark.skipif(not BUILT, reason="no native library")
FORMS: tuple[_winograd.WinogradForm, ...] = ("plain", "transposed")
BLUR = [0.2, 0.8, 0.8, 0.2]


def problem(form: _winograd.WinogradForm, n: int = 3) -> tuple[Any, ...]:
    """x [N, H, W, I], a weight at its points, room for the kernels, the truth: convolved, and blurred."""
    torch.manual_seed(0)
    x, weight = torch.randn(n, 10, 7, 48), torch.randn(32, 48, 3, 3)
    nchw = x.permute(0, 3, 1, 2).double()
    if form == "plain":
        truth = conv2d(nchw, weight.double(), padding=1)
    else:
        truth = conv_transpose2d(nchw, weight.double().transpose(0, 1), stride=2)
        taps = torch.tensor(BLUR, dtype=torch.float64)
        blur = torch.outer(taps, taps).expand(32, 1, 4, 4)
        truth = conv2d(truth, blur, padding=1, groups=32)
    room = torch.empty(_winograd.room(form, 32, 48, torch.get_num_threads()))
    return x, _winograd.transformed(weight, form), room, truth.permute(0, 2, 3, 1)


def convolved(
    form: _winograd.WinogradForm,
    x: torch.Tensor,
    points: torch.Tensor,
    room: torch.Tensor,
    floats: int | None = None,
) -> torch.Tensor:
    """Without a tail; in bands of as much as `floats` hold."""
    n, h, w, _ = x.shape
    up = 2 if form == "transposed" else 1
    y = torch.full((n, up * h, up * w, 32), torch.nan)
    z, blur = None, None
    if form == "transposed":
        asked = _winograd.band(tuple(x.shape), 32, torch.get_num_threads())
        z, blur = torch.empty(floats or asked), BLUR
    _winograd.winograd(x, points, room, z, blur=blur, slope=1.0, gain=1.0, y=y)
    return y


@pytest.mark.parametrize("form", FORMS)
def test_filtering_is_the_convolution(form: _winograd.WinogradForm) -> None:
    x, points, room, truth = problem(form)
    assert (convolved(form, x, points, room) - truth).norm() <= 2e-6 * truth.norm()


@pytest.mark.parametrize("form", FORMS)
def test_its_reference_is_the_convolution(form: _winograd.WinogradForm) -> None:
    x, points, _, truth = problem(form)
    y = torch.empty(truth.shape)
    values = _epilogue.tail_values("", {"slope": 1.0, "gain": 1.0, "y": y})
    blur = BLUR if form == "transposed" else None
    _winograd.reference(x, points, torch.empty(0), None, blur, *values)
    assert (y - truth).norm() <= 1e-6 * truth.norm()


@needs_kernels
@pytest.mark.parametrize("form", FORMS)
def test_kernels_give_the_same_bits_for_any_batch_thread_count_and_room(
    form: _winograd.WinogradForm,
) -> None:
    x, points, room, _ = problem(form, 5)
    whole, threads = convolved(form, x, points, room), torch.get_num_threads()
    singles = [convolved(form, row[None], points, room) for row in x]
    assert torch.equal(torch.cat(singles), whole)
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            for floats in (room.numel() * count, 2 * _winograd.room(form, 32, 48, count) // 3):
                assert torch.equal(convolved(form, x, points, torch.empty(floats)), whole)
    finally:
        torch.set_num_threads(threads)


@needs_kernels
@pytest.mark.parametrize(("h", "w"), [(32, 5), (33, 4), (2, 3), (35, 1)])
def test_bands_of_any_size_give_the_same_bits(h: int, w: int) -> None:
    torch.manual_seed(2)
    x, weight = torch.randn(3, h, w, 16), torch.randn(32, 16, 3, 3)
    points = _winograd.transformed(weight, "transposed")
    room = torch.empty(_winograd.room("transposed", 32, 16, torch.get_num_threads()))
    row, sample = (2 * w + 1) * 32, (2 * h + 1) * (2 * w + 1) * 32
    whole = convolved("transposed", x, points, room, 3 * sample)
    assert whole.isfinite().all()
    for floats in (12 * row, 13 * row, 21 * row, 36 * row, sample, 2 * sample + 1, 9 * sample):
        assert torch.equal(convolved("transposed", x, points, room, floats), whole), floats
    if 11 * row < sample:
        with pytest.raises(RuntimeError, match="z is too small"):
            convolved("transposed", x, points, room, 11 * row)


def test_bands_hold_what_all_threads_work_on() -> None:
    row = 257 * 64
    assert _winograd.band((8, 128, 128, 128), 64, 1) == (8 * 3 + 4) * row
    assert _winograd.band((8, 128, 128, 128), 64, 2) == (8 * 6 + 4) * row
    assert _winograd.band((1, 128, 128, 128), 64, 99) == 257 * row  # a whole sample
    assert _winograd.band((8, 32, 32, 512), 512, 1) == 65 * 65 * 512
    assert _winograd.band((8, 32, 32, 512), 512, 2) == 3 * 65 * 65 * 512


@needs_kernels
@pytest.mark.parametrize("blur", [None, "pixels", "phases"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_pass_is_its_reference(blur: str | None, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    n, h, w, o = 3, 6, 10, 21
    shape = {None: (n, h, w, o), "pixels": (n, h + 1, w + 1, o)}.get(
        blur, (n, h // 2 + 1, w // 2 + 1, 4, o)
    )
    given: dict[str, Any] = {
        "blur": None if blur is None else [0.25, 0.75, 0.75, 0.25],
        "shuffled": blur == "phases",
        "demodulation": torch.randn(n, o),
        "bias": torch.randn(o),
        "sample_ids": torch.tensor([7, 1, 1 << 40]),
        "noise_key": -5,
        "noise_strength": torch.tensor(0.3),
        "clamp": 1.5,
        "next_style": torch.randn(n, o),
    }
    if blur is None:
        given |= {
            "rgb_weight": torch.randn(n, 3, o),
            "rgb_bias": torch.randn(3),
            "rgb_clamp": 4.0,
            "skip": torch.randn(n, h // 2, w // 2, 3),
            "skip_taps": [0.25, 0.75, 0.75, 0.25],
        }
    x = torch.randn(shape).to(dtype)
    results = []
    for call in (_epilogue._call, _epilogue.reference):
        made = {"y": torch.full((n, h, w, o), torch.nan, dtype=dtype)}
        made["styled"] = made["y"].clone()
        if blur is None:
            made["rgb"] = torch.full((n, h, w, 3), torch.nan)
        names = [a.split()[-1].split("=")[0] for a in _epilogue.SCHEMA.split(", ")]
        names[-1] = "rgb"
        defaults = {"slope": 0.2, "gain": 2.0}
        every = defaults | given | made
        call(x, *(every.get(name) for name in names[1:]))
        results.append(made)
    for name, found in results[0].items():
        allowed = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}[dtype]
        torch.testing.assert_close(found, results[1][name], rtol=allowed, atol=allowed)


@needs_kernels
def test_kernels_refuse_what_would_harm_memory() -> None:
    x, points, room, _ = problem("plain")
    y = torch.empty(3, 10, 7, 32)
    refused: list[tuple[str, tuple[torch.Tensor, ...], dict[str, Any]]] = [
        ("x must be", (x.double(), points, room), {"y": y}),
        ("x must be", (x.transpose(1, 2), points, room), {"y": y}),
        ("weight must be", (x, points[:, :, 1:], room), {"y": y}),
        ("room is too small", (x, points, room[:99]), {"y": y}),
        ("y has another", (x, points, room), {"y": y[:, 1:]}),
        ("styled needs next_style", (x, points, room), {"styled": y}),
    ]
    for message, tensors, tail in refused:
        with pytest.raises(RuntimeError, match=message):
            _winograd.winograd(*tensors, **tail)
    with pytest.raises(TypeError, match="no argument colour"):
        _winograd.winograd(x, points, room, colour=1)
    up, z, y = _winograd.transformed(torch.ones(32, 48, 3, 3), "transposed"), torch.empty(99_999), y
    for message, given in {
        "z goes with a blur": {"z": None},
        "z must be float32": {"z": z.double()},
        "rgb goes with no blur": {"rgb": y[..., :3], "rgb_weight": torch.ones(3, 3, 32)},
        "z is too small": {"z": z[:99]},
        "room is too small": {"room": room[:99]},
        "y has another": {"y": y},
    }.items():
        arguments: dict[str, Any] = {"x": x, "weight": up, "room": room, "z": z, "blur": BLUR}
        with pytest.raises(RuntimeError, match=message):
            _winograd.winograd(**arguments | given)
