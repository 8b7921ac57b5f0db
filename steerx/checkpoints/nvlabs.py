"""The layout of NVlabs stylegan2-ada-pytorch: persistent objects, gains applied at run time.

Gains (StyleGAN2, Karras et al. 2020, equalised learning rate): a fully connected layer multiplies
its weight by m / sqrt(inputs) and its bias by m, m its learning rate multiplier; modulated 3x3
weights are used as they are, because demodulation cancels any gain; to_rgb, which is not
demodulated, multiplies its style by 1 / sqrt(inputs).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from steerx.checkpoints import nvlabs_stylegan3, shapes
from steerx.checkpoints.config import StyleGAN2Config
from steerx.checkpoints.containers import Contents
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.nvlabs_mapping import mapping_rules
from steerx.checkpoints.nvlabs_modules import flatten
from steerx.checkpoints.nvlabs_settings import Settings, read_settings
from steerx.checkpoints.plan import Plan, Rule, check_names, stock_filter
from steerx.checkpoints.records import Network, TensorRecord
from steerx.checkpoints.state_dict import listed

_TOP = {"G", "D", "G_ema", "augment_pipe", "training_set_kwargs"}
_FORMAT_VERSION = 6
_FILTER = "resample_filter"


def plan(contents: Contents) -> Plan | None:
    """The plan for an NVlabs file; None where the file is of another layout.

    Raises:
        CheckpointError: an NVlabs file that is damaged, or of a network steerx does not run.
    """
    tree = contents.tree
    if not isinstance(tree, dict) or not isinstance(tree.get("G_ema"), Network):
        return None
    network: Network = tree["G_ema"]
    modules = flatten(network, contents.budget)
    tensors = modules.tensors
    if any(name.startswith(("synthesis.L0_", "synthesis.input.")) for name in tensors):
        found = nvlabs_stylegan3.plan(modules, contents.budget)
        found.facts.update(_facts(tree, network))
        return found
    _check_variant(network, tensors)
    settings = read_settings(modules, contents.budget)
    # A conv1 never resamples; it holds the stock filter whatever the network's own is.
    holders = [n for n in tensors if n.endswith("." + _FILTER) and ".conv1." not in n]
    kernel = shapes.common_filter(tensors, holders, gain=1.0)
    defaulted = list(settings.defaulted)
    if kernel is None:
        kernel = stock_filter()
        defaulted.append("filter = outer([1, 3, 3, 1]) / 64")
    config = _infer(tensors, settings, (kernel.shape[0], kernel.shape[1]))
    settings.check_agrees(config)
    rules = tuple(rules_of(config, settings, stored_mean="mapping.w_avg" in tensors))
    constants = {"synthesis.filter": kernel}
    if not settings.use_noise:
        for layer in range(config.num_layers):
            side = config.layer_resolution(layer)
            constants[f"synthesis.layers.{layer}.noise"] = torch.zeros(side, side)
            constants[f"synthesis.layers.{layer}.noise_strength"] = torch.zeros(())
    check_names(rules, tensors, ignored=lambda name: name.endswith("." + _FILTER))
    facts = {
        "inferred": ["channels", "mapping_layers", "w_dim", "z_dim", "c_dim", "img_channels"],
        "defaulted": defaulted,
        "unused_settings": list(settings.unused),
        **_facts(tree, network),
    }
    return Plan("nvlabs", config, rules, tensors, constants, facts)


def _facts(tree: Mapping[Any, Any], network: Network) -> dict[str, Any]:
    """What people should know of the file around the network."""
    facts: dict[str, Any] = {
        "skipped": list(listed(key for key in tree if key not in _TOP)),
        "not_loaded": sorted(str(key) for key in tree if key in _TOP - {"G_ema"}),
    }
    if network.version != _FORMAT_VERSION:
        facts["format_version"] = network.version
    return facts


def _check_variant(network: Network, tensors: Mapping[str, TensorRecord]) -> None:
    """Refuse what is not StyleGAN2 with skip connections, by its name."""
    if any(".skip.weight" in name for name in tensors):
        kind = "StyleGAN2 with residual blocks (architecture 'resnet')"
    elif "synthesis.b4.torgb.weight" not in tensors and "synthesis.b4.const" in tensors:
        kind = "StyleGAN2 with one torgb (architecture 'orig')"
    elif "synthesis.b4.const" not in tensors:
        kind = f"a network of class {shown(network.class_name)} without 'synthesis.b4.const'"
    else:
        return
    raise CheckpointError(Kind.UNSUPPORTED, f"{kind}; steerx reads StyleGAN2 'skip' generators")


def _infer(
    tensors: Mapping[str, TensorRecord], settings: Settings, filter_shape: tuple[int, int]
) -> StyleGAN2Config:
    blocks = shapes.numbers(tensors, r"synthesis\.b([0-9]{1,5})\.conv1\.weight")
    depth = shapes.count(tensors, "mapping.fc{}.weight")
    conditional = "mapping.embed.weight" in tensors
    embed = shapes.size(tensors, "mapping.embed.weight", 0) if conditional else 0
    w_dim = shapes.size(tensors, "synthesis.b4.conv1.affine.weight", 1)
    first = shapes.size(tensors, "mapping.fc0.weight", 1) if depth else w_dim
    shapes.check_hidden_width(tensors, "mapping.fc{}.weight", range(depth), w_dim)
    return StyleGAN2Config(
        z_dim=first - embed,
        c_dim=shapes.size(tensors, "mapping.embed.weight", 1) if conditional else 0,
        w_dim=w_dim,
        resolution=blocks[-1] if blocks else 0,
        img_channels=shapes.size(tensors, "synthesis.b4.torgb.weight", 0),
        channels={r: shapes.size(tensors, f"synthesis.b{r}.conv1.weight", 0) for r in blocks},
        mapping_layers=depth,
        embed_dim=embed,
        conv_clamp=settings.conv_clamp,
        filter_shape=filter_shape,
    )


def rules_of(config: StyleGAN2Config, settings: Settings, *, stored_mean: bool) -> Iterator[Rule]:
    """One rule per tensor of a generator's file."""
    width, rate = config.w_dim, settings.lr_multiplier
    yield from mapping_rules(config, rate, stored_mean=stored_mean)
    yield Rule("synthesis.const", "synthesis.b4.const", (config.channels[4], 4, 4))
    affine = 1 / math.sqrt(width)
    for i in range(config.num_layers):
        inputs, outputs = config.layer_channels(i)
        side = config.layer_resolution(i)
        name, source = f"synthesis.layers.{i}", f"synthesis.b{side}.conv{1 - i % 2}"
        yield Rule(f"{name}.affine.weight", f"{source}.affine.weight", (inputs, width), affine)
        yield Rule(f"{name}.affine.bias", f"{source}.affine.bias", (inputs,))
        yield Rule(f"{name}.weight", f"{source}.weight", (outputs, inputs, 3, 3))
        yield Rule(f"{name}.bias", f"{source}.bias", (outputs,))
        if settings.use_noise:
            yield Rule(f"{name}.noise", f"{source}.noise_const", (side, side))
            yield Rule(f"{name}.noise_strength", f"{source}.noise_strength", ())
        if i % 2 == 0:
            name, source = f"synthesis.to_rgbs.{i // 2}", f"synthesis.b{side}.torgb"
            shape4 = (config.img_channels, outputs, 1, 1)
            yield Rule(f"{name}.affine.weight", f"{source}.affine.weight", (outputs, width), affine)
            yield Rule(f"{name}.affine.bias", f"{source}.affine.bias", (outputs,))
            yield Rule(f"{name}.weight", f"{source}.weight", shape4, 1 / math.sqrt(outputs))
            yield Rule(f"{name}.bias", f"{source}.bias", shape4[:1])
