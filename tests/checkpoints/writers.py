"""Writes checkpoints of every layout and container with small random weights, for tests only.

The inverse of what the reader does, written separately: native tensors are made from canonical ones
by the formulas of each layout. Pickles carry the opcodes of real files; the source text in them is a
one-line stub.
"""

from __future__ import annotations

import io
import math
import pickle
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from steerx.checkpoints import StyleGAN2Config, expected_shapes

STUB = "class Generator: pass  # a stub where real files carry their source\n"
RATE = 0.01


@dataclass(frozen=True, eq=False)
class Name:
    """A name written as GLOBAL or STACK_GLOBAL without any check that it exists."""

    module: str
    name: str


@dataclass(frozen=True, eq=False)
class Call:
    """`function(*arguments)`, then items for a dict, then a state, as pickle writes them."""

    function: Any
    arguments: tuple[Any, ...]
    items: dict[Any, Any] | None = None
    state: Any = None
    new: bool = False


@dataclass(frozen=True, eq=False)
class Raw:
    """Opcodes written as they are."""

    code: bytes


@dataclass(frozen=True, eq=False)
class Persistent:
    """A persistent id of a torch archive: its tuple, then BINPERSID."""

    identity: Any


class FreePickler(pickle._Pickler):
    """Python's own pickler, which may also write names that do not exist."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def save_name(self, value: Name) -> None:
        if self.proto >= 4:
            self.save(value.module)
            self.save(value.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(b"c" + f"{value.module}\n{value.name}\n".encode())
        self.memoize(value)

    def save_call(self, value: Call) -> None:
        self.save(value.function)
        self.save(value.arguments)
        self.write(pickle.NEWOBJ if value.new else pickle.REDUCE)
        self.memoize(value)
        if value.items is not None:
            self._batch_setitems(value.items.items())
        if value.state is not None:
            self.save(value.state)
            self.write(pickle.BUILD)

    def save_raw(self, value: Raw) -> None:
        self.write(value.code)

    def save_persistent(self, value: Persistent) -> None:
        self.save(value.identity)
        self.write(pickle.BINPERSID)
        self.memoize(value)

    dispatch[Name] = save_name
    dispatch[Persistent] = save_persistent
    dispatch[Call] = save_call
    dispatch[Raw] = save_raw


def dumps(value: Any, protocol: int) -> bytes:
    """Pickle `value` by `FreePickler`."""
    buffer = io.BytesIO()
    FreePickler(buffer, protocol).dump(value)
    return buffer.getvalue()


def tiny_config(**changes: Any) -> StyleGAN2Config:
    """16 px, with different channels everywhere."""
    facts: dict[str, Any] = {
        "z_dim": 6,
        "c_dim": 0,
        "w_dim": 8,
        "resolution": 16,
        "img_channels": 3,
        "channels": {4: 7, 8: 5, 16: 4},
        "mapping_layers": 2,
    }
    return StyleGAN2Config(**{**facts, **changes})


def random_tensors(config: StyleGAN2Config, seed: int = 0) -> dict[str, Tensor]:
    """Canonical tensors, all random but the filter."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.randn(shape, generator=generator)
        for name, shape in expected_shapes(config).items()
    }
    tensors["synthesis.filter"] = stock_filter()
    return tensors


def stock_filter() -> Tensor:
    """outer([1, 3, 3, 1]) / 64."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) / 64


def nvlabs_state(config: StyleGAN2Config, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of an NVlabs generator: gains are divided out."""
    state = {}
    kernel = tensors["synthesis.filter"]
    if config.c_dim:
        weight = tensors["mapping.embed.weight"]
        state["mapping.embed.weight"] = weight * math.sqrt(config.c_dim)
        state["mapping.embed.bias"] = tensors["mapping.embed.bias"]
    for i in range(config.mapping_layers):
        weight = tensors[f"mapping.layers.{i}.weight"]
        state[f"mapping.fc{i}.weight"] = weight * (math.sqrt(weight.shape[1]) / RATE)
        state[f"mapping.fc{i}.bias"] = tensors[f"mapping.layers.{i}.bias"] / RATE
    state["mapping.w_avg"] = tensors["mapping.w_avg"]
    state["synthesis.b4.const"] = tensors["synthesis.const"]
    layer = 0
    for block, side in enumerate(config.resolutions):
        state[f"synthesis.b{side}.resample_filter"] = kernel
        for conv in ("conv1",) if side == 4 else ("conv0", "conv1"):
            source, target = f"synthesis.layers.{layer}", f"synthesis.b{side}.{conv}"
            weight = tensors[f"{source}.affine.weight"]
            state[f"{target}.affine.weight"] = weight * math.sqrt(config.w_dim)
            state[f"{target}.affine.bias"] = tensors[f"{source}.affine.bias"]
            state[f"{target}.weight"] = tensors[f"{source}.weight"]
            state[f"{target}.bias"] = tensors[f"{source}.bias"]
            state[f"{target}.noise_const"] = tensors[f"{source}.noise"]
            state[f"{target}.noise_strength"] = tensors[f"{source}.noise_strength"]
            # The network's own filter reaches only the layers that resample.
            state[f"{target}.resample_filter"] = kernel if conv == "conv0" else stock_filter()
            layer += 1
        source, target = f"synthesis.to_rgbs.{block}", f"synthesis.b{side}.torgb"
        weight = tensors[f"{source}.affine.weight"]
        state[f"{target}.affine.weight"] = weight * math.sqrt(config.w_dim)
        state[f"{target}.affine.bias"] = tensors[f"{source}.affine.bias"]
        weight = tensors[f"{source}.weight"]
        state[f"{target}.weight"] = weight * math.sqrt(weight.shape[1])
        state[f"{target}.bias"] = tensors[f"{source}.bias"]
    return state


