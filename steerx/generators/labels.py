"""Labels of conditional networks, in any form people give them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import one_hot as indices_to_rows

from .._shapes import shape

Label = int | Sequence[int] | Tensor | None


def one_hot(label: Label, batch: int, c_dim: int, like: Tensor) -> Tensor | None:
    """Labels as rows [N, c_dim], None where the network has no classes.

    Args:
        label: a class, [N] classes, or rows [N, c_dim] as they are.
        batch: N.
        c_dim: number of classes.
        like: whose dtype and device the rows take.

    Raises:
        ValueError: a label where there are no classes, none where there are, or one out of range.
    """
    if c_dim == 0:
        if label is not None:
            raise ValueError("label: this generator has no classes; leave the label out")
        return None
    if label is None:
        raise ValueError(
            f"label: a conditional generator needs a class 0-{c_dim - 1}; give label= (--class)"
        )
    label = torch.as_tensor(label, device=like.device)
    if label.dim() == 2:
        shape("label", label, "N c_dim", N=batch, c_dim=c_dim)
        return label.to(like.dtype)
    label = label.reshape(-1).expand(batch) if label.numel() == 1 else label
    shape("label", label, "N", N=batch)
    if label.is_floating_point() or (label < 0).any() or (label >= c_dim).any():
        raise ValueError(f"label: classes are integers 0-{c_dim - 1}, got {label.tolist()}")
    return indices_to_rows(label.long(), c_dim).to(like.dtype)
