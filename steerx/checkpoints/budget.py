"""Budgets over one whole file, nested streams included: what a file may cost its reader."""

from __future__ import annotations

from steerx.checkpoints.errors import CheckpointError, Kind

MIB = 1 << 20
MAX_MARKS = 1_000
MAX_MEMO = 2_000_000
MAX_INT_BYTES = 16
MAX_ENTRIES = 200_000  # of an archive


class Budget:
    """What is left to spend.

    *Work* counts the bytes and items any builder touches: a memoised argument can be handed to a
    builder 100,000 times by two-byte opcodes, so counting opcodes alone bounds nothing.

    Args:
        file_size: length of the file in bytes.

    Attributes:
        opcodes: how many opcodes may still run; the machine counts them itself, in its inner loop.
    """

    def __init__(self, file_size: int) -> None:
        self.opcodes = 1_000_000
        self._left = {
            "work": 4 * file_size + 16 * MIB,
            "tensors": 200_000,
            "storages": 200_000,
            "modules": 20_000,
            "settings": 20_000,
            "set members and dict items": 500_000,  # memory that no file size vouches for
        }
        self._tensor_bytes = 0
        self._storage_bytes = 0

    def spend(self, name: str, amount: int, *, offset: int | None = None) -> None:
        """Take `amount` of the budget `name`, or refuse the file."""
        left = self._left[name] - amount
        if left < 0:
            raise CheckpointError(Kind.LIMIT, f"the file needs too much: {name}", offset)
        self._left[name] = left

    def add_storage(self, nbytes: int, *, offset: int | None = None) -> None:
        """Count one storage of `nbytes` bytes."""
        self.spend("storages", 1, offset=offset)
        self._storage_bytes += nbytes

    def add_tensor(self, nbytes: int, *, offset: int | None = None) -> None:
        """Count one tensor of `nbytes` bytes."""
        self.spend("tensors", 1, offset=offset)
        self._tensor_bytes += nbytes

    def check_tensor_bytes(self) -> None:
        """Refuse a file whose tensors name its storages over and over."""
        if self._tensor_bytes > 2 * self._storage_bytes + 64 * MIB:
            raise CheckpointError(
                Kind.LIMIT,
                f"tensors of {self._tensor_bytes} bytes over {self._storage_bytes} stored bytes",
            )
