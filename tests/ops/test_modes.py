"""Operators under torch's modes: autocast, inference, a second shape of a compiled call, bad numbers."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from steerx import ops

from .test_contract import NAMES, asking, op, parts, sample

REGISTERED = {name: importlib.import_module(f"steerx.ops._{name}") for name in NAMES}


@op
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_leaves_numbers_and_gradients_alone(name: str, dtype: torch.dtype) -> None:
    call = ops.REGISTRY[name].call
    args = asking(name, sample(name, 0))
    asked = [a for a in args if isinstance(a, Tensor) and a.requires_grad]

    def results() -> list[Tensor]:
        outputs = parts(call(*args))
        total = sum(y.sum() for y in outputs)
        assert isinstance(total, Tensor)
        return [*outputs, *torch.autograd.grad(total, asked)]

    plain = results()
    with torch.autocast("cpu", dtype=dtype):
        inside = results()
        # The mode itself is at work here: what is no operator of ours is rounded.
        assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == dtype
    for one, two in zip(inside, plain, strict=True):
        assert one.dtype == two.dtype and torch.equal(one, two)


@op
def test_autocast_in_a_compiled_graph(name: str) -> None:
    torch._dynamo.reset()
    call, args = ops.REGISTRY[name].call, sample(name, 0)
    compiled = torch.compile(lambda *a: call(*a), fullgraph=True, backend="aot_eager")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = parts(compiled(*args))
    for one, two in zip(found, parts(call(*args)), strict=True):
        assert one.dtype == two.dtype
        torch.testing.assert_close(one, two)


@op
def test_inference_mode_and_no_grad_give_the_same_numbers(name: str) -> None:
    call, args = ops.REGISTRY[name].call, asking(name, sample(name, 0))
    plain = parts(call(*args))
    for mode in (torch.inference_mode, torch.no_grad):
        with mode():
            for one, two in zip(parts(call(*args)), plain, strict=True):
                assert torch.equal(one, two) and not one.requires_grad


@op
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_bad_sample_spoils_no_other(name: str, bad: float) -> None:
    """Weights are shared, samples are not: what is no number in one image stays in that image."""
    call, args = ops.REGISTRY[name].call, sample(name, 0)
    x = args[0]
    if x.dim() < 3 or len(x) < 2:
        pytest.skip("the first argument holds no images")
    spoiled = x.clone()
    spoiled[0].view(-1)[::3] = bad
    one, two = parts(call(spoiled, *args[1:])), parts(call(x, *args[1:]))
    for after, before in zip(one, two, strict=True):
        assert not after[0].isfinite().all() or name == "bias_act"  # a clamp hides infinity
        torch.testing.assert_close(after[1:], before[1:], rtol=1e-5, atol=1e-5)


@op
@pytest.mark.filterwarnings("ignore:.*batching rule:UserWarning")
def test_function_transforms_are_right_or_refused(name: str) -> None:
    """vmap goes row by row; torch.func's gradients have no formula here, and say so."""
    call, (first, *others) = REGISTERED[name]._call, sample(name, 0)
    each = torch.vmap(lambda x: parts(call(x, *others)))(torch.stack((first, 2 * first)))
    for scale in (1, 2):
        for found, plain in zip(each, parts(call(scale * first, *others)), strict=True):
            torch.testing.assert_close(found[scale - 1], plain, rtol=1e-5, atol=1e-5)
    with pytest.raises(RuntimeError, match="functorch transforms"):
        torch.func.grad(lambda x: parts(call(x, *others))[0].sum())(first)


@op
def test_four_threads_at_once_give_the_same_bits(name: str) -> None:
    call, args = ops.REGISTRY[name].call, sample(name, 0)
    alone = parts(call(*args))
    with ThreadPoolExecutor(4) as pool:
        for results in pool.map(lambda _: parts(call(*args)), range(16)):
            assert all(map(torch.equal, results, alone))


@op
def test_rows_of_one_memory_are_rows(name: str) -> None:
    """An expanded argument has a stride of 0; what reads by address must not go on behind it."""
    call, (first, *others) = ops.REGISTRY[name].call, sample(name, 0)
    one = first[:1].expand(first.shape)
    assert one.stride(0) == 0
    for found, plain in zip(
        parts(call(one, *others)), parts(call(one.contiguous(), *others)), strict=True
    ):
        torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-5)
