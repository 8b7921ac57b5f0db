"""Components in GANSpace's archives (.npz), both ways: latents, and activations of a layer."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._files import whole_file
from ..checkpoints import CheckpointError
from ..checkpoints.numpy_file import NPY_LIMIT, read_npz
from .directions import Directions
from .file import DirectionsFileError
from .foreign_arrays import MAX_VECTORS, finite, normalised

_GANSPACE = re.compile(
    r"(?P<network>.+)_(?P<estimator>ipca|pca-full|fbpca|ica|spca)_c\d+.*"
    r"_n(?P<n>\d+)(?P<w>_w)?(?:_seed(?P<seed>\d+))?"
)
_LAYER = re.compile(r"[^-]+-[^_]+_(?P<layer>.+)")  # of the name's network: {model}-{class}_{layer}
_MAPPINGS = ("style", "g_mapping")  # layers whose output is w
_REQUIRED = ("lat_comp", "lat_stdev", "lat_mean", "var_ratio")
_ACTIVATIONS = ("act_comp", "act_mean", "act_stdev", "var_ratio")


def load_ganspace(
    path: str | os.PathLike[str], *, space: Literal["z", "w"] | None = None
) -> Directions:
    """Read the latent components of a GANSpace `.npz`: unit sigma, scale = `lat_stdev`.

    Activation components stay in the file (`load_ganspace_activations` reads them). Layer ranges
    are not part of it: they live in GANSpace's configuration, half-open, and become `layers` by
    hand.

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
    data = {key: finite(path, array) for key, array in found.items()}
    baseline = data["random_stdevs"].flatten().tolist() if "random_stdevs" in data else None
    match = _GANSPACE.fullmatch(path.stem)
    if space is None and match is not None:
        space = "w" if match["w"] else "z"
    same = _is_w(path, found["lat_comp"])
    if space is None and match is None and same:
        space = "w"
    if space is None:
        raise ValueError(
            f"{path.name}: the name does not say whether the latents are z or w; say "
            'load_ganspace(path, space="w")'
        )
    shape = data["lat_comp"].shape
    if len(shape) < 2 or len(shape) > 3 or shape[0] > min(MAX_VECTORS, shape[-1]):
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
    layer = _layer(match)
    if not same and not (space == "w" and layer in _MAPPINGS):
        facts["layer"] = layer or "unknown"
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
        torch.from_numpy(normalised(path, components)).float(),
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


def load_ganspace_activations(
    path: str | os.PathLike[str], *, layer: str | None = None
) -> Directions:
    """Read the activation components of a GANSpace `.npz`: space "act:<layer>", scale = `act_stdev`.

    Args:
        path: an archive with act_comp [c, 1, ...], act_mean [1, ...], act_stdev [c], var_ratio [c].
        layer: what to call the layer; None = as the file name says.

    Returns:
        [c, F]; the shape of one sample stands in the provenance.

    Raises:
        ValueError: a key is missing, shapes disagree, or the layer is not known.
    """
    path = Path(path)
    try:
        found = read_npz(path, (*_ACTIVATIONS, "random_stdevs"), limit_bytes=NPY_LIMIT)
    except CheckpointError as error:
        raise DirectionsFileError(f"{path.name}: not a GANSpace archive: {error}") from error
    missing = [key for key in _ACTIVATIONS if key not in found]
    if missing:
        raise DirectionsFileError(
            f"{path.name}: no activations of GANSpace, {', '.join(missing)} missing"
        )
    layer = layer or _layer(_GANSPACE.fullmatch(path.stem))
    if layer is None:
        raise ValueError(
            f"{path.name}: the name does not say which layer the activations are of; say "
            'load_ganspace_activations(path, layer="...")'
        )
    data = {key: finite(path, array) for key, array in found.items()}
    count, *shape = data["act_comp"].shape
    if len(shape) < 2 or shape[0] != 1 or count > MAX_VECTORS:
        raise DirectionsFileError(
            f"{path.name}: act_comp must be [c, 1, ...], got {[count, *shape]}"
        )
    size = data["act_comp"].size // count
    for key, expected in (("act_stdev", count), ("var_ratio", count), ("act_mean", size)):
        if data[key].size != expected:
            raise DirectionsFileError(
                f"{path.name}: {key} must have {expected} numbers, got {data[key].size}"
            )
    baseline = data["random_stdevs"].flatten().tolist() if "random_stdevs" in data else None
    return Directions(
        torch.from_numpy(normalised(path, data["act_comp"].reshape(count, size))).float(),
        space=f"act:{layer.removeprefix('act:')}",
        names=[f"pc{k}" for k in range(count)],
        scale=torch.from_numpy(data["act_stdev"].reshape(count)).float(),
        unit="sigma",
        scores=torch.from_numpy(data["var_ratio"].reshape(count)).float(),
        score_name="explained_variance_ratio",
        mean=torch.from_numpy(data["act_mean"].reshape(size)).float(),
        sign="as imported",
        truncation=(1.0, None),
        provenance={
            "method": "GANSpace",
            "file": path.name,
            "shape": shape[1:],
            "random_stdevs": baseline,
        },
    )


