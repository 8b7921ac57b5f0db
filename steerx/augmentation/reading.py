"""Samples of a shard that is done, compared with its receipt as they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from .encoding import SUFFIX
from .errors import DamageError
from .folder import Folder
from .tar import BUFFER, members


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample.

    Attributes:
        name: digits of one width, so that names sort.
        picture: bytes of its file.
        about: what is said of it, canonical JSON.
    """

    name: str
    picture: bytes
    about: bytes


class _Hashed:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle, self.sha256 = handle, hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        """Bytes, as the file gives them."""
        data = self._handle.read(count)
        self.sha256.update(data)
        return data


def read_shard(folder: Folder, shard: int) -> Iterator[Sample]:
    """The samples of a shard, in order; only with the last one it is known that all of them are whole.

    Raises:
        DamageError: the shard is not what its receipt says.
        OSError: it cannot be read.
    """
    path, receipt, plan = folder.shard_path(shard), folder.receipt(shard), folder.plan
    if receipt is None:
        raise DamageError(f"the receipt of {path.name} is torn or of another plan")
    suffix, left_out = SUFFIX[plan.codec.format], receipt.left_out
    with path.open("rb", buffering=BUFFER) as handle:
        hashed = _Hashed(handle)
        archive = members(cast("BinaryIO", hashed), where=path.name)
        for number in plan.span(shard):
            if number in left_out:
                continue
            name = plan.sample_name(number)
            (first, picture), (second, about) = next(archive, _NONE), next(archive, _NONE)
            if (first, second) != (f"{name}.{suffix}", f"{name}.json"):
                raise DamageError(f"{path.name} does not hold the samples of its receipt")
            yield Sample(name, picture, about)
        if next(archive, None) is not None:
            raise DamageError(f"{path.name} holds more than the samples of its receipt")
    if hashed.sha256.hexdigest() != receipt.sha256:
        raise DamageError(f"{path.name} has other bytes than its receipt says")


_NONE = ("", b"")
