"""Codes in files: those of other tools as they are, and our own, which know where they come from.

Arrays (`.npy`, `.npz`), one tensor as `torch.save` writes it (`.pt`, as e4e, pSp and PTI leave their w_plus), a
"latent" for each picture (`.pt` of rosinality's projector), and `.safetensors`: a tensor named by its space (`z`,
`w`, `w_plus`), or `styles.0`, `styles.1`, ... for styles. Our own files carry a JSON text under the metadata key
`steerx`: {"kind": "codes", "version": 1, "space", and what is known of "model_id", "psi", "cutoff", "label",
"seeds"}. Nothing in a file is run, and codes are never changed on the way.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from .._files import whole_file
from ..checkpoints import CheckpointError
from ..checkpoints.containers import read_contents
from ..checkpoints.errors import shown
from ..checkpoints.loading import load_tensor
from ..checkpoints.numpy_file import NPY_LIMIT, NPZ_LIMIT, npz_names, read_npy, read_npz, write_npy
from ..checkpoints.records import ITEM_BYTES, TensorRecord
from ..checkpoints.source import FileSource
from ..checkpoints.tensor_file import MAX_HEADER_BYTES, parse_json, write_tensor_file
from .generator import Codes, CodeSpace

VERSION = 1
SUFFIXES = (".npy", ".npz", ".safetensors", ".pt", ".pth")
MAX_STYLES = 64
# Names that say a space: tensors and arrays in files, and the files of InterFaceGAN.
_SPACES: dict[str, CodeSpace] = {
    "z": "z",
    "w": "w",
    "wp": "w_plus",
    "ws": "w_plus",
    "w_plus": "w_plus",
}
_TORCH_FILES = 'one tensor [N, D] or [N, L, D], or dicts with a "latent" of one shape each'
_RESERVED = ("kind", "version", "space")


class CodesFileError(ValueError):
    """A file that holds no codes this version can read; the message says why."""


@dataclass(frozen=True, eq=False)
class SavedCodes:
    """The codes of a file.

    Attributes:
        codes: [N, Z], [N, D], [N, L, D] or styles, as stored: float32 (from float16 too) or float64.
        space: which of these; None where the file does not say and [N, D] may be z or w.
        facts: what our own files say: "model_id", "psi", "cutoff", "label", "seeds" where known.
    """

    codes: Codes
    space: CodeSpace | None
    facts: dict[str, Any] = field(default_factory=dict)


def read_codes(
    path: str | os.PathLike[str], *, space: str | None = None, limit: int = NPY_LIMIT
) -> tuple[Codes, CodeSpace | None]:
    """Codes of a file and their space: `read_saved` without the facts.

    Args:
        path, space, limit: as in `read_saved`.

    Raises:
        CodesFileError: as `read_saved`.
        OSError: the file cannot be opened or read.
    """
    saved = read_saved(path, space=space, limit=limit)
    return saved.codes, saved.space


def read_saved(
    path: str | os.PathLike[str], *, space: str | None = None, limit: int = NPY_LIMIT
) -> SavedCodes:
    """Codes of a file, exactly as they are stored, with what the file says of them.

    Args:
        path: `.npy`, `.npz`, `.safetensors`, or a `.pt` that holds one tensor or a "latent" for each picture.
        space: "z", "w", "w_plus" or "styles", where the file does not say; it also picks one of several
            arrays of an `.npz`.
        limit: most bytes of codes that are read.

    Raises:
        CodesFileError: another kind of file, a damaged one, codes of another form than the space has, or
            numbers that are not finite.
        OSError: the file cannot be opened or read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    facts: dict[str, Any] = {}
    said: CodeSpace | None
    try:
        if suffix == ".safetensors":
            codes, said, facts = _tensor_file(path, limit)
        elif suffix in (".pt", ".pth"):
            codes, said = _torch_file(path, limit)
        elif suffix == ".npz":
            codes, said = _archive(path, space, limit)
        elif suffix == ".npy":
            codes = torch.from_numpy(read_npy(path, limit_bytes=limit))
            said = _SPACES.get(path.stem) if space is None else None
        else:
            raise ValueError(f"codes are {', '.join(SUFFIXES[:-1])} files")
        return _checked(codes, cast("CodeSpace | None", space), said, facts)
    except (CheckpointError, ValueError, TypeError) as error:
        raise CodesFileError(f"{path} holds no codes: {error}") from error


