"""The plan of a bulk job: all that its bytes depend on, and nothing else.

Not in it: how many workers there are, hosts, device numbers, paths. They may change between two runs of a job
without changing a byte of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from ..working.backend import Backend
from .alphas import Alphas
from .errors import DamageError, PlanError
from .rules import Rule
from .values import Value, canonical, digest

VERSION: Final = 1
RNG: Final = "philox4x32-10/normal-v1"
_REMEDY: Final = (
    "`steerx augment resume` writes it anew where a receipt names the same plan, else begin in an empty "
    "folder"
)


Ranges = tuple[tuple[int, int], ...]  # inclusive, in order


class Drawn(Value):
    """Sources whose z is drawn by their number."""

    kind: Literal["drawn"] = "drawn"
    count: int = Field(ge=0)


class Seeded(Value):
    """Sources that are seeds, as `sample --seeds` knows them: inclusive ranges, in order."""

    kind: Literal["seeds"] = "seeds"
    count: int = Field(ge=0)
    ranges: Ranges


class Given(Value):
    """Sources that are rows of a file of codes."""

    kind: Literal["codes"] = "codes"
    count: int = Field(ge=0)
    space: Literal["z", "w", "w_plus", "styles"]
    sha256: str


Sources = Annotated[Drawn | Seeded | Given, Field(discriminator="kind")]


class Edit(Value):
    """One direction, and how far samples are moved along it."""

    name: str
    sha256: str
    space: str
    layers: str
    unit: str
    alphas: Alphas


class Judging(Value):
    """Who scores the pictures, how alphas are sought for scores, and which pictures are taken.

    Attributes:
        sha256: of the scorer, as far as it can be told.
        names: of its columns.
        reach: lowest and highest alpha that is looked at.
        tolerance: of a score that is sought.
        looks: pictures that a search may render beyond that at alpha 0.
        rules: that a picture must keep.
        tries: draws of a sample; one that is refused at the last is rejected.
    """

    sha256: str
    names: tuple[str, ...] = Field(min_length=1)
    reach: tuple[float, float]
    tolerance: float = Field(gt=0)
    looks: int = Field(ge=1)
    rules: tuple[Rule, ...]
    tries: int = Field(ge=1, lt=2**15)


class Codec(Value):
    """How pictures are encoded, and by which version of what."""

    format: Literal["jpeg", "png", "webp"]
    quality: int | None = Field(default=None, ge=1, le=100)
    subsampling: Literal["444", "420"] | None = None
    encoder: str


class Plan(Value):
    """See the module.

    Attributes:
        key: of all random draws.
        edits_per_source, at_once: each source gives so many edited samples, each moved along so many of the
            directions; both go through directions and fixed alphas in turn.
        keep_original: each source gives its unedited picture too, before the edited ones.
        labels: classes of a conditional network; source n has class labels[n % len(labels)].
        judging: None = nothing is scored.
        batch: pictures rendered at once; the last batch of a shard is filled up to it.
    """

    steerx_plan: Literal[1] = VERSION
    rng: Literal["philox4x32-10/normal-v1"] = RNG
    model_id: str
    resolution: int = Field(ge=1)
    key: int = Field(ge=0, lt=2**63)
    sources: Sources
    psi: float
    cutoff: int | None
    labels: tuple[int, ...]
    noise: Literal["sample", "const", "none"]
    edits: tuple[Edit, ...]
    edits_per_source: int = Field(ge=0)
    at_once: int = Field(ge=0)
    keep_original: bool
    judging: Judging | None = None
    codec: Codec
    shard_size: int = Field(ge=1)
    batch: int = Field(ge=1)
    backend: Backend

    @property
    def per_source(self) -> int:
        """Samples of each source."""
        return self.edits_per_source + self.keep_original

    @cached_property
    def samples(self) -> int:
        """Samples of the job."""
        return self.sources.count * self.per_source

    @property
    def shards(self) -> int:
        """Shards of the job."""
        return -(-self.samples // self.shard_size)

    @cached_property
    def plan_id(self) -> str:
        """sha256 of the plan; every receipt names it."""
        return digest(self.model_dump(mode="json"))

    def span(self, shard: int) -> range:
        """Samples of a shard."""
        first = shard * self.shard_size
        return range(first, min(first + self.shard_size, self.samples))

    def shard_name(self, shard: int) -> str:
        """File name of a shard: of one width, so that names sort."""
        return f"shard-{shard:0{max(6, len(str(self.shards - 1)))}d}.tar"

    def sample_name(self, sample: int) -> str:
        """Name of a sample, without suffix."""
        return f"{sample:0{max(9, len(str(self.samples - 1)))}d}"

    def with_batch(self, size: int) -> Plan:
        """The plan that differs in its batch alone, with the id that this gives it."""
        return Plan.model_validate(self.model_dump() | {"batch": size})

    def to_json(self) -> bytes:
        """The file `plan.json`."""
        return canonical({"plan": self.model_dump(mode="json"), "plan_id": self.plan_id}) + b"\n"

    @staticmethod
    def from_json(text: bytes, *, where: str) -> Plan:
        """Read `plan.json`.

        Raises:
            DamageError: it is torn, was changed, or is of a later version.
        """
        try:
            held = PlanFile.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise DamageError(
                f"{where} is torn or no plan of this version: {place}: {first['msg']}; {_REMEDY}"
            ) from error
        if held.plan.plan_id != held.plan_id:
            raise DamageError(
                f"{where} was changed: it is not the plan that its plan_id names; {_REMEDY}"
            )
        return held.plan


class PlanFile(Value):
    """What `plan.json` holds."""

    plan: Plan
    plan_id: str


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """Inclusive ranges of numbers that follow each other, in order."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return tuple((first, last) for first, last in ranges)


def same(was: Plan, now: Plan, *, where: str) -> None:
    """Refuse a job that is not the one of the folder.

    Raises:
        PlanError: with the difference, field by field.
    """
    if was == now:
        return
    told = "; ".join(differences(was.model_dump(mode="json"), now.model_dump(mode="json")))
    raise PlanError(
        f"{where} holds another job: {told}; go on with what it was started with, or give an empty folder"
    )


def differences(was: Any, now: Any, name: str = "") -> list[str]:
    """What differs between two plain values, each with its place: `codec.quality was 90, is 95`."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        keys = [*was, *(key for key in now if key not in was)]
        some = (differences(was.get(k), now.get(k), f"{name}.{k}".lstrip(".")) for k in keys)
        return [line for lines in some for line in lines]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = enumerate(zip(was, now, strict=True))
        return [line for n, (a, b) in pairs for line in differences(a, b, f"{name}.{n}")]
    return [] if was == now else [f"{name} was {_short(was)}, is {_short(now)}"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
