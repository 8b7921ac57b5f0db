"""What every operator of the registry promises, whoever answers for it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from steerx import ops

from .tolerance import as_good_as_torch, in_dtype

Args = tuple[Any, ...]
NAMES = sorted(ops.REGISTRY)
SAMPLES = 3


def module_of(name: str) -> ModuleType:
    return importlib.import_module(f"tests.ops.test_{name}")


def sample(name: str, number: int, dtype: torch.dtype = torch.float32) -> Args:
    return list(module_of(name).samples(dtype))[number]


def asking(name: str, args: Args) -> Args:
    """The same arguments, the differentiable ones asking for a gradient."""
    wanted = module_of(name).DIFFERENTIABLE
    return tuple(
        a.requires_grad_() if i in wanted and isinstance(a, Tensor) else a
        for i, a in enumerate(args)
    )


def each(args: Args, change: Callable[[Tensor], Tensor]) -> Args:
    return tuple(change(a) if isinstance(a, Tensor) else a for a in args)


def parts(result: Any) -> tuple[Tensor, ...]:
    """The results of an operator, one or several."""
    return result if isinstance(result, tuple) else (result,)


def total(results: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([y.sum() for y in results]).sum()


def spaced(t: Tensor) -> Tensor:
    """The same numbers with a stride of 2 and an odd storage offset."""
    store = t.new_zeros(2 * t.numel() + 1)
    view = store[1::2].view(t.shape) if t.numel() else t
    return view.copy_(t)


def turned(t: Tensor) -> Tensor:
    """The same numbers with the dimensions in the opposite order in memory."""
    backwards = tuple(reversed(range(t.dim())))
    return t.permute(backwards).contiguous().permute(backwards)


op = pytest.mark.parametrize("name", NAMES)
every = pytest.mark.parametrize("number", range(SAMPLES))


def test_the_registry_holds_every_public_operator() -> None:
    public = {n for n in ops.__all__ if n not in ("REGISTRY", "backend", "build_info", "hold_isa")}
    assert set(NAMES) == public


@op
def test_there_are_samples(name: str) -> None:
    assert len(list(module_of(name).samples(torch.float32))) == SAMPLES


@op
@every
def test_registration(name: str, number: int) -> None:
    torch.library.opcheck(ops.REGISTRY[name].call, asking(name, sample(name, number)))


@op
def test_registration_without_gradients(name: str) -> None:
    torch.library.opcheck(ops.REGISTRY[name].call, sample(name, 0))


@op
def test_the_fake_has_the_layout_of_the_result(name: str) -> None:
    first, *others = sample(name, 0)
    if first.dim() != 4:
        pytest.skip("the first argument holds no images")
    x = first.contiguous(memory_format=torch.channels_last)
    torch.library.opcheck(ops.REGISTRY[name].call, (x, *others), test_utils="test_faketensor")


@op
@every
def test_gradients(name: str, number: int) -> None:
    args = asking(name, sample(name, number, torch.float64))
    assert gradcheck(ops.REGISTRY[name].call, args)
    assert gradgradcheck(ops.REGISTRY[name].call, args, fast_mode=True)


@op
@every
def test_a_gradient_may_have_any_layout(name: str, number: int) -> None:
    call, args = ops.REGISTRY[name].call, asking(name, sample(name, number))
    asked = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
    y = parts(call(*args))
    grads = each(y, torch.randn_like)
    plain = torch.autograd.grad(y, asked, grads, retain_graph=True)
    for view in (spaced, turned):
        for one, two in zip(
            plain, torch.autograd.grad(y, asked, each(grads, view), True), strict=True
        ):
            torch.testing.assert_close(one, two)
    expanded = torch.autograd.grad(total(y), asked, retain_graph=True)
    ones = torch.autograd.grad(y, asked, each(y, torch.ones_like))
    for one, two in zip(expanded, ones, strict=True):
        torch.testing.assert_close(one, two)


@op
@pytest.mark.parametrize("dynamic", [False, True])
def test_compilation_in_one_graph(name: str, dynamic: bool) -> None:
    torch._dynamo.reset()
    call = ops.REGISTRY[name].call
    compiled = torch.compile(
        lambda *args: call(*args), fullgraph=True, backend="aot_eager", dynamic=dynamic
    )
    args = asking(name, sample(name, 0))
    asked = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
    ours, plain = compiled(*args), call(*args)
    torch.testing.assert_close(ours, plain)
    grads = zip(
        torch.autograd.grad(total(parts(ours)), asked),
        torch.autograd.grad(total(parts(plain)), asked),
        strict=True,
    )
    for one, two in grads:
        torch.testing.assert_close(one, two)


@op
@every
def test_layout_of_the_result(name: str, number: int) -> None:
    call, args = ops.REGISTRY[name].call, sample(name, number)
    assert all(y.is_contiguous() for y in parts(call(*args)))
    if args[0].dim() == 4:
        x = args[0].contiguous(memory_format=torch.channels_last)
        y = call(x, *args[1:])
        assert y.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(y, call(*args), rtol=1e-5, atol=1e-5)


@op
@every
@pytest.mark.parametrize("view", [spaced, turned])
def test_a_view_is_as_good(name: str, number: int, view: Callable[[Tensor], Tensor]) -> None:
    call, args = ops.REGISTRY[name].call, sample(name, number)
    torch.testing.assert_close(call(*each(args, view)), call(*args), rtol=1e-5, atol=1e-5)


@op
def test_an_empty_batch(name: str) -> None:
    call, args = ops.REGISTRY[name].call, asking(name, module_of(name).empty(torch.float32))
    results = parts(call(*args))
    for y, plain in zip(results, parts(ops.REGISTRY[name].reference(*args)), strict=True):
        assert y.shape[0] == 0
        assert y.shape[1:] == plain.shape[1:]
    asked = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
    for a, grad in zip(asked, torch.autograd.grad(total(results), asked), strict=True):
        assert grad.shape == a.shape
        assert not grad.any()


@op
@every
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str
)
def test_the_answer_is_as_good_as_torch(name: str, number: int, dtype: torch.dtype) -> None:
    operator, args = ops.REGISTRY[name], sample(name, number, dtype)
    truth = operator.reference(*in_dtype(args, torch.float64))
    results = (parts(r) for r in (operator.call(*args), operator.reference(*args), truth))
    for ours, plain, exact in zip(*results, strict=True):
        as_good_as_torch(ours, plain, exact)


@op
def test_two_runs_give_the_same_bits(name: str) -> None:
    call, args = ops.REGISTRY[name].call, sample(name, 0)
    for one, two in zip(parts(call(*args)), parts(call(*args)), strict=True):
        assert torch.equal(one, two)


@op
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_forward_mode_is_refused_and_not_zero(name: str) -> None:
    call, args = importlib.import_module(f"steerx.ops._{name}")._call, sample(name, 0)
    with torch.autograd.forward_ad.dual_level():
        call(*args)  # no tangent: nothing to refuse
        dual = torch.autograd.forward_ad.make_dual(args[0], torch.ones_like(args[0]))
        with pytest.raises(NotImplementedError, match=f"{name}: no forward-mode derivative"):
            call(dual, *args[1:])


@pytest.mark.cuda
@op
@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_on_cuda(name: str, number: int, dtype: torch.dtype) -> None:
    operator, args = ops.REGISTRY[name], sample(name, number, dtype)
    truth = operator.reference(*in_dtype(args, torch.float64))
    on_cuda = each(args, Tensor.cuda)
    results = (parts(r) for r in (operator.call(*on_cuda), operator.reference(*on_cuda), truth))
    for ours, plain, exact in zip(*results, strict=True):
        as_good_as_torch(ours, plain, exact)
