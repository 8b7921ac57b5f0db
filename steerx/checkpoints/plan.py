"""How the tensors of a file become canonical ones: one rule each, checked by name before use."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from steerx.checkpoints.config import expected_shapes
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.families import Config
from steerx.checkpoints.loading import is_finite, load_tensor
from steerx.checkpoints.records import TensorRecord

Shape = tuple[int, ...]
_SHOWN_DIFFERENCES = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """canonical = reshape(stored) * gain + shift, flipped in both spatial axes where asked.

    Attributes:
        target: canonical name.
        source: name in the file.
        shape: shape in the file; its numbers in order are those of the canonical tensor.
        gain: the runtime gain that the format applies to the stored numbers.
        shift: added behind the gain.
        flip: reverse the last two axes.
    """

    target: str
    source: str
    shape: Shape
    gain: float = 1.0
    shift: float = 0.0
    flip: bool = False


@dataclass(frozen=True)
class Plan:
    """A file that was understood, with nothing loaded yet.

    Attributes:
        layout: whose names the file uses: "nvlabs", "rosinality", "genforce" or "steerx".
        config: the generator it describes.
        rules: one per canonical tensor that the file holds.
        tensors: the file's tensors by their names.
        constants: canonical tensors that the file does not hold and the layout implies.
        facts: what people should know.
    """

    layout: str
    config: Config
    rules: tuple[Rule, ...]
    tensors: Mapping[str, TensorRecord]
    constants: Mapping[str, Tensor] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def has_w_avg(self) -> bool:
        """Whether the mean of w is stored."""
        return any(rule.target == "mapping.w_avg" for rule in self.rules)


def check_names(
    rules: Iterable[Rule],
    tensors: Mapping[str, TensorRecord],
    *,
    ignored: Callable[[str], bool] = lambda name: False,
) -> None:
    """Compare expected and present tensors by name and shape.

    Raises:
        CheckpointError: `bad-structure`, with the first five differences.
    """
    expected = {rule.source: rule.shape for rule in rules}
    differences = list(_differences(expected, tensors, ignored))
    if differences:
        listed = "; ".join(differences[:_SHOWN_DIFFERENCES])
        more = len(differences) - _SHOWN_DIFFERENCES
        raise CheckpointError(
            Kind.BAD_STRUCTURE,
            f"tensors differ from what the config promises: {listed}"
            + (f"; and {more} more" if more > 0 else ""),
        )


def _differences(
    expected: Mapping[str, Shape],
    tensors: Mapping[str, TensorRecord],
    ignored: Callable[[str], bool],
) -> Iterator[str]:
    for name, shape in expected.items():
        if name not in tensors:
            yield f"{shown(name)} {list(shape)} is missing"
        elif tensors[name].shape != shape:
            yield f"{shown(name)} should be {list(shape)}, is {list(tensors[name].shape)}"
    for name, record in tensors.items():
        if name not in expected and not ignored(name):
            yield f"{shown(name)} {list(record.shape)} is not expected"


def execute(plan: Plan, *, allow_nonfinite: bool = False) -> dict[str, Tensor]:
    """Load and translate every tensor of a plan; a mean of w that is not stored stays absent.

    Raises:
        CheckpointError: `bad-tensor`, `non-finite`, `truncated`.
    """
    shapes = expected_shapes(plan.config)
    tensors: dict[str, Tensor] = {}
    for rule in plan.rules:
        record = plan.tensors[rule.source]
        loaded = load_tensor(record, name=rule.source, allow_nonfinite=allow_nonfinite)
        tensor = loaded.reshape(shapes[rule.target])
        if rule.flip:
            tensor = tensor.flip((-2, -1)).contiguous()
        if rule.gain != 1.0:
            tensor.mul_(rule.gain)
        if rule.shift != 0.0:
            tensor.add_(rule.shift)
        tensors[rule.target] = tensor
    tensors.update(plan.constants)
    if allow_nonfinite:
        _warn_nonfinite(plan, tensors)
    return tensors


def _warn_nonfinite(plan: Plan, tensors: Mapping[str, Tensor]) -> None:
    names = [name for name, tensor in tensors.items() if not is_finite(tensor)]
    if names:
        plan.facts["nonfinite"] = names
        listed = ", ".join(names[:_SHOWN_DIFFERENCES])
        warnings.warn(
            f"{len(names)} tensors hold NaN or infinity ({listed}); images will too", stacklevel=4
        )


def stock_filter() -> Tensor:
    """The filter of all stock models: outer([1, 3, 3, 1]) / 64, sum 1."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) / taps.sum() ** 2
