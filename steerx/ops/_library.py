"""The one place that talks to torch.library. Schemas and references are Python; a built library only adds kernels.

The dispatcher is the only `if`: the reference is the default implementation on every device, and the
native library, once loaded, adds kernels under the CPU and CUDA keys, which torch then prefers.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd import forward_ad

_definitions = torch.library.Library("steerx", "DEF")
_AUTOCAST = ("AutocastCPU", "AutocastCUDA")
_present: set[tuple[str, str]] = set()  # kernels that were seen


Example = Callable[[torch.Generator], tuple[Any, ...]]


@dataclass(frozen=True)
class Operator:
    """What was declared for one operator.

    Attributes:
        name: of the operator.
        call: the dispatcher's entry.
        reference: the definition.
        example: float32 arguments of odd sizes in the order of the schema, for self-tests.
    """

    name: str
    call: Callable[..., Any]
    reference: Callable[..., Any]
    example: Example


REGISTRY: dict[str, Operator] = {}


def register(
    schema: str,
    *,
    reference: Callable[..., Any],
    fake: Callable[..., Any],
    setup_context: Callable[..., Any],
    backward: Callable[..., Any],
    example: Example,
) -> Callable[..., Any]:
    """Declare an operator and return it. `reference` serves every device that has no native kernel.

    What is returned refuses forward-mode derivatives, for which the dispatcher would silently answer zero.
    """
    name = schema.split("(", 1)[0]
    qualified = f"steerx::{name}"
    _definitions.define(schema)
    torch.library.impl(qualified, "default", reference, lib=_definitions)
    torch.library.register_fake(qualified, fake, lib=_definitions)
    torch.library.register_autograd(
        qualified, without_autocast(backward), setup_context=setup_context, lib=_definitions
    )
    call = getattr(torch.ops.steerx, name).default
    for key in _AUTOCAST:
        _definitions.impl(name, without_autocast(call), key)
    REGISTRY[name] = Operator(name, call, reference, example)

    def reverse_only(*args: Any) -> Any:
        if any(has_tangent(a) for a in args):
            raise NotImplementedError(f"{name}: no forward-mode derivative; use backward()")
        return call(*args)

    return reverse_only


def without_autocast(work: Callable[..., Any]) -> Callable[..., Any]:
    """An operator's dtype is that of its arguments: autocast must not reach what it is made of."""
    keys = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)
    keys = keys | torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCUDA)

    def alone(*args: Any, **named: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(keys):
            return work(*args, **named)

    return alone


def define_private(schema: str, *, reference: Callable[..., None]) -> Callable[..., None]:
    """Declare an operator that writes into its arguments; for a renderer, not for users or gradients."""
    name = schema.split("(", 1)[0]
    _definitions.define(schema)
    torch.library.impl(f"steerx::{name}", "default", reference, lib=_definitions)
    call = getattr(torch.ops.steerx, name).default
    for key in _AUTOCAST:
        _definitions.impl(name, without_autocast(call), key)
    return call  # type: ignore[no-any-return]


def has_tangent(argument: object) -> bool:
    """Whether an argument carries a forward-mode derivative."""
    return (
        forward_ad._current_level >= 0
        and isinstance(argument, torch.Tensor)
        and forward_ad.unpack_dual(argument).tangent is not None
    )


def load_native() -> bool:
    """Load the native library where it was built. Absent: False. Present but broken: ImportError.

    A broken build must never look like a slow one, so nothing is caught here.
    """
    if importlib.util.find_spec("steerx._C") is None:
        return False
    importlib.import_module("steerx._C")
    return True


def has_kernel(name: str, key: str) -> bool:
    """Whether the dispatcher holds a native kernel for an operator under "CPU" or "CUDA"."""
    if (name, key) not in _present:
        if not torch._C._dispatch_has_kernel_for_dispatch_key(f"steerx::{name}", key):
            return False
        _present.add((name, key))  # for good; a renderer asks at every layer
    return True