def save_ganspace(
    directions: Directions,
    path: str | os.PathLike[str],
    *,
    activations: Directions | None = None,
    overwrite: bool = False,
) -> None:
    """Write components as a GANSpace `.npz`, float32.

    Name the file `{model}-{class}_{layer}_ipca_c{c}_n{n}.npz` for tools that read the name, with
    `_w` at its end for directions of w; the layer of components of w itself is `style`.

    Args:
        directions: of w or z, as `GANSpace.directions_` has them.
        activations: `GANSpace.activation_directions_` where a layer was decomposed; None = the
            activations are w itself.

    Raises:
        ValueError: not a sigma set with mean and explained-variance ratio, such as `GANSpace.fit`
            makes; or activations that do not belong to it.
    """
    d, a = directions, directions if activations is None else activations
    if (
        d.unit != "sigma"
        or d.mean is None
        or d.score_name != "explained_variance_ratio"
        or d.space not in (("w",) if activations is None else ("w", "z"))
    ):
        raise ValueError(
            "save_ganspace: expected components of w as GANSpace.fit makes them (sigma, mean, "
            f"variance ratio), got {d!r}"
        )
    if activations is None and _decomposed(d) is not None:
        raise ValueError(
            f"save_ganspace: these directions belong to components of layer {_decomposed(d)}; give "
            "them too, as activations=method.activation_directions_"
        )
    if a.mean is None or len(a) != len(d) or (activations and not a.space.startswith("act:")):
        raise ValueError(
            f"save_ganspace: activations must be the {len(d)} components of the layer that these "
            f"directions were regressed from, got {a!r}"
        )
    shape = a.provenance.get("shape") or [a.vectors.shape[1]]
    arrays = {
        "act_comp": _numbers(a.vectors).reshape(len(a), 1, *shape),
        "act_mean": _numbers(a.mean).reshape(1, *shape),
        "act_stdev": _numbers(a.scale),
        "lat_comp": _numbers(d.vectors)[:, None],
        "lat_mean": _numbers(d.mean)[None],
        "lat_stdev": _numbers(d.scale),
        "var_ratio": _numbers(torch.zeros_like(a.scale) if a.scores is None else a.scores),
        "random_stdevs": _random_stdevs(a),
    }
    with whole_file(path, overwrite=overwrite) as handle:
        np.savez(handle, **arrays)  # type: ignore[arg-type]


def _numbers(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().float().cpu().numpy(), dtype=np.float32)


def _decomposed(d: Directions) -> str | None:
    """The layer whose components these latents were regressed from, or None for w itself."""
    said = d.provenance.get("layer") or d.provenance.get("parameters", {}).get("layer")
    return None if said is None else str(said)


def _layer(match: re.Match[str] | None) -> str | None:
    """The layer that a file name says."""
    found = None if match is None else _LAYER.fullmatch(match["network"])
    return None if found is None else found["layer"]


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