def save_codes(
    path: str | os.PathLike[str],
    codes: Codes,
    space: CodeSpace,
    *,
    overwrite: bool = False,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write codes, whole or not at all; `read_codes` gives the same numbers back.

    Args:
        path: `.safetensors`, which keeps the space and the facts; or `.npy` for other tools (no styles).
        codes: [N, Z], [N, D], [N, L, D] or styles; written as float32, or float64 if they are.
        space: of the codes.
        overwrite: replace an existing file.
        facts: plain JSON data: "model_id", "psi" and "cutoff" that w_plus went through, "label", "seeds".

    Raises:
        ValueError: another suffix, codes of another form than the space has, numbers that are not finite, or
            facts that JSON cannot say.
        OSError: the file cannot be written; `FileExistsError` where it exists.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".safetensors", ".npy") or (suffix == ".npy" and space == "styles"):
        kinds = ".safetensors" if space == "styles" else ".safetensors or .npy"
        raise ValueError(f"save_codes: codes in {space} go to {kinds}, got {str(path)!r}")
    try:
        codes = _checked(codes, space, None, {}).codes
        known = {key: value for key, value in (facts or {}).items() if key not in _RESERVED}
        document = {"kind": "codes", "version": VERSION, "space": space, **known}
        text = json.dumps(document, sort_keys=True, allow_nan=False)
        if len(text) > MAX_HEADER_BYTES // 4:  # quoted once more in the header
            raise ValueError(f"facts of {len(text)} characters, at most {MAX_HEADER_BYTES // 4}")
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"save_codes: {error}") from error
    rows = codes if isinstance(codes, list) else [codes]
    names = [f"styles.{i}" for i in range(len(rows))] if space == "styles" else [space]
    with whole_file(path, overwrite=overwrite) as handle:
        if suffix == ".npy":
            write_npy(handle, rows[0])
        else:
            tensors = dict(zip(names, rows, strict=True))
            write_tensor_file(handle, tensors, metadata={"steerx": text}, dtype=rows[0].dtype)


