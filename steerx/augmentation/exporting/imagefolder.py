"""A folder of pictures with metadata.jsonl, as Hugging Face's `imagefolder` reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..reading import Sample
from .contents import METADATA, Contents, named

_IN_A_FOLDER = 1000  # more make a folder slow to list


def write(place: Path, contents: Contents, samples: Iterator[Sample]) -> None:
    """Write every picture as a file, a thousand to a folder, and a line of metadata for each."""
    contents.start(place)
    root = os.fspath(place)
    with (place / METADATA).open("xb") as metadata:
        for number, sample in enumerate(samples):
            folder = f"{number // _IN_A_FOLDER:05d}"
            if number % _IN_A_FOLDER == 0:
                (place / folder).mkdir()
            file = f"{folder}/{sample.name}.{contents.suffix}"
            with open(f"{root}/{file}", "xb") as picture:  # a Path for each takes longer
                picture.write(sample.picture)
            metadata.write(named(sample, file))
