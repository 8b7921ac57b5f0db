"""More than a thousand files that nobody should trust, made when they are asked for.

A name is `class@container@attack`. The classes are those of attacks on readers of checkpoints; the containers
those that steerx reads. Every payload is harmless: it would make a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CONTAINERS = ("pickle", "nested", "legacy", "zip", "safetensors", "npy", "npz")


@dataclass(frozen=True)
class Attack:
    """One file.

    Attributes:
        name: `class@container@attack`.
        data: the bytes.
        runs: whether a stock loader runs the payload.
    """

    name: str
    data: bytes
    runs: bool = False

    @property
    def family(self) -> str:
        """Class of the attack."""
        return self.name.partition("@")[0]

    @property
    def container(self) -> str:
        """Container of the file."""
        return self.name.split("@")[1]


def corpus(marker: str) -> Iterator[Attack]:
    """Every attack; its payload, if it has one, would make the file `marker`."""
    from tests.checkpoints.corpus import (
        archives,
        arrays,
        code,
        costs,
        damage,
        headers,
        rest,
        tensors,
    )

    yield from code.attacks(marker)
    for module in (costs, tensors, archives, arrays, headers, damage, rest):
        yield from module.attacks()