def _tensor_file(path: Path, limit: int) -> tuple[Codes, CodeSpace, dict[str, Any]]:
    """A `.safetensors` file; its metadata are optional, the tensors' names are not."""
    with FileSource(path) as source:
        contents = read_contents(source)
        records = contents.tree
        if contents.container != "safetensors" or not isinstance(records, dict):
            raise ValueError(f"this is a {contents.container} file under another name")
        facts = _facts(contents.metadata.get("steerx"))
        styles = [f"styles.{i}" for i in range(MAX_STYLES) if f"styles.{i}" in records]
        known = [name for name in records if name in _SPACES]
        if len(records) == len(styles) > 0 and f"styles.{len(styles) - 1}" in records:
            codes: Codes = [_load(records[name], name, limit // len(styles)) for name in styles]
            space: CodeSpace = "styles"
        elif len(known) == len(records) == 1:
            codes, space = _load(records[known[0]], known[0], limit), _SPACES[known[0]]
        else:
            listed = ", ".join(shown(name, limit=40) for name in list(records)[:4])
            raise ValueError(f"expected one tensor z, w or w_plus, or styles.0, ...; got {listed}")
        if facts.pop("space", space) != space:
            raise ValueError(f"its metadata and its tensor {known or styles[:1]} disagree")
        source.check_unchanged()
    return codes, space, facts


def _facts(text: str | None) -> dict[str, Any]:
    """The facts of our own metadata; {} for a file of another tool."""
    if text is None:
        return {}
    document = parse_json(text)
    kind = document.get("kind", "network") if isinstance(document, dict) else None
    if not isinstance(document, dict) or kind != "codes":
        what = shown(kind, limit=40) if isinstance(kind, str) else "something else"
        raise ValueError(f"its metadata say that it holds {what}")
    version = document.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise ValueError(f"codes of another version than {VERSION}; install a newer steerx")
    return {key: value for key, value in document.items() if key not in ("kind", "version")}


def _torch_file(path: Path, limit: int) -> tuple[Tensor, CodeSpace | None]:
    """One tensor as `torch.save` writes it, or a dict of pictures, each with its w or w_plus as "latent"."""
    with FileSource(path) as source:
        tree = read_contents(source).tree
        said: CodeSpace | None = None
        if isinstance(tree, TensorRecord):
            codes = _load(tree, "the tensor", limit)
        else:
            latents = [_latent(one) for one in tree.values()] if isinstance(tree, dict) else []
            rows = [r for r in latents if r is not None]
            if not rows or len(rows) < len(latents) or len({r.shape for r in rows}) > 1:
                raise ValueError(f"expected {_TORCH_FILES}; save that by itself")
            codes = torch.stack([_load(r, "a latent", limit // len(rows)) for r in rows])
            said = "w"
        source.check_unchanged()
    return codes, said


def _latent(one: object) -> TensorRecord | None:
    """What the projector keeps of a picture; its noise maps are left behind."""
    latent = one.get("latent") if isinstance(one, dict) else None
    return latent if isinstance(latent, TensorRecord) else None


def _load(record: TensorRecord, name: str, limit: int) -> Tensor:
    # A stride of 0 makes a large tensor of few bytes, so its own size counts.
    if math.prod(record.shape) * ITEM_BYTES[record.storage.dtype] > limit:
        raise ValueError(f"{name} {list(record.shape)} is larger than {limit} bytes")
    return load_tensor(record, name=name, dtype=None, allow_nonfinite=True)


def _archive(path: Path, space: str | None, limit: int) -> tuple[Tensor, CodeSpace | None]:
    """The one array of an `.npz`, or the one whose name says the space."""
    # Codes hardly pack: an archive that grows more than fourfold is after the memory.
    limit = min(limit, max(NPZ_LIMIT, 4 * path.stat().st_size))
    names = npz_names(path)
    named = [n for n in names if n in _SPACES and space in (None, _SPACES[n])]
    chosen = names if len(names) == 1 else named
    if len(chosen) != 1:
        listed = ", ".join(shown(name, limit=40) for name in names[:6]) or "none"
        hint = "say which space" if named else "one must be called z, w or w_plus"
        raise ValueError(f"{len(names)} arrays ({listed}); {hint}")
    array = read_npz(path, chosen, limit_bytes=limit)[chosen[0]]
    return torch.from_numpy(array), _SPACES.get(chosen[0])


def _checked(
    codes: Codes, space: CodeSpace | None, said: CodeSpace | None, facts: dict[str, Any]
) -> SavedCodes:
    """Codes that have the form of their space, with all numbers finite.

    Args:
        codes: of the file.
        space: what the caller says.
        said: what the file says.
        facts: passed on.
    """
    if space not in (None, *_SPACES.values(), "styles"):
        raise ValueError(f"no space {space!r}; spaces are z, w, w_plus, styles")
    if said == "w" and isinstance(codes, Tensor) and codes.dim() == 3 and codes.shape[1] > 1:
        said = "w_plus"  # NVlabs' projector calls [1, L, D] plainly w
    if space is not None and said is not None and space != said:
        raise ValueError(f"the file says they are {said}, not {space}")
    space = space or said
    rows = codes if isinstance(codes, list) else [codes]
    if isinstance(codes, list) != (space == "styles") or not rows:
        raise ValueError(f"codes in {space} do not come as {len(rows)} tensors")
    if len({len(row) if row.dim() else 0 for row in rows}) != 1:
        raise ValueError("the styles have different numbers of rows")
    rows = [_floats(row) for row in rows]
    if isinstance(codes, list):
        if any(row.dim() != 2 for row in rows):
            raise ValueError("styles must be [N, C]")
        return SavedCodes(rows, "styles", facts)
    one = rows[0][None] if rows[0].dim() == 1 and space in (None, "z", "w") else rows[0]
    if space in ("z", "w") and one.dim() == 3 and one.shape[1] == 1:
        one = one[:, 0]
    if space is None and one.dim() == 3:
        space = "w_plus"
    wanted = {"z": "[N, Z]", "w": "[N, D]", "w_plus": "[N, L, D]", None: "[N, D] or [N, L, D]"}
    if one.dim() != (3 if space == "w_plus" else 2) or not one.numel():
        raise ValueError(f"codes must be {wanted[space]}, got {list(one.shape)}")
    return SavedCodes(one, space, facts)


def _floats(row: Tensor) -> Tensor:
    if not row.is_floating_point():
        raise ValueError(f"codes must be float32 or float64 numbers, got {row.dtype}")
    if not row.isfinite().all():
        bad = int((~row.isfinite()).sum())
        raise ValueError(f"{bad} of {row.numel()} numbers are NaN or infinite")
    return row if row.dtype == torch.float64 else row.float()
