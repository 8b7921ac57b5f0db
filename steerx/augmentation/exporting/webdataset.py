"""Tar archives for training: the samples of the shards, in files as large as loaders like them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ..reading import Sample
from ..tar import BUFFER, END, write_member
from .contents import Contents


def write(place: Path, contents: Contents, samples: Iterator[Sample]) -> None:
    """Write archives with a picture and a JSON file for each sample, side by side."""
    contents.start(place)
    for path in contents.paths(place, "tar"):
        with path.open("xb", buffering=BUFFER) as archive:
            for sample in islice(samples, contents.per_file):
                write_member(archive, f"{sample.name}.{contents.suffix}", sample.picture)
                write_member(archive, f"{sample.name}.json", sample.about)
            archive.write(END)
