"""The file that keeps a projection or a tuning on its way, so that a killed run goes on bit for bit.

A safetensors file that is replaced as a whole every few seconds; its metadata say what it belongs to and how far it
is: {"kind": "projection", "version": 1, "of": {...}, "done": 64, "step": 250}.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .._files import whole_file
from ..checkpoints import CheckpointError
from ..checkpoints.containers import read_contents
from ..checkpoints.loading import load_tensor
from ..checkpoints.records import TensorRecord
from ..checkpoints.source import FileSource
from ..checkpoints.tensor_file import parse_json, write_tensor_file

VERSION = 1
PAUSE, SHARE = 5.0, 20.0  # seconds between two writings; times what the last one took
_SHOWN = 60


class JournalError(ValueError):
    """A file of another projection, or none at all; the message says which and what to do."""


@dataclass(frozen=True, eq=False)
class Kept:
    """What a journal held.

    Attributes:
        tensors: by name.
        done: pictures that are finished.
        step: steps that those in work have behind them.
    """

    tensors: dict[str, Tensor]
    done: int
    step: int


class Journal:
    """Keeps a run in a file; without a path, nowhere.

    Args:
        path: of the file, or None.
        caller: opens the messages.
        of: what the run depends on; a file that says something else is refused.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, *, caller: str, of: Mapping[str, Any]
    ) -> None:
        self.path = None if path is None else Path(path)
        self.caller, self.of = caller, dict(of)
        self._written, self._pause = time.monotonic(), PAUSE

    def read(self) -> Kept | None:
        """What the file holds; None where there is no file.

        Raises:
            JournalError: a file of another run, or one that is no journal.
            OSError: it cannot be read.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            with FileSource(self.path) as source:
                contents = read_contents(source)
                said = parse_json(contents.metadata.get("steerx", "{}"))
                if not isinstance(said, dict) or said.get("kind") != "projection":
                    raise ValueError("it is none")
                self._compare(said)
                records = contents.tree if isinstance(contents.tree, dict) else {}
                tensors = {
                    name: load_tensor(record, name=name, dtype=None)
                    for name, record in records.items()
                    if isinstance(record, TensorRecord)
                }
                return Kept(tensors, int(said["done"]), int(said["step"]))
        except JournalError:
            raise
        except (CheckpointError, ValueError, TypeError, KeyError) as error:
            raise JournalError(
                f"{self.caller}: {self.path} is no journal of a projection; choose another name"
            ) from error

    def damaged(self) -> JournalError:
        """What to say of a file that lacks what it should hold."""
        return JournalError(f"{self.caller}: {self.path} is damaged; delete it to start anew")

    def keep(
        self, tensors: Mapping[str, Tensor], *, done: int, step: int, now: bool = False
    ) -> None:
        """Replace the file where the last time is long enough ago, or at once.

        Raises:
            OSError: it cannot be written; the file stays what it was.
        """
        started = time.monotonic()
        if self.path is None or not (now or started - self._written > self._pause):
            return
        about = {"kind": "projection", "version": VERSION, "of": self.of}
        text = json.dumps({**about, "done": done, "step": step}, allow_nan=False)
        wide = any(tensor.dtype == torch.float64 for tensor in tensors.values())
        with whole_file(self.path, overwrite=True) as handle:
            write_tensor_file(
                handle,
                tensors,
                metadata={"steerx": text},
                dtype=torch.float64 if wide else torch.float32,
            )
        self._written = time.monotonic()
        self._pause = max(
            PAUSE, SHARE * (self._written - started)
        )  # large networks take their time

    def _compare(self, said: Mapping[str, Any]) -> None:
        """Refuse another version's file, or another run's."""
        if said.get("version") != VERSION:
            raise JournalError(
                f"{self.caller}: {self.path} is a journal of version {said.get('version')!r}, and this "
                f"steerx writes {VERSION}; delete it to start anew"
            )
        of = said.get("of")
        for name, value in json.loads(json.dumps(self.of)).items():
            was = of.get(name) if isinstance(of, dict) else None
            if was != value:
                words = f"{name} was {was}, is {value}"
                raise JournalError(
                    f"{self.caller}: {self.path} belongs to another run: "
                    f"{words if len(words) <= _SHOWN else f'another {name}'}; go on with what it was "
                    "started with, or delete it to start anew"
                )
