"""What is exported, whatever the container."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..encoding import SUFFIX
from ..plan import Plan
from ..reading import Sample

METADATA = "metadata.jsonl"


@dataclass(frozen=True)
class Contents:
    """What a container is filled with.

    Attributes:
        plan: of the job that made the samples.
        samples: how many there are.
        per_file: how many go into one file, where a container has several.
        card: its README.md.
    """

    plan: Plan
    samples: int
    per_file: int
    card: bytes

    @property
    def suffix(self) -> str:
        """Of pictures: "jpg"."""
        return SUFFIX[self.plan.codec.format]

    @property
    def files(self) -> int:
        """How many files a container of several has."""
        return -(-self.samples // self.per_file)

    def start(self, place: Path) -> None:
        """Make the folder of a container, and README.md in it."""
        place.mkdir()
        (place / "README.md").write_bytes(self.card)

    def paths(self, place: Path, suffix: str) -> Iterator[Path]:
        """Files of a container, named so that data set hubs see one split of so many parts."""
        (place / "data").mkdir()
        for number in range(self.files):
            yield place / "data" / f"train-{number:05d}-of-{self.files:05d}.{suffix}"


Write = Callable[[Path, Contents, Iterator[Sample]], None]


def named(sample: Sample, file: str) -> bytes:
    """A line of metadata.jsonl: what is said of a sample, with the name of its file in front."""
    return b'{"file_name":"%s",%s\n' % (file.encode(), sample.about[1:])
