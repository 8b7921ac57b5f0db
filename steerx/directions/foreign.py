"""Files of other tools, both ways: InterFaceGAN boundaries (.npy), GANSpace components (.npz)."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from .._files import whole_file
from ..checkpoints import CheckpointError
from ..checkpoints.numpy_file import NPZ_LIMIT, read_npy, read_npz
from .directions import Directions
from .file import DirectionsFileError

_GANSPACE = re.compile(
    r"(?P<network>.+)_(?P<estimator>ipca|pca-full|fbpca|ica|spca)_c\d+.*"
    r"_n(?P<n>\d+)(?P<w>_w)?(?:_seed(?P<seed>\d+))?"
)
_MAX_VECTORS = 10_000  # each gets a name; a file of noughts could ask for millions
_REQUIRED = ("lat_comp", "lat_stdev", "lat_mean", "var_ratio")


def load_boundary(
    path: str | os.PathLike[str], *, space: Literal["z", "w", "w_plus"] | None = None
) -> Directions:
    """Read an InterFaceGAN boundary, `{model}_{attribute}[_c_{condition}...][_w]_boundary.npy`.

    The name says the space (`_w` is w, otherwise z) and the conditions already removed; it becomes
    the name and the provenance of the direction. The file has no intercept, and says nothing of the
    network.

    Args:
        path: an array [1, D] (or [K, D], or [D]) of float32 or float64.
        space: overrules the name; needed where the name does not follow the grammar.

    Raises:
        ValueError: not such an array, or the space is not known.
    """
    path = Path(path)
    try:
        array = _array(path, read_npy(path, limit_bytes=NPZ_LIMIT))
    except (ValueError, CheckpointError) as error:
        raise DirectionsFileError(f"{path.name}: not a boundary: {error}") from error
    if array.ndim not in (1, 2) or len(np.atleast_2d(array)) > _MAX_VECTORS:
        raise DirectionsFileError(
            f"{path.name}: a boundary must be [1, D], got {list(array.shape)}"
        )
    said = path.stem.removesuffix("_boundary")
    if space is None:
        if said == path.stem:
            raise ValueError(
                f"{path.name}: the name does not say which space the boundary lives in (expected "
                '{model}_{attribute}[_w]_boundary.npy); say load_boundary(path, space="w")'
            )
        space = "w" if said.endswith("_w") else "z"
    head, _, conditions = said.removesuffix("_w").partition("_c_")
    model, _, name = head.rpartition("_")
    vectors = np.atleast_2d(array)
    return Directions(
        torch.from_numpy(_normalised(path, vectors)).float(),
        space=space,
        names=[name] if len(vectors) == 1 else [f"{name}{k}" for k in range(len(vectors))],
        sign="as imported",
        provenance={
            "method": "InterFaceGAN",
            "file": path.name,
            "model": model or None,
            "conditions": [c for c in conditions.replace("_c_", "_").split("_") if c],
        },
    )


def save_boundary(
    directions: Directions, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write one direction as an InterFaceGAN boundary [1, D], without intercept and scale.

    Raises:
        ValueError: more than one direction, or one per layer.
    """
    if len(directions) != 1 or directions.vectors.dim() != 2:
        raise ValueError(
            "save_boundary: the file holds one vector [1, D], got "
            f"{list(directions.vectors.shape)}; pick one, such as directions[0]"
        )
    with whole_file(path, overwrite=overwrite) as handle:
        np.save(handle, directions.vectors.detach().float().cpu().numpy(), allow_pickle=False)


