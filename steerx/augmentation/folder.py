"""The folder of a bulk job: what lies in it, and in which order it appears.

    plan.json                what the job is; never changes
    plan-0001.json           an amendment: what was not done by then has another batch
    directions/000.safetensors, codes.safetensors   what the plan's hashes are of
    shard-000042.tar         pictures; alone it means nothing
    shard-000042.tar.json    its receipt: the shard is done
    failed/shard-000042.json why a shard could not be made
    events.jsonl             who did what and how long it took; no part of the result
    README.md, manifest.json, _SUCCESS   in this order, when every shard is done
    .lock                    held by who works in the folder

Every file but events.jsonl is written under a temporary name, flushed, and renamed, so that no final name is ever
partial. Only files that were made here are ever removed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

from pydantic import ValidationError

from .._files import TEMPORARY, hold, whole_file
from ..directions import Directions
from ..generators.codes_file import read_saved, save_codes
from ..generators.generator import Codes
from .amendments import Plans, read_plans
from .errors import DamageError, LockedError, PlanError, UnevenError
from .plan import Given, Plan, ranges_of, same
from .tar import END, write_member
from .values import Value, canonical

PLAN, LOCK, EVENTS, FAILED = "plan.json", ".lock", "events.jsonl", "failed"
DIRECTIONS, CODES = "directions", "codes.safetensors"
CARD, MANIFEST, SUCCESS = "README.md", "manifest.json", "_SUCCESS"
_BEFORE = {LOCK, "job.yaml", EVENTS}  # what may lie in a folder that has no plan yet


class Receipt(Value):
    """That a shard is done, and what it is; nothing that differs between two runs.

    Attributes:
        first, count: its first sample, and how many samples it holds.
        rejected: samples that it does not hold, by the rule that each broke at its last draw.
    """

    shard: int
    plan_id: str
    first: int
    count: int
    rejected: dict[str, tuple[int, ...]]
    bytes: int
    sha256: str

    @property
    def left_out(self) -> frozenset[int]:
        """Samples that were rejected."""
        return frozenset(sample for samples in self.rejected.values() for sample in samples)


class ShardWriter:
    """An archive on its way."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle, self._sha256 = handle, hashlib.sha256()
        self.count = self.bytes = 0
        self.rejected: dict[str, tuple[int, ...]] = {}

    def write(self, data: bytes) -> None:
        """Bytes of the archive."""
        self._handle.write(data)
        self._sha256.update(data)
        self.bytes += len(data)

    def add(self, name: str, picture: bytes, suffix: str, about: dict[str, Any]) -> None:
        """One sample: its picture, and what is known of it."""
        write_member(self, f"{name}.{suffix}", picture)
        write_member(self, f"{name}.json", canonical(about))
        self.count += 1

    def reject(self, sample: int, rule: str) -> None:
        """A sample that the shard does not hold."""
        self.rejected[rule] = (*self.rejected.get(rule, ()), sample)

    def sha256(self) -> str:
        """Of all bytes so far."""
        return self._sha256.hexdigest()


