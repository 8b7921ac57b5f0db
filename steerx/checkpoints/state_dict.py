"""Layouts that are one flat state dict: finding it in a file, and planning it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from steerx.checkpoints import shapes
from steerx.checkpoints.config import StyleGAN2Config
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.plan import Plan, Rule, check_names, stock_filter
from steerx.checkpoints.records import TensorRecord

MAPPING_RATE = 0.01  # learning rate multiplier of the mapping network in all stock models
_MAX_NAME_CHARS = 512
_MAX_LISTED = 20
_PARALLEL = "module."
UP_GAIN = 4  # these layouts keep the gain of upsampling in the filter

Tensors = Mapping[str, TensorRecord]


@dataclass(frozen=True)
class State:
    """One state dict of a file.

    Attributes:
        key: what it stands under, "" at the top.
        tensors: by name.
        skipped: other names at the top.
        prefix: what stood in front of every name and was left out, "module." of a DataParallel.
    """

    key: str
    tensors: dict[str, TensorRecord]
    skipped: tuple[str, ...]
    prefix: str = ""


def find_state(tree: object, keys: Iterable[str], *, marker: str) -> State | None:
    """The first state dict under `keys` (or the tree itself) that holds a tensor `marker`.

    Raises:
        CheckpointError: `bad-structure` where that state dict holds something else than tensors.
    """
    if not isinstance(tree, dict):
        return None
    for key in keys:
        state, prefix = _bare(tree.get(key))
        if marker in state:
            skipped = listed(name for name in tree if name != key)
            return State(key, tensors_of(state), skipped, prefix)
    state, prefix = _bare(tree)
    return State("", tensors_of(state), (), prefix) if marker in state else None


def _bare(state: object) -> tuple[Mapping[object, object], str]:
    """A state dict without the prefix that torch's DataParallel puts in front of all of its names."""
    if not isinstance(state, dict):
        return {}, ""
    if not all(type(name) is str and name.startswith(_PARALLEL) for name in state):
        return state, ""
    return {name.removeprefix(_PARALLEL): value for name, value in state.items()}, _PARALLEL


def tensors_of(state: Mapping[object, object]) -> dict[str, TensorRecord]:
    """A state dict whose every name is text and every value a tensor."""
    tensors: dict[str, TensorRecord] = {}
    for name, value in state.items():
        if type(name) is not str or len(name) > _MAX_NAME_CHARS:
            raise CheckpointError(Kind.BAD_STRUCTURE, "a tensor's name is not text")
        if not isinstance(value, TensorRecord):
            raise CheckpointError(Kind.BAD_STRUCTURE, f"{shown(name)} is not a tensor")
        tensors[name] = value
    return tensors


def listed(names: Iterable[object]) -> tuple[str, ...]:
    """Names of a file for people: sorted, quoted, the first few."""
    return tuple(sorted(shown(str(name), limit=60) for name in names)[:_MAX_LISTED])


def plan_state(
    layout: str,
    state: State,
    *,
    filters: tuple[str, ...],
    infer: Callable[[Tensors, tuple[int, int]], StyleGAN2Config],
    rules: Callable[[StyleGAN2Config, Tensors], Iterable[Rule]],
) -> Plan:
    """Infer the config of a state dict, and check its names against the rules.

    Args:
        layout: whose names these are.
        state: the state dict.
        filters: how the names of filter buffers end.
        infer: tensors and shape of the filter -> config.
        rules: config and tensors -> one rule per canonical tensor.
    """
    tensors = state.tensors
    buffers = [name for name in tensors if name.endswith(filters)]
    kernel = shapes.common_filter(tensors, buffers, gain=1 / UP_GAIN)
    defaulted = [f"mapping learning rate multiplier = {MAPPING_RATE}", "conv_clamp = None"]
    if kernel is None:
        kernel = stock_filter()
        defaulted.append("filter = outer([1, 3, 3, 1]) / 64")
    config = infer(tensors, (kernel.shape[0], kernel.shape[1]))
    planned = tuple(rules(config, tensors))
    check_names(planned, tensors, ignored=lambda name: name.endswith(filters))
    inferred = ["resolution", "channels", "mapping_layers", "w_dim", "z_dim", "img_channels"]
    facts = facts_of(state, defaulted, inferred)
    return Plan(layout, config, planned, tensors, {"synthesis.filter": kernel}, facts)


def facts_of(state: State, defaulted: list[str], inferred: list[str]) -> dict[str, Any]:
    """What people should know of a state dict that was understood."""
    facts: dict[str, Any] = {
        "state": state.key,
        "inferred": inferred,
        "defaulted": defaulted,
        "skipped": list(state.skipped),
    }
    if state.prefix:
        facts["left_out"] = f"{state.prefix!r} in front of every name"
    return facts
