"""Checkpoint file -> Checkpoint, and a quick look at a file without loading its weights."""

from __future__ import annotations

import os
from typing import Any

from steerx.checkpoints import canonical, genforce, nvlabs, rosinality, tensorflow_era
from steerx.checkpoints.checkpoint import LICENCE_NOTE, Checkpoint, model_id
from steerx.checkpoints.config import StyleGAN2Config
from steerx.checkpoints.containers import Contents, read_contents
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.families import Config
from steerx.checkpoints.mean_w import SAMPLES, SEED, mean_w
from steerx.checkpoints.plan import Plan, execute
from steerx.checkpoints.progressive_config import PGGANConfig
from steerx.checkpoints.source import FileSource
from steerx.checkpoints.stylegan3_config import StyleGAN3Config

_LAYOUTS = (canonical.plan, nvlabs.plan, rosinality.plan, genforce.plan, tensorflow_era.plan)


def read(
    path: str | os.PathLike[str], *, allow_nonfinite: bool = False, digest: bool = True
) -> Checkpoint:
    """Read a generator's checkpoint as data; nothing in the file is imported or run.

    Args:
        path: NVlabs `.pkl` (PyTorch; StyleGAN and PGGAN of TensorFlow too), rosinality `.pt`, genforce
            `.pth`, or our own `.safetensors`. The content decides, not the name.
        allow_nonfinite: read weights with NaN or infinity all the same, with a warning.
        digest: put the sha256 of the whole file among the facts; it takes longer than reading one network of it.

    Returns:
        The weights in the canonical form, in memory of their own.

    Raises:
        CheckpointError: the file is refused; `kind` says why.
        OSError: the file cannot be opened or read.
    """
    with FileSource(path) as source:
        contents = read_contents(source)
        plan = _plan(contents)
        tensors = execute(plan, allow_nonfinite=allow_nonfinite)
        if not plan.has_w_avg and not isinstance(plan.config, PGGANConfig):
            tensors["mapping.w_avg"] = mean_w(plan.config, tensors)
        facts = _facts(contents, plan) | _digest(source, asked=digest)
        source.check_unchanged()
    return Checkpoint(plan.config.family, plan.config, tensors, model_id(tensors), facts)


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a file is, from its structure alone: plain data for people, no weight loaded.

    Raises:
        CheckpointError: the file is refused; `kind` says why.
        OSError: the file cannot be opened or read.
    """
    with FileSource(path) as source:
        contents = read_contents(source)
        plan = _plan(contents)
        facts = _facts(contents, plan) | _digest(source, asked=True)
        source.check_unchanged()
    config = plan.config
    return {
        "family": config.family,
        **_variant(config),
        "conditional": config.c_dim > 0,
        "num_ws": config.num_ws,
        **config.to_json(),
        **_width(config),
        **facts,
    }


def _variant(config: Config) -> dict[str, str]:
    """What people call the form of the family."""
    if isinstance(config, StyleGAN2Config):
        return {"variant": "skip"}
    if isinstance(config, StyleGAN3Config):
        return {"variant": "R" if config.layers[0].kernel == 1 else "T"}
    return {}


def _width(config: Config) -> dict[str, int | None]:
    """Channels as the configurations of the training programs say them."""
    if isinstance(config, StyleGAN3Config):
        return {}
    wide = max(config.channels.values())
    narrow = [r for r in config.resolutions if config.channels[r] < wide]
    base = config.channels[narrow[0]] * narrow[0] if narrow else None
    return {"channel_max": wide, "channel_base": base}


def _plan(contents: Contents) -> Plan:
    for layout in _LAYOUTS:
        plan = layout(contents)
        if plan is not None:
            return plan
    tree = contents.tree
    if isinstance(tree, dict):
        names = [shown(str(key), limit=40) for key in list(tree)[:8] if type(key) is str]
        holds = f"its top level holds {', '.join(names) or 'no names'}"
    else:
        holds = f"it holds one {type(tree).__name__}"
    raise CheckpointError(
        Kind.UNSUPPORTED,
        f"no generator of NVlabs, rosinality, genforce or steerx; {holds}",
    )


def _digest(source: FileSource, *, asked: bool) -> dict[str, Any]:
    return {"sha256": source.sha256()} if asked else {}


def _facts(contents: Contents, plan: Plan) -> dict[str, Any]:
    w_avg = "stored" if plan.has_w_avg else f"computed from {SAMPLES} draws of z, seed {SEED}"
    if isinstance(plan.config, PGGANConfig):
        w_avg = "none: this family has no w"
    return {
        "container": contents.container,
        "layout": plan.layout,
        "module_sources": [{"sha256": digest, "run": "not run"} for digest in contents.sources],
        "dtypes": sorted({plan.tensors[rule.source].storage.dtype for rule in plan.rules}),
        "w_avg": w_avg,
        **plan.facts,
        "licence": LICENCE_NOTE,
    }
