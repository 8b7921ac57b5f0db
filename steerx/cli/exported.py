"""`steerx augment export`: a data set in the form that another program reads."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .failures import DATA, Failure
from .progress import progress


class ContainerName(StrEnum):
    """What pictures and columns are put into."""

    webdataset = "webdataset"
    imagefolder = "imagefolder"
    stylegan_zip = "stylegan-zip"
    parquet = "parquet"


def export(
    folder: Annotated[Path, typer.Argument(help="Folder of the data set.", show_default=False)],
    to: Annotated[
        ContainerName,
        typer.Option(
            "--to",
            help="Tar files; pictures and metadata.jsonl; one zip with dataset.json; Parquet with the "
            "pictures in it.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="A new folder; of a zip, a file.", show_default=False),
    ],
    per_file: Annotated[
        int | None,
        typer.Option(
            "--per-file",
            help="Samples in a file of webdataset and parquet.",
            min=1,
            show_default="500 MB",
        ),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take what is there of an unfinished data set.")
    ] = False,
) -> None:
    """Write a finished data set in another form; all of it is compared with its receipts on the way."""
    from ..augmentation import Folder, UnfinishedError
    from ..augmentation import export as write

    with progress("exporting", Folder.read(folder).plan.samples) as advance:
        try:
            count = write(
                folder, to=to.value, out=out, per_file=per_file, partial=partial, watch=advance
            )
        except UnfinishedError as error:
            raise Failure(str(error).replace("say partial=True", "give --partial"), DATA) from error
    typer.echo(f"{count} pictures in {out}")
