"""The layouts of genforce's PGGAN and StyleGAN generators (InterFaceGAN, SeFa): state dicts by the network's role.

Gains (equalised learning rate): convolutions multiply the weight by sqrt(2) / sqrt(inputs * k * k), to_rgb by
1 / sqrt(inputs), the style's affine by 1 / sqrt(w_dim); dense layers of the mapping multiply the weight by
0.01 sqrt(2) / sqrt(inputs) and the bias by 0.01, without a gain behind the leaky ReLU. The canonical mapping has
sqrt(2) there, and lrelu(sqrt(2) x) = sqrt(2) lrelu(x), so both are divided by it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from steerx.checkpoints import shapes
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.loading import load_tensor
from steerx.checkpoints.plan import Plan, Rule, check_names
from steerx.checkpoints.progressive_config import PGGANConfig, ProgressiveConfig, StyleGANConfig
from steerx.checkpoints.state_dict import MAPPING_RATE, State, Tensors, facts_of

MEAN = "truncation.w_avg"
STYLEGAN_MARKER = "synthesis.layer0.const"
PGGAN_MARKER = "layer0.weight"
FUSED_FROM = 128  # pixels; from here StyleGAN upsamples by a transposed convolution
_SQRT2 = math.sqrt(2)
_MAX_UPS = 9


def plan_stylegan(state: State) -> Plan:
    """The plan for a StyleGAN generator.

    Raises:
        CheckpointError: a damaged state dict, or a network steerx does not run (`unsupported`).
    """
    tensors = state.tensors
    if "mapping.label_weight" in tensors:
        classes = shapes.size(tensors, "mapping.label_weight", 0)
        what = f"a conditional genforce StyleGAN ({classes} classes); steerx reads those without classes"
        raise CheckpointError(Kind.UNSUPPORTED, what)
    config = _infer_stylegan(tensors)
    blurs = [f"synthesis.layer{i}.blur.kernel" for i in range(2, config.num_layers, 2)]
    stored = [name for name in blurs if name in tensors]
    defaulted = [f"mapping learning rate multiplier = {MAPPING_RATE}", "final_tanh = False"]
    if config.resolution >= FUSED_FROM:
        defaulted.append(f"upsampling by transposed convolutions from {FUSED_FROM} px")
    if not stored:
        defaulted.append("filter = outer([1, 2, 1]) / 16")
    kernels = [Rule("", n, _blur_shape(config, n)) for n in blurs] if stored else []
    plan = _planned(config, state, list(_stylegan_rules(config, tensors)), kernels, "synthesis.")
    _check_whole(tensors, "synthesis.lod")
    kernel = _common_blur(tensors, stored) if stored else _stock_blur()
    facts = _facts(config, state, defaulted, ["mapping_layers", "w_dim"])
    return Plan("genforce", config, plan, tensors, {"synthesis.filter": kernel}, facts)


def plan_pggan(state: State) -> Plan:
    """The plan for a PGGAN generator.

    Raises:
        CheckpointError: a damaged state dict, or a network that is still growing (`unsupported`).
    """
    config = _infer_pggan(state.tensors)
    plan = _planned(config, state, list(_pggan_rules(config)), [], "")
    _check_whole(state.tensors, "lod")
    # Labels would be columns of the first layer like those of z, and no shape tells them apart.
    facts = _facts(config, state, ["no labels beside z", "final_tanh = False"], [])
    return Plan("genforce", config, plan, state.tensors, facts=facts)


def _infer_stylegan(tensors: Tensors) -> StyleGANConfig:
    w_dim = shapes.size(tensors, "synthesis.layer0.style.weight", 1)
    depth = shapes.count(tensors, "mapping.dense{}.weight")
    shapes.check_hidden_width(tensors, "mapping.dense{}.weight", range(depth), w_dim)
    channels = {4: shapes.size(tensors, STYLEGAN_MARKER, 1)}
    channels |= _channels(tensors, "synthesis.")
    num_ws = 2 * len(channels)
    blur = "synthesis.layer2.blur.kernel"
    taps = [shapes.size(tensors, blur, axis) if blur in tensors else 3 for axis in (2, 3)]
    return StyleGANConfig(
        z_dim=shapes.size(tensors, "mapping.dense0.weight", 1) if depth else w_dim,
        w_dim=w_dim,
        resolution=max(channels),
        img_channels=shapes.size(tensors, f"synthesis.output{len(channels) - 1}.weight", 0),
        channels=channels,
        mapping_layers=depth,
        w_avg_rows=shapes.mean_rows(tensors[MEAN], MEAN, w_dim, num_ws) if MEAN in tensors else 1,
        filter_shape=(taps[0], taps[1]),
    )


def _infer_pggan(tensors: Tensors) -> PGGANConfig:
    channels = {4: shapes.size(tensors, PGGAN_MARKER, 0)} | _channels(tensors, "")
    return PGGANConfig(
        z_dim=shapes.size(tensors, PGGAN_MARKER, 1),
        resolution=max(channels),
        img_channels=shapes.size(tensors, f"output{len(channels) - 1}.weight", 0),
        channels=channels,
    )


def _channels(tensors: Tensors, prefix: str) -> dict[int, int]:
    """Channels of the resolutions above 4, of the layers that upsample to them."""
    layers = len(shapes.numbers(tensors, rf"{re.escape(prefix)}layer([0-9]{{1,3}})\.bias"))
    ups = layers // 2 - 1
    if layers % 2 or not 0 <= ups <= _MAX_UPS:
        raise CheckpointError(
            Kind.BAD_STRUCTURE, f"{layers} layers; a generator has two a resolution"
        )
    sizes = (shapes.size(tensors, f"{prefix}layer{2 * b}.weight", 0) for b in range(1, ups + 1))
    return {8 << b: size for b, size in enumerate(sizes)}


def _stylegan_rules(config: StyleGANConfig, tensors: Tensors) -> Iterator[Rule]:
    width = config.w_dim
    for i in range(config.mapping_layers):
        inputs = width if i else config.z_dim
        name, source = f"mapping.layers.{i}", f"mapping.dense{i}"
        gain = MAPPING_RATE / math.sqrt(inputs)
        yield Rule(f"{name}.weight", f"{source}.weight", (width, inputs), gain)
        yield Rule(f"{name}.bias", f"{source}.bias", (width,), MAPPING_RATE / _SQRT2)
    if MEAN in tensors:
        yield Rule("mapping.w_avg", MEAN, tensors[MEAN].shape)
    yield Rule("synthesis.const", STYLEGAN_MARKER, (1, config.channels[4], 4, 4))
    for i in range(config.num_layers):
        inputs, outputs = config.layer_channels(i)
        side = config.layer_resolution(i)
        name, source = f"synthesis.layers.{i}", f"synthesis.layer{i}"
        affine, style = (2 * outputs, width), f"{source}.style"
        yield Rule(f"{name}.affine.weight", f"{style}.weight", affine, 1 / math.sqrt(width))
        yield Rule(f"{name}.affine.bias", f"{style}.bias", affine[:1])
        if i:
            # A transposed convolution turns its kernel around; the canonical layer convolves.
            turned = i % 2 == 0 and side >= FUSED_FROM
            yield _convolution(f"{name}.weight", f"{source}.weight", outputs, inputs, flip=turned)
        yield Rule(f"{name}.bias", f"{source}.bias", (outputs,))
        yield Rule(f"{name}.noise", f"{source}.apply_noise.noise", (1, 1, side, side))
        yield Rule(f"{name}.noise_strength", f"{source}.apply_noise.weight", (outputs,))
    yield from _to_rgb(config, "synthesis.")


def _pggan_rules(config: PGGANConfig) -> Iterator[Rule]:
    for i in range(config.num_layers):
        inputs, outputs = config.layer_channels(i)
        name, source = f"synthesis.layers.{i}", f"layer{i}"
        if i:
            yield _convolution(f"{name}.weight", f"{source}.weight", outputs, inputs)
        else:
            # A convolution of the one pixel z, padded by 3, shows its kernel turned around; the
            # canonical first layer is what each pixel of the result sees.
            shape = (outputs, config.z_dim, 4, 4)
            gain = _SQRT2 / math.sqrt(config.z_dim * 16)
            yield Rule(f"{name}.weight", f"{source}.weight", shape, gain, flip=True)
        yield Rule(f"{name}.bias", f"{source}.bias", (outputs,))
    yield from _to_rgb(config, "")


def _convolution(
    target: str, source: str, outputs: int, inputs: int, *, flip: bool = False
) -> Rule:
    shape = (outputs, inputs, 3, 3)
    return Rule(target, source, shape, _SQRT2 / math.sqrt(inputs * 9), flip=flip)


def _to_rgb(config: ProgressiveConfig, prefix: str) -> Iterator[Rule]:
    last = f"{prefix}output{len(config.resolutions) - 1}"
    inputs = config.channels[config.resolution]
    shape = (config.img_channels, inputs, 1, 1)
    yield Rule("synthesis.to_rgb.weight", f"{last}.weight", shape, 1 / math.sqrt(inputs))
    yield Rule("synthesis.to_rgb.bias", f"{last}.bias", shape[:1])


def _planned(
    config: ProgressiveConfig, state: State, rules: list[Rule], blurs: list[Rule], prefix: str
) -> tuple[Rule, ...]:
    """The rules, once all names are checked: those of blurs and of what a finished network leaves unused too."""
    unused = [Rule("", f"{prefix}lod", ())]
    for b, resolution in enumerate(config.resolutions[:-1]):
        shape = (config.img_channels, config.channels[resolution], 1, 1)
        stem = f"{prefix}output{b}"
        unused += [Rule("", f"{stem}.weight", shape), Rule("", f"{stem}.bias", shape[:1])]
    present = [rule for rule in unused if rule.source in state.tensors]
    check_names([*rules, *blurs, *present], state.tensors)
    return tuple(rules)


def _check_whole(tensors: Tensors, name: str) -> None:
    """Refuse a network that stopped while it grew: its picture mixes two resolutions."""
    if name in tensors:
        level = float(load_tensor(tensors[name], name=name))
        if level != 0:
            what = f"{shown(name)} = {level:g}: a network that has not grown to its full resolution"
            raise CheckpointError(Kind.UNSUPPORTED, f"{what}; steerx reads finished ones (lod 0)")


def _blur_shape(config: StyleGANConfig, name: str) -> tuple[int, ...]:
    layer = int(name.split(".")[1].removeprefix("layer"))
    return (config.layer_channels(layer)[1], 1, *config.filter_shape)


def _common_blur(tensors: Tensors, names: list[str]) -> Tensor:
    """The one filter [k, k] that all channels of all blurs hold."""
    kernels = [load_tensor(tensors[name], name=name).squeeze(1) for name in names]
    first = kernels[0][0]
    if not all(torch.equal(kernel, first.expand_as(kernel)) for kernel in kernels):
        raise CheckpointError(Kind.UNSUPPORTED, "channels or layers with different blurs")
    return first.clone()


def _stock_blur() -> Tensor:
    """The blur of all stock models: outer([1, 2, 1]) / 16."""
    taps = torch.tensor([1.0, 2.0, 1.0])
    return torch.outer(taps, taps) / taps.sum() ** 2


def _facts(
    config: ProgressiveConfig, state: State, defaulted: list[str], inferred: list[str]
) -> dict[str, Any]:
    facts = facts_of(
        state, defaulted, ["resolution", "channels", *inferred, "z_dim", "img_channels"]
    )
    if len(config.resolutions) > 1:
        lower = ", ".join(map(str, config.resolutions[:-1]))
        facts["skipped"].append(f"to_rgb of {lower} px")
    return facts