def load_ganspace(
    path: str | os.PathLike[str], *, space: Literal["z", "w"] | None = None
) -> Directions:
    """Read the latent components of a GANSpace `.npz`: unit sigma, scale = `lat_stdev`.

    Activation components stay in the file. Layer ranges are not part of it: they live in GANSpace's
    configuration, half-open, and become `layers` by hand.

    Args:
        path: an archive with lat_comp [c,1,D], lat_mean [1,D], lat_stdev [c], var_ratio [c].
        space: overrules the file name (`_w` is w, otherwise z); needed where the name does not
            follow the grammar and the archive's activation components are not the latent ones.

    Raises:
        ValueError: a key is missing, shapes disagree, or the space is not known.
    """
    path = Path(path)
    try:
        found = read_npz(path, (*_REQUIRED, "random_stdevs"))
    except CheckpointError as error:
        raise DirectionsFileError(f"{path.name}: not a GANSpace archive: {error}") from error
    missing = [key for key in _REQUIRED if key not in found]
    if missing:
        raise DirectionsFileError(
            f"{path.name}: not a GANSpace archive, {', '.join(missing)} missing"
        )
    data = {key: _array(path, array) for key, array in found.items()}
    baseline = data["random_stdevs"].flatten().tolist() if "random_stdevs" in data else None
    match = _GANSPACE.fullmatch(path.stem)
    if space is None and match is not None:
        space = "w" if match["w"] else "z"
    elif space is None and _is_w(path, found["lat_comp"]):
        space = "w"
    if space is None:
        raise ValueError(
            f"{path.name}: the name does not say whether the latents are z or w; say "
            'load_ganspace(path, space="w")'
        )
    shape = data["lat_comp"].shape
    if len(shape) < 2 or len(shape) > 3 or shape[0] > min(_MAX_VECTORS, shape[-1]):
        raise DirectionsFileError(
            f"{path.name}: lat_comp must be [c, 1, D] with c at most D, got {list(shape)}"
        )
    components = data["lat_comp"].reshape(shape[0], -1)
    count, size = components.shape
    for key, expected in (("lat_stdev", count), ("var_ratio", count), ("lat_mean", size)):
        if data[key].size != expected:
            raise DirectionsFileError(
                f"{path.name}: {key} must have {expected} numbers, got {data[key].size}"
            )
    facts: dict[str, Any] = {"method": "GANSpace", "file": path.name}
    if match is not None:
        facts.update(match.groupdict())
        if match["estimator"] != "ipca":
            warnings.warn(
                f"{path.name}: estimator {match['estimator']} was fitted on extra rows of zeros: "
                "its mean is too small, its standard deviations too large, its components "
                "rotated; fit steerx.GANSpace anew if that matters",
                stacklevel=2,
            )
    return Directions(
        torch.from_numpy(_normalised(path, components)).float(),
        space=space,
        names=[f"pc{k}" for k in range(count)],
        scale=torch.from_numpy(data["lat_stdev"].reshape(count)).float(),
        unit="sigma",
        when="before_truncation",
        scores=torch.from_numpy(data["var_ratio"].reshape(count)).float(),
        score_name="explained_variance_ratio",
        mean=torch.from_numpy(data["lat_mean"].reshape(size)).float(),
        sign="as imported",
        truncation=(1.0, None),
        provenance={**facts, "random_stdevs": baseline},
    )


def save_ganspace(
    directions: Directions, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write components of w as a GANSpace `.npz` (activations = latents, float32).

    Name the file `{model}-{class}_style_ipca_c{c}_n{n}_w.npz` for tools that read the name.

    Raises:
        ValueError: not a sigma set with mean and explained-variance ratio, such as `GANSpace.fit`
            makes.
    """
    d = directions
    if (
        d.unit != "sigma"
        or d.mean is None
        or d.score_name != "explained_variance_ratio"
        or d.space != "w"
    ):
        raise ValueError(
            "save_ganspace: expected components of w as GANSpace.fit makes them (sigma, mean, "
            f"variance ratio), got {d!r}"
        )
    mean, scores = d.mean, d.scores if d.scores is not None else torch.zeros_like(d.scale)
    stdev = d.scale.detach().float().cpu().numpy()
    components = d.vectors.detach().float().cpu().numpy()[:, None]
    arrays = {
        "act_comp": components,
        "act_mean": mean.detach().float().cpu().numpy()[None],
        "act_stdev": stdev,
        "lat_comp": components,
        "lat_mean": mean.detach().float().cpu().numpy()[None],
        "lat_stdev": stdev,
        "var_ratio": scores.detach().float().cpu().numpy(),
        "random_stdevs": _random_stdevs(d),
    }
    with whole_file(path, overwrite=overwrite) as handle:
        np.savez(handle, **arrays)  # type: ignore[arg-type]


def _random_stdevs(d: Directions) -> NDArray[np.float32]:
    """Standard deviations along random unit vectors: the baseline that the archive carries."""
    kept = d.provenance.get("random_stdevs")
    if kept is not None:
        return np.array(kept, dtype=np.float32)[: len(d)]
    if d.covariance is None:
        raise ValueError(f"save_ganspace: random_stdevs need the covariance, and {d!r} has none")
    draw = torch.from_numpy(np.random.RandomState(0).randn(len(d), d.vectors.shape[1]))
    unit = draw / draw.norm(dim=1, keepdim=True)
    spread = ((unit @ d.covariance.double().cpu()) * unit).sum(1).sqrt()
    return np.asarray(spread.numpy(), dtype=np.float32)


def _is_w(path: Path, lat_comp: NDArray[Any]) -> bool:
    """Whether the archive's activations were the latents themselves, which only w can be."""
    try:  # other activations can be huge: what is larger than the latents stays unread
        found = read_npz(path, ("act_comp",), limit_bytes=lat_comp.nbytes)
    except CheckpointError:
        return False
    act = found.get("act_comp")
    return act is not None and act.shape == lat_comp.shape and np.allclose(act, lat_comp, atol=1e-4)


def _array(path: Path, value: Any) -> NDArray[np.float64]:
    array = np.array(value)
    if array.dtype.kind != "f" or array.size == 0 or not np.isfinite(array).all():
        raise DirectionsFileError(
            f"{path.name}: expected finite floating-point numbers, got {array.dtype} {array.shape}"
        )
    return array.astype(np.float64)


def _normalised(path: Path, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError(f"{path.name}: a vector of zeros is no direction")
    if np.abs(lengths - 1).max() > 1e-3:
        warnings.warn(
            f"{path.name}: vectors of length {lengths.min():.4g} to {lengths.max():.4g} were made "
            "unit length; multiply an alpha of the other tool by its length to go as far here",
            stacklevel=3,
        )
    return np.asarray(vectors / lengths, dtype=np.float64)
