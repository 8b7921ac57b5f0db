"""The module tree of an NVlabs network, flattened: tensors and attributes by dotted name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from steerx.checkpoints.budget import Budget
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.records import Network, TensorRecord

_MAX_NESTING = 200
_MAX_NAME_CHARS = 512
_NAME_WORK = 32  # making a name takes the time of copying many bytes


class Absent:
    """The value of an attribute that no module has; None is a value of its own."""


ABSENT = Absent()


@dataclass(frozen=True)
class Modules:
    """A network's modules.

    Attributes:
        tensors: parameters and buffers by dotted name.
        states: attribute dicts of the modules by dotted name, the root under "".
    """

    tensors: dict[str, TensorRecord] = field(default_factory=dict)
    states: dict[str, dict[object, object]] = field(default_factory=dict)

    def attribute(self, name: str, *, of: str) -> object:
        """The scalar attribute `name` that all modules whose name matches `of` agree on.

        Returns:
            The value, or `ABSENT` where no such module has the attribute.

        Raises:
            CheckpointError: `unsupported` where modules differ, `bad-structure` for no scalar.
        """
        expression = re.compile(of)
        common: object = ABSENT
        for module, state in self.states.items():
            if name not in state or not expression.fullmatch(module):
                continue
            value = state[name]
            if value is not None and type(value) not in (bool, int, float, str):
                raise _bad(f"the attribute {name} of {shown(module)} is not a plain value")
            if common is not ABSENT and value != common:
                raise CheckpointError(Kind.UNSUPPORTED, f"layers that differ in {name}")
            common = value
        return common


def flatten(network: Network, budget: Budget) -> Modules:
    """Visit a module and its children.

    Raises:
        CheckpointError: `limit` for too many, too deep or too long; `bad-structure`.
    """
    modules = Modules()
    waiting: list[tuple[str, Network, int]] = [("", network, 0)]
    while waiting:
        prefix, module, depth = waiting.pop()
        budget.spend("modules", 1)
        modules.states[prefix[:-1]] = module.state
        for group in ("_parameters", "_buffers"):
            for name, value in _members(module, group, prefix, budget):
                if name in modules.tensors:
                    raise _bad(f"two tensors are called {shown(name)}")
                if isinstance(value, TensorRecord):
                    modules.tensors[name] = value
                elif value is not None:
                    raise _bad(f"{shown(name)} is not a tensor")
        for name, child in _members(module, "_modules", prefix, budget):
            if child is None:
                continue
            if not isinstance(child, Network):
                raise _bad(f"{shown(name)} is not a module")
            if depth >= _MAX_NESTING:
                raise CheckpointError(Kind.LIMIT, f"modules nested deeper than {_MAX_NESTING}")
            waiting.append((name + ".", child, depth + 1))
    return modules


def _members(
    module: Network, group: str, prefix: str, budget: Budget
) -> Iterator[tuple[str, object]]:
    table = module.state.get(group)
    if not isinstance(table, dict):
        raise _bad(f"a module without {group}")
    budget.spend("work", _NAME_WORK * len(table))  # many modules may share one table
    for key, value in table.items():
        if type(key) is not str or len(prefix) + len(key) > _MAX_NAME_CHARS:
            raise _bad(f"a name in {group} is not text, or too long")
        if "." in key:  # it could be the name of two tensors
            raise _bad(f"a name in {group} with a dot: {shown(key)}")
        yield prefix + key, value


def _bad(what: str) -> CheckpointError:
    return CheckpointError(Kind.BAD_STRUCTURE, what)
