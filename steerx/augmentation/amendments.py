"""Amendments of a plan: what is not yet done goes on in batches of another size.

plan.json never changes. plan-0001.json, plan-0002.json, ... each name the plan before them, the shards that are done
and stay as they are, and the batch of the others. A plan with another batch is another plan, with an id of its own,
which receipts and samples name: its shards have the bytes of a job that had this batch from the beginning.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from .errors import DamageError
from .plan import Plan, Ranges, ranges_of
from .values import Value, canonical, digest

VERSION: Final = 1
_FILES = "plan-[0-9][0-9][0-9][0-9].json"
_REMEDY = (
    "remove it and those after it, and give `steerx augment plan --amend-batch` again with their batches, which "
    "events.jsonl tells, in the same order: shards that are done stay"
)


class Amendment(Value):
    """One of them.

    Attributes:
        amends: id of the plan before it.
        kept: shards that were done, and stay with the plans that they were made by.
        batch: pictures rendered at once for the others.
        plan_id: of the plan with this batch.
    """

    steerx_amendment: Literal[1] = VERSION
    amends: str
    kept: Ranges
    batch: int = Field(ge=1)
    plan_id: str

    def to_json(self) -> bytes:
        """The file."""
        told = self.model_dump(mode="json")
        return canonical({"amendment": told, "sha256": digest(told)}) + b"\n"


class _File(Value):
    """What the file of an amendment holds."""

    amendment: Amendment
    sha256: str


@dataclass(frozen=True)
class Part:
    """Shards that one plan makes.

    Attributes:
        plan_id, batch: of the plan.
        shards: inclusive ranges.
    """

    plan_id: str
    batch: int
    shards: Ranges


@dataclass(frozen=True)
class Plans:
    """The plan of a folder and its amendments; they differ in batch and id alone.

    Attributes:
        each: that of plan.json, then one for each amendment.
        kept: of each amendment, the shards that stay with the plans before it.
    """

    each: tuple[Plan, ...]
    kept: tuple[Ranges, ...] = ()

    @property
    def last(self) -> Plan:
        """By which what is begun now is made."""
        return self.each[-1]

    def of(self, shard: int) -> Plan:
        """By which a shard is made, and made again where it was damaged."""
        number = len(self.kept)
        while number and _within(shard, self.kept[number - 1]):
            number -= 1
        return self.each[number]

    def parts(self) -> tuple[Part, ...]:
        """Which shards each plan makes; none of those that make nothing."""
        batches = {plan.plan_id: plan.batch for plan in self.each}
        made: dict[str, list[int]] = {plan_id: [] for plan_id in batches}
        for shard in range(self.last.shards):
            made[self.of(shard).plan_id].append(shard)
        some = ((plan_id, shards) for plan_id, shards in made.items() if shards)
        return tuple(Part(name, batches[name], ranges_of(shards)) for name, shards in some)

    def amendment(self, batch: int, kept: Ranges) -> Amendment:
        """The next one."""
        plan = self.last.with_batch(batch)
        return Amendment(amends=self.last.plan_id, kept=kept, batch=batch, plan_id=plan.plan_id)

    def amended(self, told: Amendment) -> Plans:
        """These, and one more."""
        return Plans((*self.each, self.last.with_batch(told.batch)), (*self.kept, told.kept))

    @property
    def next_name(self) -> str:
        """File name of the next amendment."""
        return f"plan-{len(self.each):04d}.json"


def read_plans(folder: Path, root: Plan) -> Plans:
    """The amendments that lie in a folder of a plan, applied in order.

    Raises:
        DamageError: one is torn, was changed, is of a later version, or does not follow the one before it.
    """
    plans = Plans((root,))
    for file in sorted(folder.glob(_FILES)):
        try:
            held = _File.model_validate_json(file.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise DamageError(
                f"{file} is torn or no amendment of this version: {place}: {first['msg']}; {_REMEDY}"
            ) from error
        told = held.amendment
        if digest(told.model_dump(mode="json")) != held.sha256:
            raise DamageError(f"{file} was changed: it has not its sha256; {_REMEDY}")
        if told != plans.amendment(told.batch, told.kept):
            raise DamageError(
                f"{file} amends the plan {told.amends[:12]}, the one before it is "
                f"{plans.last.plan_id[:12]}: another file is missing or foreign; {_REMEDY}"
            )
        plans = plans.amended(told)
    return plans


def _within(shard: int, ranges: Ranges) -> bool:
    place = bisect_right(ranges, shard, key=lambda pair: pair[0])
    return place > 0 and shard <= ranges[place - 1][1]
