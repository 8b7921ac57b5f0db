"""Weights that the user names for SeFa: which axis the codes enter by, and the rows they become."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

Names = str | Sequence[str | Sequence[str]]
# Their weights stand inputs first.
_INPUTS_FIRST = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def slots_of(names: Names, num_ws: int) -> tuple[tuple[str, ...], ...]:
    """The names for each w slot: a name, names, or for several slots one of these for each.

    Raises:
        ValueError: another form, or number of slots.
    """
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, Sequence) or not names:
        raise ValueError(f"from_module: style_weights must be names of weights, got {names!r}")
    if num_ws == 1:
        names = [names]  # type: ignore[list-item]
    elif len(names) != num_ws:
        raise ValueError(
            f"from_module: style_weights must be one name for each of the {num_ws} w slots, got "
            f"{len(names)}"
        )
    slots = tuple((slot,) if isinstance(slot, str) else tuple(slot) for slot in names)
    if not all(isinstance(name, str) for slot in slots for name in slot):
        raise ValueError(f"from_module: style_weights must be names of weights, got {names!r}")
    return slots


def rows_of(module: nn.Module, name: str, size: int, space: str) -> Tensor:
    """The weight `name` as rows [C, size]: a linear map of what enters the layer.

    Args:
        module: holds it.
        name: dotted, "first.weight"; of a parametrised layer, the weight in effect.
        size: numbers of a code.
        space: what they are called.

    Raises:
        ValueError: no such weight, or one that other numbers enter than the codes.
    """
    path, _, leaf = name.rpartition(".")
    try:
        owner = module.get_submodule(path)
        weight = getattr(owner, leaf)
    except AttributeError:
        known = [n for n, parameter in module.named_parameters() if parameter.dim() > 1]
        raise ValueError(
            f"from_module: there is no weight {name!r}; those of two axes and more are "
            f"{', '.join(known[:10]) or 'none'}"
        ) from None
    axis = 0 if isinstance(owner, _INPUTS_FIRST) else 1
    if not isinstance(weight, Tensor) or weight.dim() < 2 or weight.shape[axis] != size:
        form = list(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
        raise ValueError(
            f"from_module: the weight {name!r} is {form}; for SeFa its inputs (axis {axis}) must be the "
            f"{size} numbers of {space}"
        )
    return weight.detach().movedim(axis, -1).flatten(0, -2)