def rosinality_state(config: StyleGAN2Config, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a rosinality generator (without `latent_avg`)."""
    state = {"input.input": tensors["synthesis.const"][None]}
    for i in range(config.mapping_layers):
        weight = tensors[f"mapping.layers.{i}.weight"]
        state[f"style.{i + 1}.weight"] = weight * (math.sqrt(weight.shape[1]) / RATE)
        state[f"style.{i + 1}.bias"] = tensors[f"mapping.layers.{i}.bias"] / RATE
    for i in range(config.num_layers):
        source, target = f"synthesis.layers.{i}", f"convs.{i - 1}" if i else "conv1"
        weight = tensors[f"{source}.affine.weight"]
        state[f"{target}.conv.modulation.weight"] = weight * math.sqrt(config.w_dim)
        state[f"{target}.conv.modulation.bias"] = tensors[f"{source}.affine.bias"]
        weight = tensors[f"{source}.weight"]
        state[f"{target}.conv.weight"] = weight[None] * math.sqrt(weight[0].numel())
        state[f"{target}.activate.bias"] = tensors[f"{source}.bias"]
        state[f"{target}.noise.weight"] = tensors[f"{source}.noise_strength"][None]
        state[f"noises.noise_{i}"] = tensors[f"{source}.noise"][None, None]
        if i % 2:
            state[f"{target}.conv.blur.kernel"] = tensors["synthesis.filter"] * 4
    for b in range(len(config.resolutions)):
        source, target = f"synthesis.to_rgbs.{b}", f"to_rgbs.{b - 1}" if b else "to_rgb1"
        weight = tensors[f"{source}.affine.weight"]
        state[f"{target}.conv.modulation.weight"] = weight * math.sqrt(config.w_dim)
        state[f"{target}.conv.modulation.bias"] = tensors[f"{source}.affine.bias"]
        weight = tensors[f"{source}.weight"]
        state[f"{target}.conv.weight"] = weight[None] * math.sqrt(weight.shape[1])
        state[f"{target}.bias"] = tensors[f"{source}.bias"].view(1, -1, 1, 1)
        if b:
            state[f"{target}.upsample.kernel"] = tensors["synthesis.filter"] * 4
    return state


def genforce_state(config: StyleGAN2Config, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a genforce generator."""
    state = {
        "truncation.w_avg": tensors["mapping.w_avg"].reshape(-1),
        "synthesis.early_layer.const": tensors["synthesis.const"][None],
        "synthesis.upsample.kernel": tensors["synthesis.filter"][None, None] * 4,
    }
    if config.c_dim:
        weight = tensors["mapping.embed.weight"]
        state["mapping.LabelEmbed.weight"] = weight * math.sqrt(config.c_dim)
        state["mapping.LabelEmbed.bias"] = tensors["mapping.embed.bias"]
    for i in range(config.mapping_layers):
        weight = tensors[f"mapping.layers.{i}.weight"]
        state[f"mapping.dense{i}.weight"] = weight * (math.sqrt(weight.shape[1]) / RATE)
        state[f"mapping.dense{i}.bias"] = tensors[f"mapping.layers.{i}.bias"] / RATE
    names = {f"layers.{i}": f"layer{i}" for i in range(config.num_layers)}
    names |= {f"to_rgbs.{b}": f"output{b}" for b in range(len(config.resolutions))}
    for name, native in names.items():
        source, target = f"synthesis.{name}", f"synthesis.{native}"
        weight = tensors[f"{source}.affine.weight"]
        state[f"{target}.style.weight"] = weight * math.sqrt(config.w_dim)
        state[f"{target}.style.bias"] = tensors[f"{source}.affine.bias"] - 1
        weight = tensors[f"{source}.weight"] * math.sqrt(tensors[f"{source}.weight"][0].numel())
        upsamples = native.startswith("layer") and int(native[5:]) % 2 == 1
        state[f"{target}.weight"] = weight.flip((2, 3)) if upsamples else weight
        state[f"{target}.bias"] = tensors[f"{source}.bias"]
        if native.startswith("layer"):
            state[f"{target}.noise"] = tensors[f"{source}.noise"][None, None]
            state[f"{target}.noise_strength"] = tensors[f"{source}.noise_strength"]
        if upsamples:
            state[f"{target}.filter.kernel"] = tensors["synthesis.filter"][None, None] * 4
    return state


@dataclass
class Module:
    """A module tree, as the persistent objects of an NVlabs pickle nest it."""

    parameters: dict[str, Any] = field(default_factory=dict)
    buffers: dict[str, Any] = field(default_factory=dict)
    children: dict[str, Module] = field(default_factory=dict)


BUFFERS = ("resample_filter", "noise_const", "w_avg")
PERSISTENT = Name("torch_utils.persistence", "_reconstruct_persistent_obj")
EASY_DICT = Name("dnnlib.util", "EasyDict")


def persistent(
    state: dict[str, Any], *, source: str = STUB, name: str = "Generator", version: int = 6
) -> Call:
    """One persistent object."""
    meta = {
        "type": "class",
        "version": version,
        "module_src": source,
        "class_name": name,
        "state": state,
    }
    return Call(PERSISTENT, (meta,))


def nvlabs_network(
    state: dict[str, Any],
    *,
    kwargs: Any = None,
    source: str = STUB,
    version: int = 6,
    attributes: dict[str, Any] | None = None,
    layers: dict[str, dict[str, Any]] | None = None,
) -> Call:
    """A generator as nested persistent objects, one per dotted name.

    `attributes` are the root's own; `layers` those of children, by the last part of their name.
    """
    root = Module()
    for name, tensor in state.items():
        *path, leaf = name.split(".")
        module = root
        for part in path:
            module = module.children.setdefault(part, Module())
        if leaf in BUFFERS:
            module.buffers[leaf] = tensor
        else:
            made = isinstance(tensor, Tensor) and tensor.is_floating_point()
            module.parameters[leaf] = torch.nn.Parameter(tensor) if made else tensor
    facts = {"_init_kwargs": Call(EASY_DICT, (), items=kwargs or {}, new=True)}
    facts |= attributes or {}
    return _nested(root, facts, layers or {}, source=source, version=version)


def _nested(
    module: Module,
    attributes: dict[str, Any],
    layers: dict[str, dict[str, Any]],
    *,
    source: str,
    version: int,
    name: str = "Generator",
) -> Call:
    children = {}
    for key, child in module.children.items():
        own = {"_init_kwargs": {}} | layers.get(key, {})
        children[key] = _nested(child, own, layers, source=source, version=version, name="Layer")
    state: dict[str, Any] = {
        "training": False,
        "_parameters": OrderedDict(module.parameters),
        "_buffers": OrderedDict(module.buffers),
        "_non_persistent_buffers_set": set(),
        "_backward_hooks": OrderedDict(),
        "_is_full_backward_hook": None,
        "_modules": OrderedDict(children),
        "_init_args": (),
        "weight_gain": np.float64(0.25),
        "names": {"conv0", "conv1"},
        **attributes,
    }
    return persistent(state, source=source, name=name, version=version)


def nvlabs_kwargs(config: StyleGAN2Config, **synthesis: Any) -> dict[str, Any]:
    """Arguments a real file would hold for this config."""
    mapping = {"num_layers": config.mapping_layers}
    if config.c_dim:
        mapping["embed_features"] = config.embed_dim
    return {
        "z_dim": config.z_dim,
        "c_dim": config.c_dim,
        "w_dim": config.w_dim,
        "img_resolution": config.resolution,
        "img_channels": config.img_channels,
        "mapping_kwargs": Call(EASY_DICT, (), items=mapping, new=True),
        "synthesis_kwargs": {"channel_base": 64, "conv_clamp": config.conv_clamp, **synthesis},
    }


def nvlabs_tree(
    config: StyleGAN2Config, state: dict[str, Any], *, kwargs: Any = None, **more: Any
) -> dict[str, Any]:
    """The top level of a snapshot; G and D are small on purpose, since they are never loaded."""
    small = nvlabs_network({"weight": torch.ones(2), "bias": torch.zeros(1)})
    chosen = nvlabs_kwargs(config) if kwargs is None else kwargs
    return {
        "training_set_kwargs": Call(EASY_DICT, (), items={"path": "x.zip"}, new=True),
        "G": small,
        "D": small,
        "G_ema": nvlabs_network(state, kwargs=chosen, **more),
        "augment_pipe": None,
    }


def write_nvlabs(
    path: Path, config: StyleGAN2Config, state: dict[str, Any], *, protocol: int = 4, **more: Any
) -> Path:
    """An NVlabs snapshot."""
    path.write_bytes(dumps(nvlabs_tree(config, state, **more), protocol))
    return path


def write_torch(path: Path, tree: Any, *, container: str = "zip") -> Path:
    """A torch archive, `container` "zip" or "legacy"."""
    torch.save(tree, path, _use_new_zipfile_serialization=container == "zip")
    return path