class Folder:
    """A folder of a plan. Writing needs the lock: see `working`.

    Attributes:
        plan: as the job began; all but the batch and the id holds for every shard.
        plans: that one and its amendments.
    """

    def __init__(self, path: str | os.PathLike[str], plan: Plan) -> None:
        self.path, self.plan = Path(path), plan
        self.plans = Plans((plan,))
        self.alone = False  # whether nobody else may work in it now

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """A folder that holds a plan.

        Raises:
            PlanError: it holds none.
            DamageError: its plan or an amendment is torn.
            OSError: it cannot be read.
        """
        file = Path(path) / PLAN
        try:
            text = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise PlanError(
                f"{path} holds no {PLAN}; begin the job with `steerx augment run`"
            ) from None
        self = cls(path, Plan.from_json(text, where=str(file)))
        self.plans = read_plans(self.path, self.plan)
        return self

    @classmethod
    @contextlib.contextmanager
    def working(
        cls, path: str | os.PathLike[str], plan: Plan, *, shared: bool = False
    ) -> Iterator[Self]:
        """The folder, locked, with its plan; what a killed run left half is removed.

        Args:
            path: made where it is missing.
            plan: must be that of the folder, where it has one.
            shared: others may work in it too, each on shards of its own.

        Raises:
            PlanError: it is of another job, or holds something else.
            LockedError: another run works in it.
            DamageError: its plan is torn, and no receipt or amendment names the given one; or an amendment is.
            OSError: it cannot be written.
        """
        self = cls(path, plan)
        folder = self.path
        if not folder.exists():
            folder.mkdir(parents=True)
        elif not (folder / PLAN).exists() and folder.is_dir():
            others = {p.name for p in folder.iterdir() if not p.match(TEMPORARY)} - _BEFORE
            if others:
                raise PlanError(
                    f"{folder} holds other files ({min(others)}); give an empty or a new folder"
                )
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            alone = hold(lock)
            if not alone and not (shared and hold(lock, shared=True)):
                raise LockedError(
                    f"another run works in {folder} ({_owner(lock)}); wait for it, or give another folder"
                )
            if alone:
                os.ftruncate(lock, 0)
                os.lseek(lock, 0, os.SEEK_SET)
                os.write(lock, f"{os.getpid()} on {socket.gethostname()}".encode())
                self.sweep()
            self._adopt()
            if alone and shared:
                hold(lock, shared=True)
            self.alone = alone and not shared
            yield self
        finally:
            os.close(lock)

    def sweep(self) -> None:
        """Remove what the dead left half; for whoever holds the lock alone."""
        for place in ("", f"{DIRECTIONS}/", f"{FAILED}/"):
            for left in self.path.glob(f"{place}{TEMPORARY}"):
                left.unlink(missing_ok=True)

    def _adopt(self) -> None:
        """Write the plan, or compare with the one that is there; a torn one, with what receipts say of it."""
        file = self.path / PLAN
        with contextlib.suppress(FileExistsError), whole_file(file) as handle:
            handle.write(self.plan.to_json())
        try:
            held = Plan.from_json(file.read_bytes(), where=str(file))
        except DamageError:
            self.plans = read_plans(self.path, self.plan)
            if not self.plans.kept and not any(map(self.receipt, range(self.plan.shards))):
                raise
            with whole_file(file, overwrite=True) as handle:  # its hash is known, so it is this one
                handle.write(self.plan.to_json())
        else:
            same(held, self.plan, where=str(self.path))
            self.plans = read_plans(self.path, self.plan)

    def amend(self, batch: int, pending: Sequence[int]) -> Plan:
        """Write an amendment: these shards have another batch. The plan by which they are made from now on."""
        done = sorted(set(range(self.plan.shards)).difference(pending))
        told = self.plans.amendment(batch, ranges_of(done))
        with whole_file(self.path / self.plans.next_name) as handle:
            handle.write(told.to_json())
        self.plans = self.plans.amended(told)
        return self.plans.last

    def keep_inputs(self, directions: Sequence[Directions], codes: Codes | None) -> None:
        """Write what the plan names by its hash, for workers and for whoever uses the data set."""
        folder = self.path / DIRECTIONS
        folder.mkdir(exist_ok=True)
        for number, one in enumerate(directions):
            file = folder / f"{number:03d}.safetensors"
            with contextlib.suppress(FileExistsError):
                one.save(file)
        if codes is not None and isinstance(self.plan.sources, Given):
            with contextlib.suppress(FileExistsError):
                save_codes(self.path / CODES, codes, self.plan.sources.space, overwrite=False)

    def inputs(self) -> tuple[list[Directions], Codes | None]:
        """What `keep_inputs` wrote."""
        files = [
            self.path / DIRECTIONS / f"{number:03d}.safetensors"
            for number in range(len(self.plan.edits))
        ]
        codes = self.path / CODES if isinstance(self.plan.sources, Given) else None
        return [Directions.load(file) for file in files], (
            None if codes is None else read_saved(codes, space=None).codes
        )

    def shard_path(self, shard: int) -> Path:
        """Where a shard lies."""
        return self.path / self.plan.shard_name(shard)

    def receipt(self, shard: int) -> Receipt | None:
        """A shard's receipt; None where it has none, or one that is torn or of another plan."""
        path = self.shard_path(shard)
        try:
            receipt = Receipt.model_validate_json(path.with_name(f"{path.name}.json").read_bytes())
        except (OSError, ValidationError):
            return None
        span = self.plan.span(shard)
        count = receipt.count + len(receipt.left_out)
        told = (receipt.shard, receipt.plan_id, receipt.first, count)
        plan = self.plans.of(shard)
        return receipt if told == (shard, plan.plan_id, span.start, len(span)) else None

    def done(self, shard: int) -> Receipt | None:
        """The receipt of a shard whose file is there in full length; `verify` reads it too."""
        receipt = self.receipt(shard)
        try:
            size = os.stat(self.shard_path(shard)).st_size
        except OSError:
            return None
        return receipt if receipt is not None and size == receipt.bytes else None

    def pending(self) -> list[int]:
        """Shards that are not done."""
        return [shard for shard in range(self.plan.shards) if self.done(shard) is None]

    @contextlib.contextmanager
    def shard(self, shard: int) -> Iterator[ShardWriter]:
        """Make a shard: file, then receipt; a block that fails leaves nothing.

        Raises:
            UnevenError: there is a receipt, of other bytes.
            OSError: the disk is full, or the like.
        """
        path, span = self.shard_path(shard), self.plan.span(shard)
        with whole_file(path, overwrite=True) as handle:
            writer = ShardWriter(handle)
            yield writer
            writer.write(END)
            receipt = Receipt(
                shard=shard,
                plan_id=self.plans.of(shard).plan_id,
                first=span.start,
                count=writer.count,
                rejected=writer.rejected,
                bytes=writer.bytes,
                sha256=writer.sha256(),
            )
            was = self.receipt(shard)
            if was is not None and was != receipt:
                raise UnevenError(
                    f"{path} came out with other bytes than its receipt has ({was.sha256[:12]}, now "
                    f"{receipt.sha256[:12]}): the machines differ; `steerx augment verify --fix` "
                    "names those to be made again"
                )
            if was is None:  # torn, or of another plan, which an amendment may bring back
                path.with_name(f"{path.name}.json").unlink(missing_ok=True)
        self._write(f"{path.name}.json", receipt.model_dump())
        (self.path / FAILED / f"{path.stem}.json").unlink(missing_ok=True)

    def fail(self, shard: int, reason: str) -> None:
        """Write down why a shard could not be made."""
        (self.path / FAILED).mkdir(exist_ok=True)
        name = f"{FAILED}/{self.shard_path(shard).stem}.json"
        plan = self.plans.of(shard)
        self._write(name, {"shard": shard, "plan_id": plan.plan_id, "reason": reason})

    def failures(self) -> dict[int, str]:
        """Shards that could not be made by their plan, and why."""
        found = {}
        for file in sorted((self.path / FAILED).glob("shard-*.json")):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                told = json.loads(file.read_bytes())
                shard = int(told["shard"])
                if told["plan_id"] == self.plans.of(shard).plan_id:
                    found[shard] = str(told["reason"])
        return found

    def note(self, **facts: Any) -> None:
        """One line more in events.jsonl."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        descriptor = os.open(self.path / EVENTS, flags, 0o666)
        try:
            os.write(descriptor, canonical(facts) + b"\n")
        finally:
            os.close(descriptor)

    def unfinish(self) -> None:
        """Take back that everything is done."""
        for name in (SUCCESS, MANIFEST):
            (self.path / name).unlink(missing_ok=True)

    def finish(self, card: Callable[[int], str]) -> bool:
        """Write README.md, manifest.json and _SUCCESS, where every shard is done; whether it is."""
        receipts = [self.done(shard) for shard in range(self.plan.shards)]
        whole = [receipt for receipt in receipts if receipt is not None]
        if len(whole) < len(receipts):
            return False
        with whole_file(self.path / CARD, overwrite=True) as handle:
            handle.write(card(sum(r.count for r in whole)).encode())
        manifest: dict[str, Any] = {
            "plan_id": self.plan.plan_id,
            "samples": sum(r.count for r in whole),
            "rejected": dict(sum((_counts(r) for r in whole), Counter())),
            "bytes": sum(r.bytes for r in whole),
            "shards": [[self.plan.shard_name(r.shard), r.count, r.sha256] for r in whole],
        }
        if self.plans.kept:
            manifest["plans"] = [dataclasses.asdict(part) for part in self.plans.parts()]
        self._write(MANIFEST, manifest)
        told = hashlib.sha256((self.path / MANIFEST).read_bytes()).hexdigest()
        with whole_file(self.path / SUCCESS, overwrite=True) as handle:
            handle.write(f"{told}\n".encode())
        return True

    def _write(self, name: str, value: Any) -> None:
        with whole_file(self.path / name, overwrite=True) as handle:
            handle.write(canonical(value) + b"\n")


def _counts(receipt: Receipt) -> Counter[str]:
    return Counter({rule: len(samples) for rule, samples in receipt.rejected.items()})


def _owner(lock: int) -> str:
    """Who holds it, as it said when it began."""
    try:
        os.lseek(lock, 0, os.SEEK_SET)
        return f"process {os.read(lock, 200).decode(errors='replace')}"
    except OSError as error:  # Windows does not let what is locked be read
        return errno.errorcode.get(error.errno or 0, "unknown")
