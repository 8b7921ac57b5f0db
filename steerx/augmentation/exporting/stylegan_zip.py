"""A zip with dataset.json, which trainers of the StyleGAN family read.

Members are stored, not compressed. Pictures are `00000/img00000000.png`, a thousand to a folder; `dataset.json` has
one entry, `labels`: a list of [name, class], or null where there are no classes. `metadata.jsonl` and README.md
are no part of that layout; readers pass over what is no picture.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from ..reading import Sample
from .contents import METADATA, Contents, named

_IN_A_FOLDER = 1000


def write(place: Path, contents: Contents, samples: Iterator[Sample]) -> None:
    """Write the archive."""
    with (
        ZipFile(place, "x", ZIP_STORED) as archive,
        tempfile.TemporaryFile(dir=place.parent) as metadata,
        tempfile.TemporaryFile(dir=place.parent) as labels,
    ):
        for number, sample in enumerate(samples):
            file = f"{number // _IN_A_FOLDER:05d}/img{number:08d}.{contents.suffix}"
            archive.writestr(_member(file), sample.picture)
            metadata.write(named(sample, file))
            if contents.plan.labels:
                label = json.loads(sample.about)["class"]
                labels.write(b'%s["%s",%d]' % (b"," if number else b"", file.encode(), label))
        _copy(archive, METADATA, b"", metadata, b"")
        head, tail = (b'{"labels":[', b"]}") if contents.plan.labels else (b'{"labels":null', b"}")
        _copy(archive, "dataset.json", head, labels, tail)
        archive.writestr(_member("README.md"), contents.card)


def _member(name: str) -> ZipInfo:
    """A member without a time of its own, so that the same pictures give the same archive."""
    member = ZipInfo(name)
    member.create_system, member.external_attr = 3, 0o644 << 16  # as made on Unix, wherever it was
    return member


def _copy(archive: ZipFile, name: str, head: bytes, middle: IO[bytes], tail: bytes) -> None:
    """A member that was collected in a file, since an archive takes one member at a time."""
    middle.seek(0)
    with archive.open(_member(name), "w", force_zip64=True) as member:
        member.write(head)
        shutil.copyfileobj(middle, member)
        member.write(tail)
