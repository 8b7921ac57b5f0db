"""Whoever calls the renderers' own operators with garbage gets an error, and no byte outside is read or written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from steerx.ops import _epilogue, _winograd
from steerx.ops._library import has_kernel

pytestmark = pytest.mark.skipif(
    not has_kernel("_epilogue", "CPU"), reason="built without native kernels"
)
FENCE = 64  # elements on either side
BLUR = [0.25, 0.75, 0.75, 0.25]
Sizes = dict[str, tuple[int, ...]]


class Fenced:
    """A tensor between two fences of NaN: what is read outside shows in results, what is written in fences."""

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> None:
        count = torch.Size(shape).numel()
        self.memory = torch.full((count + 2 * FENCE,), float("nan"), dtype=dtype)
        self.tensor = self.memory[FENCE : FENCE + count].view(shape)
        self.tensor.copy_(torch.rand(shape) + 0.5)

    def stands(self) -> bool:
        return bool(self.memory[:FENCE].isnan().all() and self.memory[-FENCE:].isnan().all())


def neighbours(sizes: Sizes) -> list[tuple[str, tuple[int, ...]]]:
    """Every size of every tensor one less, one more, nothing, and one dimension less or more."""
    found = []
    for name, shape in sizes.items():
        others = [shape[1:], (*shape, 1), (1, *shape)]
        for axis in range(len(shape)):
            for size in (0, shape[axis] - 1, shape[axis] + 1):
                others.append((*shape[:axis], size, *shape[axis + 1 :]))
        # A map of noise may serve all samples.
        found += [(name, o) for o in others if o != shape and (name, o) != ("noise", shape[1:])]
    return found


def run(work: Callable[..., None], sizes: Sizes, written: tuple[str, ...], **others: Any) -> bool:
    """Whether the call was taken; nothing outside may have been touched either way."""
    fenced = {name: Fenced(shape) for name, shape in sizes.items()}
    given: dict[str, Tensor] = {name: one.tensor for name, one in fenced.items()}
    try:
        work(**given, **others)
    except RuntimeError:
        taken = False
    else:
        taken = True
        assert all(given[name].isfinite().all() for name in written if name in given)
    assert all(one.stands() for one in fenced.values())
    return taken


N, H, W, O = 2, 4, 6, 24  # noqa: E741
TAIL: Sizes = {
    "demodulation": (N, O),
    "bias": (O,),
    "noise": (N, H, W),
    "noise_strength": (),
    "next_style": (N, O),
    "y": (N, H, W, O),
    "styled": (N, H, W, O),
}
PICTURE: Sizes = {
    "rgb": (N, H, W, 3),
    "rgb_weight": (N, 3, O),
    "rgb_bias": (3,),
    "skip": (N, H // 2, W // 2, 3),
}
EPILOGUES: dict[str, tuple[Sizes, dict[str, Any]]] = {
    "plain": (TAIL | PICTURE | {"x": (N, H, W, O)}, {"skip_taps": BLUR}),
    "blurred": (TAIL | {"x": (N, H + 1, W + 1, O)}, {"blur": BLUR}),
    "shuffled": (
        TAIL | {"x": (N, H // 2 + 1, W // 2 + 1, 4, O)},
        {"blur": BLUR, "shuffled": True},
    ),
}
WRITTEN = ("y", "styled", "rgb")


@pytest.mark.parametrize("form", sorted(EPILOGUES))
def test_epilogue(form: str) -> None:
    sizes, others = EPILOGUES[form]
    assert run(_epilogue.epilogue, sizes, WRITTEN, **others)
    assert run(_epilogue.epilogue, sizes | {"noise": (H, W)}, WRITTEN, **others)
    for name, shape in neighbours(sizes):
        assert not run(_epilogue.epilogue, sizes | {name: shape}, WRITTEN, **others), (name, shape)


@pytest.mark.parametrize("form", sorted(EPILOGUES))
def test_epilogue_of_too_little_for_a_result(form: str) -> None:
    """Without outputs no size is compared: those of x alone may be nothing, or less than nothing."""
    sizes, others = EPILOGUES[form]
    shape = sizes["x"]
    for axis in range(len(shape)):
        for size in (0, 1):
            x = torch.ones(*shape[:axis], size, *shape[axis + 1 :])
            if form == "shuffled" and axis == 3:
                with pytest.raises(RuntimeError, match="shuffled"):
                    _epilogue.epilogue(x, **others)
            else:
                _epilogue.epilogue(x, **others)


def test_sizes_beyond_counting() -> None:
    """N H of an empty tensor is no number of rows to walk through."""
    for shape in ((2**31, 2**31, 0, 8), (2**40, 2**20, 2, 0), (2**62, 1, 1, 0)):
        _epilogue.epilogue(torch.empty(shape))


CONVOLVED: Sizes = {"x": (N, H, W, 16), "weight": (36, 2, 16, 16), "room": (90_000,)}
DOUBLED: Sizes = {
    "x": (N, H // 2, W // 2, 16),
    "weight": (81, 2, 16, 16),
    "room": (90_000,),
    "z": (9_000,),
}


def with_outputs(sizes: Sizes, o: int) -> Sizes:
    return {
        name: tuple(
            o if axis == len(shape) - 1 and size == O else size for axis, size in enumerate(shape)
        )
        for name, shape in sizes.items()
    }


def test_winograd() -> None:
    sizes = with_outputs(TAIL | PICTURE, 32) | CONVOLVED
    others = {"skip_taps": BLUR}
    assert run(_winograd.winograd, sizes, WRITTEN, **others)
    for name, shape in neighbours(sizes):
        if name != "room":
            assert not run(_winograd.winograd, sizes | {name: shape}, WRITTEN, **others), name


def test_winograd_of_an_upsampling_layer() -> None:
    sizes = with_outputs(TAIL, 32) | DOUBLED
    assert run(_winograd.winograd, sizes, WRITTEN, blur=BLUR)
    for name, shape in neighbours(sizes):
        if name not in ("room", "z"):
            taken = run(_winograd.winograd, sizes | {name: shape}, WRITTEN, blur=BLUR)
            assert not taken, name


@pytest.mark.parametrize("h", [32, 33])
@pytest.mark.parametrize("rows", [12, 13, 21])
def test_bands_stay_inside_their_memory(h: int, rows: int) -> None:
    w = 5
    sizes: Sizes = DOUBLED | {"x": (N, h, w, 16), "z": (rows * (2 * w + 1) * 32,)}
    assert run(_winograd.winograd, sizes | {"y": (N, 2 * h, 2 * w, 32)}, WRITTEN, blur=BLUR)


FORMS: dict[str, tuple[Sizes, dict[str, Any]]] = {
    "plain": (CONVOLVED, {}),
    "transposed": (DOUBLED, {"blur": BLUR}),
}


@pytest.mark.parametrize(
    ("form", "memory"), [("plain", "room"), ("transposed", "room"), ("transposed", "z")]
)
def test_memory_of_any_size_is_enough_or_refused(form: str, memory: str) -> None:
    sizes, others = FORMS[form]
    sizes = sizes | {"y": (N, H, W, 32)}
    counts = range(0, sizes[memory][0], 1_999 if memory == "room" else 127)
    taken = [run(_winograd.winograd, sizes | {memory: (c,)}, WRITTEN, **others) for c in counts]
    assert taken == sorted(taken) and not taken[0] and taken[-1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.int32, torch.complex64, torch.bool])
def test_other_dtypes(dtype: torch.dtype) -> None:
    plain = (TAIL | PICTURE | {"x": (N, H, W, O)}, _epilogue.epilogue, {"skip_taps": BLUR})
    for sizes, work, others in (plain, (DOUBLED, _winograd.winograd, {"blur": BLUR})):
        for name in sizes:
            given = {n: torch.ones(shape) for n, shape in sizes.items()}
            given[name] = given[name].to(dtype)
            with pytest.raises(RuntimeError):
                work(**given, **others)  # type: ignore[operator]


def test_results_that_lie_on_each_other_or_on_inputs_stay_inside() -> None:
    x = Fenced((N, H, W, O))
    _epilogue.epilogue(x.tensor, y=x.tensor, styled=x.tensor, next_style=torch.ones(N, O))
    assert x.stands() and x.tensor.isfinite().all()
    for view in (x.tensor.transpose(1, 2), x.tensor[..., ::2], x.tensor[:, :1].expand(N, H, W, O)):
        with pytest.raises(RuntimeError, match="contiguous"):
            _epilogue.epilogue(view)
        with pytest.raises(RuntimeError, match="y has another type, size, layout"):
            _epilogue.epilogue(torch.ones(view.shape), y=view)
