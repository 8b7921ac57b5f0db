"""The layout of genforce's models (InterFaceGAN, SeFa): state dicts by the network's role.

Gains: dense layers multiply the weight by 0.01 / sqrt(inputs) and the bias by 0.01; modulated
weights, to_rgb included, by 1 / sqrt(inputs * k * k); the style by 1 / sqrt(w_dim). The style bias
is stored minus 1, up-convolution kernels are flipped in both spatial axes, and the filters hold the
gain 4 of upsampling.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from steerx.checkpoints import genforce_progressive as progressive
from steerx.checkpoints import shapes
from steerx.checkpoints.config import StyleGAN2Config
from steerx.checkpoints.containers import Contents
from steerx.checkpoints.errors import CheckpointError, Kind
from steerx.checkpoints.plan import Plan, Rule
from steerx.checkpoints.state_dict import MAPPING_RATE, Tensors, find_state, plan_state

MEAN = "truncation.w_avg"
_MARKER = "synthesis.early_layer.const"
_EMBED = "mapping.LabelEmbed"
_ROLES = ("generator_smooth", "generator")
# Names that only the older families of this layout have.
_OLDER = {
    progressive.STYLEGAN_MARKER: progressive.plan_stylegan,
    progressive.PGGAN_MARKER: progressive.plan_pggan,
}


def plan(contents: Contents) -> Plan | None:
    """The plan for a genforce file; None where the file is of another layout.

    Raises:
        CheckpointError: a genforce file that is damaged, or of a network steerx does not run.
    """
    tree = contents.tree
    if isinstance(tree, dict) and isinstance(tree.get("models"), dict):
        tree = tree["models"]
    state = find_state(tree, _ROLES, marker=_MARKER)
    if state is None:
        for marker, plan_older in _OLDER.items():
            older = find_state(tree, _ROLES, marker=marker)
            if older is not None:
                return plan_older(older)
        return None
    filters = (".filter.kernel", "synthesis.upsample.kernel")
    return plan_state("genforce", state, filters=filters, infer=_infer, rules=rules)


def _infer(tensors: Tensors, filter_shape: tuple[int, int]) -> StyleGAN2Config:
    w_dim = shapes.size(tensors, "synthesis.layer0.style.weight", 1)
    depth = shapes.count(tensors, "mapping.dense{}.weight")
    if "mapping.label_weight" in tensors:
        classes = shapes.size(tensors, "mapping.label_weight", 0)
        what = (
            f"a conditional genforce generator ({classes} classes, 'mapping.label_weight'): it normalises z "
            "and label together, and steerx each by itself; convert the original NVlabs .pkl instead"
        )
        raise CheckpointError(Kind.UNSUPPORTED, what)
    conditional = f"{_EMBED}.weight" in tensors
    embed = shapes.size(tensors, f"{_EMBED}.weight", 0) if conditional else 0
    inputs = shapes.size(tensors, "mapping.dense0.weight", 1) if depth else w_dim
    shapes.check_hidden_width(tensors, "mapping.dense{}.weight", range(depth), w_dim)
    layers = len(shapes.numbers(tensors, r"synthesis\.layer([0-9]{1,3})\.weight"))
    ups = (layers - 1) // 2
    if not 0 <= ups <= 9:
        raise CheckpointError(Kind.BAD_STRUCTURE, f"{layers} layers in 'synthesis'")
    channels = {4: shapes.size(tensors, "synthesis.layer0.weight", 0)}
    for b in range(1, ups + 1):
        channels[4 << b] = shapes.size(tensors, f"synthesis.layer{2 * b}.weight", 0)
    rows = 1
    if MEAN in tensors:
        rows = shapes.mean_rows(tensors[MEAN], MEAN, w_dim, 2 * ups + 2)
    return StyleGAN2Config(
        z_dim=inputs - embed,
        c_dim=shapes.size(tensors, f"{_EMBED}.weight", 1) if conditional else 0,
        w_dim=w_dim,
        resolution=4 << ups,
        img_channels=shapes.size(tensors, "synthesis.output0.weight", 0),
        channels=channels,
        mapping_layers=depth,
        embed_dim=embed,
        w_avg_rows=rows,
        filter_shape=filter_shape,
    )


def rules(config: StyleGAN2Config, tensors: Tensors) -> Iterator[Rule]:
    """One rule per canonical tensor but the filter; `tensors` tells whether there is a mean of w."""
    width = config.w_dim
    if config.c_dim:
        shape = (config.embed_dim, config.c_dim)
        gain = 1 / math.sqrt(config.c_dim)
        yield Rule("mapping.embed.weight", f"{_EMBED}.weight", shape, gain)
        yield Rule("mapping.embed.bias", f"{_EMBED}.bias", shape[:1])
    for i in range(config.mapping_layers):
        inputs = config.z_dim + config.embed_dim if i == 0 else width
        name, source = f"mapping.layers.{i}", f"mapping.dense{i}"
        gain = MAPPING_RATE / math.sqrt(inputs)
        yield Rule(f"{name}.weight", f"{source}.weight", (width, inputs), gain)
        yield Rule(f"{name}.bias", f"{source}.bias", (width,), MAPPING_RATE)
    if MEAN in tensors:
        yield Rule("mapping.w_avg", MEAN, tensors[MEAN].shape)
    yield Rule("synthesis.const", _MARKER, (1, config.channels[4], 4, 4))
    for i in range(config.num_layers):
        inputs, outputs = config.layer_channels(i)
        side = config.layer_resolution(i)
        name, source = f"synthesis.layers.{i}", f"synthesis.layer{i}"
        yield from _affine(name, source, inputs, width)
        yield Rule(
            f"{name}.weight",
            f"{source}.weight",
            (outputs, inputs, 3, 3),
            1 / math.sqrt(inputs * 9),
            flip=i % 2 == 1,
        )
        yield Rule(f"{name}.bias", f"{source}.bias", (outputs,))
        yield Rule(f"{name}.noise", f"{source}.noise", (1, 1, side, side))
        yield Rule(f"{name}.noise_strength", f"{source}.noise_strength", ())
        if i % 2 == 0:
            name, source = f"synthesis.to_rgbs.{i // 2}", f"synthesis.output{i // 2}"
            yield from _affine(name, source, outputs, width)
            shape4 = (config.img_channels, outputs, 1, 1)
            yield Rule(f"{name}.weight", f"{source}.weight", shape4, 1 / math.sqrt(outputs))
            yield Rule(f"{name}.bias", f"{source}.bias", shape4[:1])


def _affine(name: str, source: str, inputs: int, width: int) -> Iterator[Rule]:
    stem, shape = f"{source}.style", (inputs, width)
    yield Rule(f"{name}.affine.weight", f"{stem}.weight", shape, 1 / math.sqrt(width))
    yield Rule(f"{name}.affine.bias", f"{stem}.bias", (inputs,), shift=1.0)
