"""`steerx directions import` and `export`: the files of other tools, read as data and nothing else."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .failures import DATA, USAGE, Failure
from .opening import in_options, open_generator
from .options import SpaceName

if TYPE_CHECKING:
    from torch import Tensor

    from ..directions import Directions

_MATRICES = ("vectors", "directions", "boundaries", "eigen_vectors", "eigvec")
_VALUES = ("scores", "eigen_values", "values")
_MAX_VECTORS = 10_000  # each gets a name


class Format(StrEnum):
    """Whose file it is."""

    interfacegan = "interfacegan"
    sefa = "sefa"
    ganspace = "ganspace"
    rosinality = "rosinality"
    e4e = "e4e"


def imported(
    path: Path, form: Format | None, *, space: SpaceName | None, network: str | None
) -> Directions:
    """Directions of another tool's file, checked against the network that is named.

    Raises:
        Failure: a file that is refused, or directions that do not fit the network.
        OSError: a file that cannot be read.
    """
    from ..checkpoints import CheckpointError

    try:
        if form is None:
            form = _guessed(path)
            typer.echo(f"{path} is read as --format {form.value}", err=True)
        found = _read(path, form, None if space is None else space.value)
    except (ValueError, CheckpointError) as error:
        raise Failure(f"{path} is refused: {_options(str(error))}", DATA) from error
    if network is None:
        typer.echo(
            "note: the file names no network; --network would check and remember it", err=True
        )
        return found
    G = open_generator(network, device="cpu", dtype="float32")
    try:
        found.check_generator(G)
    except ValueError as error:
        raise Failure(f"{path} does not fit {network}: {in_options(str(error))}", DATA) from error
    return replace(found, model_id=G.model_id, resolution=G.resolution)


def exported(one: Directions, form: Format) -> tuple[tuple[str, ...], Callable[[Path, bool], None]]:
    """Suffixes of the file, and what writes it.

    Raises:
        Failure: a set that this format cannot say.
    """
    from .writing import write

    if form not in (Format.interfacegan, Format.sefa, Format.ganspace):
        raise Failure(
            f"export: {form.value} is read only; give interfacegan, sefa or ganspace", USAGE
        )
    reason = _unsayable(one, form)
    if reason:
        raise Failure(f"export --format {form.value}: {reason}", DATA)
    try:
        data = _BYTES[form](one)
    except ValueError as error:
        raise Failure(f"export --format {form.value}: {error}", DATA) from error
    for lost in _lost(one, form):
        typer.echo(f"note: {lost}", err=True)

    def save(path: Path, overwrite: bool) -> None:
        write(path, data, force=overwrite)

    return ((".npz",) if form is Format.ganspace else (".npy",)), save


def check_name(path: Path, one: Directions, form: Format) -> None:
    """Refuse a name of a boundary that says another space, before anything is written."""
    if form is not Format.interfacegan:
        return
    space = one.space
    said = path.stem.removesuffix("_boundary")
    if said == path.stem or said.endswith("_w") != (space == "w"):
        good = "MODEL_smile_w_boundary.npy" if space == "w" else "MODEL_smile_boundary.npy"
        raise Failure(
            f"--out {path}: the name of a boundary says its space, and this one is of {space}; call it "
            f"like {good}",
            USAGE,
        )


def _guessed(path: Path) -> Format:
    """Whose file it is, where that is clear."""
    from ..checkpoints.numpy_file import npz_names

    suffix, stem = path.suffix.lower(), path.stem.lower()
    if suffix == ".npz":
        return Format.ganspace if "lat_comp" in npz_names(path) else Format.sefa
    if suffix == ".npy" and stem.endswith("boundary"):
        return Format.interfacegan
    if suffix == ".npy" and "sefa" in stem:
        return Format.sefa
    if suffix in (".pt", ".pth"):
        return Format.rosinality if _is_dictionary(path) else Format.e4e
    raise Failure(
        f"{path}: it is not clear whose file this is; give --format "
        f"{', '.join(form.value for form in Format)}",
        USAGE,
    )


def _read(path: Path, form: Format, space: Any) -> Directions:
    from ..directions import load_boundary, load_ganspace

    if form is Format.interfacegan:
        return load_boundary(path, space=space)
    if form is Format.ganspace:
        return load_ganspace(path, space=space)
    if form is Format.sefa:
        return _sefa(path, space)
    return _rosinality(path, space) if form is Format.rosinality else _e4e(path, space)


def _sefa(path: Path, space: Any) -> Directions:
    """Eigenvectors as rows [K, D], and eigenvalues [K] where an archive has them."""
    import torch

    from ..checkpoints.numpy_file import npz_names, read_npy, read_npz

    values = None
    if path.suffix.lower() == ".npz":
        names = npz_names(path)
        main = next((n for n in _MATRICES if n in names), names[0] if len(names) == 1 else None)
        if main is None:
            raise ValueError(f"expected an array called {' or '.join(_MATRICES)}, got {names[:8]}")
        score = next((n for n in _VALUES if n in names), None)
        found = read_npz(path, [main] if score is None else [main, score])
        array = found[main]
        values = None if score is None else torch.from_numpy(found[score]).flatten().float()
    else:
        array = read_npy(path)
    rows = torch.from_numpy(array)
    return _set(rows, path, "SeFa", space or "w_plus", "after_truncation", "sefa", values)


def _rosinality(path: Path, space: Any) -> Directions:
    """The closed-form factors of rosinality: `eigvec` [D, D], a direction in each column."""
    vectors = _torch_file(path, "eigvec")
    if vectors.dim() != 2:
        raise ValueError(f"eigvec must be [D, D], got {list(vectors.shape)}")
    return _set(vectors.T, path, "SeFa", space or "w_plus", "before_truncation", "sefa", None)


def _e4e(path: Path, space: Any) -> Directions:
    """A direction as e4e and its kin keep it: a tensor [1, D], or [L, D] with a row per layer."""
    vectors = _torch_file(path, None)
    if vectors.dim() == 2 and len(vectors) > 1:
        vectors = vectors[None]
    return _set(
        vectors, path, "InterFaceGAN", space or "w_plus", "after_truncation", path.stem, None
    )


def _torch_file(path: Path, key: str | None) -> Tensor:
    """The tensor of a torch file, or the one under a key of its dictionary; nothing in it is run."""
    from ..checkpoints.containers import read_contents
    from ..checkpoints.loading import load_tensor
    from ..checkpoints.source import FileSource

    with FileSource(path) as source:
        record: Any = read_contents(source).tree
        if key is not None:
            record = record.get(key) if isinstance(record, dict) else None
        if not hasattr(record, "storage"):
            what = "a tensor" if key is None else f"a dictionary with a tensor {key}"
            raise ValueError(f"expected {what}, got something else")
        return load_tensor(record, name=key or "the tensor")


def _is_dictionary(path: Path) -> bool:
    from ..checkpoints.containers import read_contents
    from ..checkpoints.source import FileSource

    with FileSource(path) as source:
        return isinstance(read_contents(source).tree, dict)


def _set(
    rows: Tensor, path: Path, method: str, space: str, when: Any, stem: str, scores: Tensor | None
) -> Directions:
    """Unit vectors [K, D] or [K, L, D] with their names."""
    import torch

    from ..directions import Directions

    rows = rows[None] if rows.dim() == 1 else rows
    fits = rows.dim() in (2, 3) and 0 < len(rows) <= _MAX_VECTORS and rows.numel()
    if not fits or not rows.dtype.is_floating_point or not bool(rows.isfinite().all()):
        raise ValueError(f"expected finite vectors [K, D], got {rows.dtype} {list(rows.shape)}")
    rows = rows.double()
    lengths = torch.linalg.vector_norm(rows, dim=-1)
    lengths = lengths.amax(dim=1) if lengths.dim() == 2 else lengths
    if not bool((lengths > 0).all()):
        raise ValueError("a vector of zeros is no direction")
    low, high = float(lengths.min()), float(lengths.max())
    if max(abs(low - 1), abs(high - 1)) > 1e-3:
        typer.echo(
            f"note: vectors of length {low:.4g} to {high:.4g} were made unit length; multiply an "
            "alpha of the other tool by its length to go as far here",
            err=True,
        )
    unit = rows / lengths.reshape(-1, *[1] * (rows.dim() - 1))
    return Directions(
        unit.float().contiguous(),
        space=space,
        names=[stem] if len(rows) == 1 else [f"{stem}{k}" for k in range(len(rows))],
        when=when,
        scores=scores,
        score_name=None if scores is None else "eigenvalue",
        sign="as imported",
        provenance={"method": method, "file": path.name},
    )


def _unsayable(one: Directions, form: Format) -> str:
    """Why a format cannot say these directions, or "" where it can."""
    if form is Format.ganspace:
        layered = [n for n, rows in zip(one.names, one.layers, strict=True) if rows is not None]
        return f"the archive has no layers, and {layered[0]!r} has some" if layered else ""
    if one.vectors.dim() != 2:
        return "the file holds a vector for all layers, and these have one per layer"
    if one.motion == "absolute" and one.origin == "boundary":
        return "the file has no intercept, and these move to a distance from their boundary"
    if form is Format.sefa:
        if one.space not in ("z", "w", "w_plus"):
            return f"the file holds vectors of a latent, and these are of {one.space}"
        many = len({tuple(rows or ()) for rows in one.layers}) > 1
        return (
            "the file has no layers, and these move different ones; pick with --only"
            if many
            else ""
        )
    if len(one) != 1:
        return f"the file holds one direction and there are {len(one)}; pick one with --only NAME"
    if one.space not in ("z", "w"):
        return f"a boundary lives in z or w, and {one.names[0]!r} in {one.space}"
    if one.layers[0] is not None:
        return f"a boundary moves all layers, and {one.names[0]!r} only some"
    return ""


def _lost(one: Directions, form: Format) -> list[str]:
    """What the other tool has to be told, since its file does not say it."""
    from .._layers import format_layers

    told = []
    if form is not Format.ganspace and one.unit == "sigma":
        reach = ", ".join(f"{value:.4g}" for value in one.scale.tolist()[:5])
        told.append(f"the file has no sigma; alpha = 1 here is a step of {reach} there")
    if form is Format.interfacegan and one.intercepts is not None:
        told.append(f"the file has no intercept; here it is {float(one.intercepts[0]):.6g}")
    if form is Format.sefa and one.layers[0] is not None:
        told.append(f"the file has no layers; give -L {format_layers(one.layers[0])} there")
    return told


def _boundary(one: Directions) -> bytes:
    from ..directions import save_boundary

    return _saved(one, save_boundary, "boundary.npy")


def _ganspace(one: Directions) -> bytes:
    from ..directions import save_ganspace

    return _saved(one, save_ganspace, "archive.npz")


def _rows(one: Directions) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, one.vectors.float().numpy(), allow_pickle=False)
    return buffer.getvalue()


def _saved(one: Directions, save: Callable[..., None], name: str) -> bytes:
    """Bytes of a file that is made before anything of the user's is touched."""
    with tempfile.TemporaryDirectory() as folder:
        save(one, Path(folder) / name)
        return (Path(folder) / name).read_bytes()


_BYTES: dict[Format, Callable[[Directions], bytes]] = {
    Format.interfacegan: _boundary,
    Format.sefa: _rows,
    Format.ganspace: _ganspace,
}


def _options(line: str) -> str:
    line = in_options(line)
    return line.replace('say load_ganspace(path, space="w")', "give --space z or --space w")
