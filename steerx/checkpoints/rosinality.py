"""The layout of rosinality's stylegan2-pytorch: a state dict under `g_ema`, `latent_avg` beside it.

Gains: style layers multiply the weight by 0.01 / sqrt(inputs) and the bias by 0.01; modulated
weights, to_rgb included, by 1 / sqrt(inputs * k * k); the modulation by 1 / sqrt(w_dim). The
filters hold the gain 4 of upsampling. Up-convolutions take the stored kernel unflipped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from steerx.checkpoints import shapes
from steerx.checkpoints.config import StyleGAN2Config
from steerx.checkpoints.containers import Contents
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.plan import Plan, Rule
from steerx.checkpoints.records import TensorRecord
from steerx.checkpoints.state_dict import MAPPING_RATE, Tensors, find_state, plan_state

MEAN = "latent_avg"


def plan(contents: Contents) -> Plan | None:
    """The plan for a rosinality file; None where the file is of another layout."""
    state = find_state(contents.tree, ("g_ema", "g"), marker="conv1.conv.weight")
    if state is None:
        return None
    mean = contents.tree.get(MEAN) if isinstance(contents.tree, dict) else None
    if isinstance(mean, TensorRecord):
        others = tuple(name for name in state.skipped if name != shown(MEAN))
        state = replace(state, tensors={**state.tensors, MEAN: mean}, skipped=others)
    elif mean is not None:
        raise CheckpointError(Kind.BAD_STRUCTURE, f"{MEAN} is not a tensor")
    filters = (".blur.kernel", ".upsample.kernel")
    return plan_state("rosinality", state, filters=filters, infer=_infer, rules=rules)


def _infer(tensors: Tensors, filter_shape: tuple[int, int]) -> StyleGAN2Config:
    w_dim = shapes.size(tensors, "conv1.conv.modulation.weight", 1)
    depth = shapes.count(tensors, "style.{}.weight", first=1)
    z_dim = shapes.size(tensors, "style.1.weight", 1) if depth else w_dim
    shapes.check_hidden_width(tensors, "style.{}.weight", range(1, depth + 1), w_dim)
    if z_dim > w_dim:
        raise CheckpointError(
            Kind.UNSUPPORTED, f"a conditional fork: 'style.1.weight' takes {z_dim} numbers"
        )
    ups = len(shapes.numbers(tensors, r"convs\.([0-9]{1,3})\.conv\.weight")) // 2
    if ups > 9:
        raise CheckpointError(Kind.BAD_STRUCTURE, f"{2 * ups} layers in 'convs'")
    channels = {4: shapes.size(tensors, "conv1.conv.weight", 1)}
    for i in range(ups):
        channels[8 << i] = shapes.size(tensors, f"convs.{2 * i}.conv.weight", 1)
    rows = 1
    if MEAN in tensors and len(tensors[MEAN].shape) == 2:
        rows = shapes.size(tensors, MEAN, 0)
    return StyleGAN2Config(
        z_dim=z_dim,
        c_dim=0,
        w_dim=w_dim,
        resolution=4 << ups,
        img_channels=shapes.size(tensors, "to_rgb1.conv.weight", 1),
        channels=channels,
        mapping_layers=depth,
        w_avg_rows=rows,
        filter_shape=filter_shape,
    )


def rules(config: StyleGAN2Config, tensors: Tensors) -> Iterator[Rule]:
    """One rule per canonical tensor but the filter; `tensors` tells whether there is a mean of w."""
    width = config.w_dim
    for i in range(config.mapping_layers):
        inputs = config.z_dim if i == 0 else width
        name, source = f"mapping.layers.{i}", f"style.{i + 1}"
        gain = MAPPING_RATE / math.sqrt(inputs)
        yield Rule(f"{name}.weight", f"{source}.weight", (width, inputs), gain)
        yield Rule(f"{name}.bias", f"{source}.bias", (width,), MAPPING_RATE)
    if MEAN in tensors:
        flat = len(tensors[MEAN].shape) == 1
        yield Rule("mapping.w_avg", MEAN, (width,) if flat else (config.w_avg_rows, width))
    yield Rule("synthesis.const", "input.input", (1, config.channels[4], 4, 4))
    for i in range(config.num_layers):
        inputs, outputs = config.layer_channels(i)
        side = config.layer_resolution(i)
        name, source = f"synthesis.layers.{i}", "conv1" if i == 0 else f"convs.{i - 1}"
        yield from _affine(name, source, inputs, width)
        gain = 1 / math.sqrt(inputs * 9)
        yield Rule(f"{name}.weight", f"{source}.conv.weight", (1, outputs, inputs, 3, 3), gain)
        yield Rule(f"{name}.bias", f"{source}.activate.bias", (outputs,))
        yield Rule(f"{name}.noise", f"noises.noise_{i}", (1, 1, side, side))
        yield Rule(f"{name}.noise_strength", f"{source}.noise.weight", (1,))
        if i % 2 == 0:
            b = i // 2
            name, source = f"synthesis.to_rgbs.{b}", "to_rgb1" if b == 0 else f"to_rgbs.{b - 1}"
            yield from _affine(name, source, outputs, width)
            shape = (1, config.img_channels, outputs, 1, 1)
            yield Rule(f"{name}.weight", f"{source}.conv.weight", shape, 1 / math.sqrt(outputs))
            yield Rule(f"{name}.bias", f"{source}.bias", (1, config.img_channels, 1, 1))


def _affine(name: str, source: str, inputs: int, width: int) -> Iterator[Rule]:
    stem, shape = f"{source}.conv.modulation", (inputs, width)
    yield Rule(f"{name}.affine.weight", f"{stem}.weight", shape, 1 / math.sqrt(width))
    yield Rule(f"{name}.affine.bias", f"{stem}.bias", (inputs,))
