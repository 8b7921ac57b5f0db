"""edit_styles: rows of a sweep, out[b] = base[sources[b]] + alphas[b] * steps[directions[b]]."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .._shapes import floating, one_device, shape
from ._library import register

SCHEMA = (
    "edit_styles(Tensor base, Tensor steps, Tensor alphas, Tensor sources, Tensor directions) "
    "-> Tensor"
)


def reference(
    base: Tensor, steps: Tensor, alphas: Tensor, sources: Tensor, directions: Tensor
) -> Tensor:
    return base[sources] + alphas[:, None] * steps[directions]


def fake(
    base: Tensor, steps: Tensor, alphas: Tensor, sources: Tensor, directions: Tensor
) -> Tensor:
    return base.new_empty(sources.shape[0], base.shape[1])


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    base, steps, alphas, sources, directions = inputs
    ctx.rows = base.shape[0]
    ctx.save_for_backward(steps, alphas, sources, directions)


def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    steps, alphas, sources, directions = ctx.saved_tensors
    needs = ctx.needs_input_grad
    dbase = dsteps = dalphas = None
    if needs[0]:
        dbase = grad.new_zeros(ctx.rows, grad.shape[1]).index_add(0, sources, grad)
    if needs[1]:
        dsteps = torch.zeros_like(steps).index_add(0, directions, alphas[:, None] * grad)
    if needs[2]:
        dalphas = (grad * steps[directions]).sum(1)
    return dbase, dsteps, dalphas, None, None


def example(random: torch.Generator) -> tuple[Any, ...]:
    base, steps, alphas = (torch.randn(s, generator=random) for s in ((3, 129), (5, 129), (33,)))
    rows = torch.arange(33)
    return base, steps, alphas, rows % 3, rows % 5


_call = register(
    SCHEMA,
    reference=reference,
    fake=fake,
    setup_context=setup_context,
    backward=backward,
    example=example,
)


def edit_styles(
    base: Tensor, steps: Tensor, alphas: Tensor, sources: Tensor, directions: Tensor
) -> Tensor:
    """Rows of edited styles, one batch of a sweep: out[b] = base[sources[b]] + alphas[b] * steps[directions[b]].

    Styles are linear in w, so N + K rows of styles serve a sweep of N codes, K directions and any number
    of alphas.

    Args:
        base: packed styles of the unedited codes [N, S], float32 or float64.
        steps: packed style steps of the directions at alpha = 1 [K, S], as base.
        alphas: [B], as base.
        sources: row of base for each output row [B], int64.
        directions: row of steps for each output row [B], int64.

    Returns:
        [B, S], as base. Gradients: base, steps, alphas.

    Raises:
        ValueError, TypeError: a shape, dtype or device that does not fit.
        IndexError: a row out of range. On a CUDA device, which is not waited for, the native kernel
            makes such a row NaN, and the reference fails by torch's device assertion.

    Source: the affine of Karras et al. 2019, equation 1, is linear: styles(w + a d) = styles(w) + a A d.
    """
    s = shape("edit_styles: base", base, "N S")["S"]
    shape("edit_styles: steps", steps, "K S", S=s)
    b = shape("edit_styles: alphas", alphas, "B")["B"]
    for name, index, rows in (("sources", sources, base), ("directions", directions, steps)):
        shape(f"edit_styles: {name}", index, "B", B=b)
        if index.dtype != torch.int64:
            raise TypeError(f"edit_styles: {name} must be int64, got {index.dtype}")
        # On a GPU the answer would have to be waited for, and a compiler cannot look at values.
        if index.device.type != "cpu" or b == 0 or torch.compiler.is_compiling():
            continue
        low, high = index.aminmax()
        if low < 0 or high >= len(rows):
            raise IndexError(f"edit_styles: {name} must lie in 0 ... {len(rows) - 1}")
    for name, tensor in (("base", base), ("steps", steps), ("alphas", alphas)):
        floating(f"edit_styles: {name}", tensor)
        if tensor.dtype != base.dtype:
            raise TypeError(f"edit_styles: {name} must be {base.dtype} as base, got {tensor.dtype}")
    one_device("edit_styles", base, steps, alphas, sources, directions)
    return _call(base, steps, alphas, sources, directions)  # type: ignore[no-any-return]
