"""What `steerx mine` found: its file, and tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from . import jobs
from .failures import USAGE, Failure
from .tables import table
from .writing import claim

if TYPE_CHECKING:
    from torch import Tensor

    from ..directions import Directions, InterFaceGAN
    from ..directions.correlation import Correlation

_MATRIX = 12  # attributes in a table that is as wide as high
_PAIRS = 12  # lines where there are more
_OVERHEAD = 4096  # bytes of a direction file beside its tensors, and its job


def claimed(output: Path | None, method: str, force: bool) -> Path:
    """Where the directions go: a file that may be written; a folder gets METHOD.safetensors.

    Raises:
        Failure: another kind of file, or one that may not be written.
    """
    file = Path(f"{method}.safetensors") if output is None else output
    if not file.suffix or file.is_dir():
        file = file / f"{method}.safetensors"
    if file.suffix.lower() != ".safetensors":
        raise Failure(f"--output must end in .safetensors, got {str(file)!r}", USAGE)
    claim([file], force=force)
    return file


def size(k: int, length: int, *, covariance: bool) -> int:
    """Bytes of a file of k directions of some length, about, and of its job."""
    return 4 * k * length + (4 * length**2 if covariance else 0) + _OVERHEAD


def save(directions: Directions, file: Path, *, force: bool, model: str) -> None:
    """Write the directions and the job that found them."""
    jobs.record(file, force=force, model=model)
    directions.save(file, overwrite=force)
    typer.echo(f"{len(directions)} directions in {file}")


def show(directions: Directions, boundaries: InterFaceGAN | None = None) -> None:
    """What was found: a line per direction."""
    from .._layers import format_layers

    d = directions
    columns: dict[str, Sequence[str]] = {
        "name": d.names,
        "layers": ["all" if rows is None else format_layers(rows) for rows in d.layers],
    }
    if d.unit == "sigma":
        columns["sigma"] = [f"{value:.4g}" for value in d.scale.tolist()]
    if boundaries is not None:
        for part, values in boundaries.accuracy_.items():
            means = values.reshape(len(d), -1).mean(dim=1).tolist()
            columns[f"{part} accuracy"] = ["-" if m != m else f"{m:.4g}" for m in means]
    elif d.scores is not None:
        said = (d.score_name or "score").replace("_", " ")
        columns[said] = [f"{value:.4g}" for value in d.scores.tolist()]
    table(zip(*columns.values(), strict=True), head=list(columns))


def show_correlation(found: Correlation) -> None:
    """How the attributes hang together: in the scores, and by the angles of the directions."""
    assert found.cosines is not None
    names = found.names
    if len(names) < 2:
        return
    if len(names) <= _MATRIX:
        for title, values in (
            ("correlation of the scores: what the pictures did", found.scores),
            ("cosines of the directions: geometry, and no correlation in w", found.cosines),
        ):
            typer.echo(title)
            lines = [
                [name, *(f"{value:+.2f}" for value in row)]
                for name, row in zip(names, values.tolist(), strict=True)
            ]
            table(lines, head=["", *names])
        return
    typer.echo(f"the {_PAIRS} pairs of attributes that go together most")
    table(
        _strongest(names, found.scores, found.cosines),
        head=["attributes", "correlation of the scores", "cosine of the directions"],
    )


def _strongest(names: Sequence[str], scores: Tensor, cosines: Tensor) -> list[list[str]]:
    """A line per pair of attributes, the largest correlation first."""
    pairs = [(i, j) for j in range(len(names)) for i in range(j)]
    pairs.sort(key=lambda pair: -abs(float(scores[pair])))
    return [
        [f"{names[i]}, {names[j]}", f"{float(scores[i, j]):+.2f}", f"{float(cosines[i, j]):+.2f}"]
        for i, j in pairs[:_PAIRS]
    ]
