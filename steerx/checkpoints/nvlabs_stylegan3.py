"""The layout of NVlabs stylegan3: layers named by size and channels, geometry in their attributes.

Gains: fully connected layers as in stylegan2-ada-pytorch; the features' weight is multiplied by
1 / sqrt(channels), to_rgb's style by 1 / sqrt(inputs * k * k); other weights are used as they are, because
demodulation cancels any gain. Each layer divides its input by the root of a running mean of its square.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from steerx.checkpoints import shapes
from steerx.checkpoints.budget import Budget
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.nvlabs_mapping import mapping_rules
from steerx.checkpoints.nvlabs_modules import ABSENT, Modules
from steerx.checkpoints.nvlabs_settings import plain_data
from steerx.checkpoints.plan import Plan, Rule, check_names
from steerx.checkpoints.records import TensorRecord
from steerx.checkpoints.state_dict import MAPPING_RATE
from steerx.checkpoints.stylegan3_config import MAX_LAYERS, FilteredLayer, StyleGAN3Config

INPUT = "synthesis.input"
_LAYER = re.compile(r"synthesis\.(L([0-9]{1,2})_([0-9]{1,4})_([0-9]{1,4}))\.weight")
_SAID = {"img_resolution": "resolution"} | {
    name: name for name in ("z_dim", "c_dim", "w_dim", "img_channels")
}


def plan(modules: Modules, budget: Budget) -> Plan:
    """The plan for a StyleGAN3 network.

    Raises:
        CheckpointError: names, shapes or attributes that do not make such a network.
    """
    tensors = modules.tensors
    names = _layer_names(tensors)
    config = _infer(modules, names, budget)
    _check_said(modules, config, budget)
    dense = r"mapping\.fc[0-9]+"
    rate = _number(modules, "bias_gain", dense, default=MAPPING_RATE)
    if rate > 100:
        raise _bad("the mapping learning rate multiplier is not a number between 0 and 100")
    rules = tuple(_rules(config, names, rate, stored_mean="mapping.w_avg" in tensors))
    check_names(rules, tensors)
    told = modules.attribute("bias_gain", of=dense) is not ABSENT
    facts = {
        "inferred": ["layers", "mapping_layers", "w_dim", "z_dim", "c_dim", "img_channels"],
        "defaulted": [] if told else [f"mapping learning rate multiplier = {MAPPING_RATE}"],
    }
    return Plan("nvlabs", config, rules, tensors, facts=facts)


def _layer_names(tensors: Mapping[str, TensorRecord]) -> list[str]:
    """Names of the layers in order: L0_36_512, L1_36_512, ..."""
    found = {int(m[2]): m[1] for name in tensors if (m := _LAYER.fullmatch(name))}
    if not found or sorted(found) != list(range(len(found))) or len(found) > MAX_LAYERS:
        raise _bad(f"layers {sorted(found)[:16]} in 'synthesis'; they must be L0, L1, ...")
    return [found[i] for i in range(len(found))]


def _infer(modules: Modules, names: list[str], budget: Budget) -> StyleGAN3Config:
    tensors = modules.tensors
    depth = shapes.count(tensors, "mapping.fc{}.weight")
    conditional = "mapping.embed.weight" in tensors
    embed = shapes.size(tensors, "mapping.embed.weight", 0) if conditional else 0
    w_dim = shapes.size(tensors, f"{INPUT}.affine.weight", 1)
    first = shapes.size(tensors, "mapping.fc0.weight", 1) if depth else w_dim
    shapes.check_hidden_width(tensors, "mapping.fc{}.weight", range(depth), w_dim)
    layers = tuple(_layer(modules, name, budget) for name in names)
    rate = _number(modules, "sampling_rate", re.escape(INPUT))
    margin = _number(modules, "margin_size", "synthesis", zero=True)
    clamp = modules.attribute("conv_clamp", of=r"synthesis\.L[0-9]+_[0-9]+_[0-9]+")
    return StyleGAN3Config(
        z_dim=first - embed,
        c_dim=shapes.size(tensors, "mapping.embed.weight", 1) if conditional else 0,
        w_dim=w_dim,
        resolution=layers[-1].size,
        img_channels=layers[-1].outputs,
        mapping_layers=depth,
        embed_dim=embed,
        input_size=math.ceil(min(rate + 2 * margin, 1 << 20)),
        input_channels=shapes.size(tensors, f"{INPUT}.weight", 0),
        sampling_rate=rate,
        bandwidth=_number(modules, "bandwidth", re.escape(INPUT)),
        layers=layers,
        output_scale=_number(modules, "output_scale", "synthesis"),
        conv_clamp=None if clamp in (None, ABSENT) else _positive("conv_clamp", clamp),
    )


def _layer(modules: Modules, name: str, budget: Budget) -> FilteredLayer:
    stem = f"synthesis.{name}"
    state = modules.states.get(stem, {})  # a name with dots may be one parameter's
    told = {n: plain_data(state.get(n), budget) for n in ("up_factor", "down_factor", "padding")}
    padding = told["padding"]
    if not isinstance(padding, list) or len(padding) != 4:
        raise _bad(f"{shown(name)} does not say its padding")
    tensors = modules.tensors
    filters = [tensors.get(f"{stem}.{part}") for part in ("up_filter", "down_filter")]
    return FilteredLayer(
        size=int(name.split("_")[1]),
        outputs=shapes.size(tensors, f"{stem}.weight", 0),
        kernel=shapes.size(tensors, f"{stem}.weight", 3),
        up=told["up_factor"],
        down=told["down_factor"],
        padding=(padding[0], padding[1], padding[2], padding[3]),
        up_shape=() if filters[0] is None else filters[0].shape,
        down_shape=() if filters[1] is None else filters[1].shape,
    )


def _number(
    modules: Modules, name: str, of: str, *, default: float | None = None, zero: bool = False
) -> float:
    value = modules.attribute(name, of=of)
    if value is ABSENT and default is not None:
        return default
    if zero and type(value) in (int, float) and value == 0:
        return 0.0
    return _positive(name, value)


def _positive(name: str, value: object) -> float:
    if type(value) not in (int, float) or not (0 < value < math.inf):  # type: ignore[operator]
        raise _bad(f"the network does not say {name}, a finite number above 0")
    return float(value)  # type: ignore[arg-type]


def _check_said(modules: Modules, config: StyleGAN3Config, budget: Budget) -> None:
    """Refuse arguments that contradict the shapes of the tensors."""
    said = plain_data(modules.states[""].get("_init_kwargs"), budget)
    if said is not None and not isinstance(said, dict):
        raise _bad("_init_kwargs is not a dict")
    found = config.to_json()
    for name, field in _SAID.items():
        value = (said or {}).get(name, found[field])
        if type(value) is not int or value != found[field]:
            what = str(value) if type(value) is int else f"of type {type(value).__name__}"
            raise _bad(f"the file says {name} = {what}, its tensors say {found[field]}")


def _rules(
    config: StyleGAN3Config, names: list[str], rate: float, *, stored_mean: bool
) -> Iterator[Rule]:
    width, channels = config.w_dim, config.input_channels
    dense = 1 / math.sqrt(width)
    yield from mapping_rules(config, rate, stored_mean=stored_mean)
    first = "synthesis.layers.0"
    yield Rule(f"{first}.affine.weight", f"{INPUT}.affine.weight", (4, width), dense)
    yield Rule(f"{first}.affine.bias", f"{INPUT}.affine.bias", (4,))
    yield Rule(f"{first}.freqs", f"{INPUT}.freqs", (channels, 2))
    yield Rule(f"{first}.phases", f"{INPUT}.phases", (channels,))
    yield Rule(f"{first}.transform", f"{INPUT}.transform", (3, 3))
    square = (channels, channels)
    yield Rule(f"{first}.weight", f"{INPUT}.weight", square, 1 / math.sqrt(channels))
    for i, (layer, native) in enumerate(zip(config.layers, names, strict=True)):
        inputs, name, source = (
            config.layer_inputs(i),
            f"synthesis.layers.{i + 1}",
            f"synthesis.{native}",
        )
        kernel = (layer.outputs, inputs, layer.kernel, layer.kernel)
        last = i == len(names) - 1
        gain = 1 / math.sqrt(math.prod(kernel[1:])) if last else 1.0
        yield Rule(f"{name}.affine.weight", f"{source}.affine.weight", (inputs, width), dense)
        yield Rule(f"{name}.affine.bias", f"{source}.affine.bias", (inputs,))
        yield Rule(f"{name}.weight", f"{source}.weight", kernel, gain)
        yield Rule(f"{name}.bias", f"{source}.bias", kernel[:1])
        yield Rule(f"{name}.magnitude", f"{source}.magnitude_ema", ())
        for part, taps in (("up_filter", layer.up_shape), ("down_filter", layer.down_shape)):
            if taps:
                yield Rule(f"{name}.{part}", f"{source}.{part}", taps)


def _bad(what: str) -> CheckpointError:
    return CheckpointError(Kind.BAD_STRUCTURE, what)
