"""Whether a derivative of a picture is asked for. Renderers without gradients leave those to the plain one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from ..ops._library import has_tangent
from .renderer import LayerState


def asked(
    parameters: Sequence[Tensor], styles: Sequence[Tensor] | Tensor, state: LayerState | None
) -> bool:
    """Whether backward(), forward mode or a transform of torch.func waits for what these give.

    The plain renderer has that derivative or says that there is none; kernels that write into memory would
    cut it off without a word.
    """
    given = [*styles] if state is None else [*styles, state.x, state.rgb]
    inputs = [tensor for tensor in given if isinstance(tensor, Tensor)]
    if any(is_functorch_wrapped_tensor(tensor) or has_tangent(tensor) for tensor in inputs):
        return True
    return torch.is_grad_enabled() and any(t.requires_grad for t in (*inputs, *parameters))
