"""What an NVlabs file says of its generator beyond the tensors: attributes and arguments.

A module keeps what it works with as plain attributes, so they come first. The keyword arguments of
the whole network are the second witness and must agree; one published code base nests those of the
synthesis network under `synthesis_kwargs`, the next one spreads them out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from steerx.checkpoints.budget import Budget
from steerx.checkpoints.config import StyleGAN2Config
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.nvlabs_modules import ABSENT, Modules
from steerx.checkpoints.state_dict import MAPPING_RATE, listed

_MAX_DEPTH = 12
_ROOT = {
    "z_dim": "z_dim",
    "c_dim": "c_dim",
    "w_dim": "w_dim",
    "img_resolution": "resolution",
    "img_channels": "img_channels",
}
_USED_MAPPING = {"num_layers", "embed_features", "layer_features", "activation", "lr_multiplier"}
# Read off the tensors, or about half precision, which the stored float32 weights do not know.
_TOLD_BY_TENSORS = {"channel_base", "channel_max", "resample_filter", "w_avg_beta"}
_ABOUT_SPEED = {"num_fp16_res", "fp16_channels_last", "fused_modconv_default", "use_fp16"}
_SYNTHESIS = {
    *("architecture", "activation", "conv_clamp", "use_noise"),
    *_TOLD_BY_TENSORS,
    *_ABOUT_SPEED,
}


@dataclass(frozen=True)
class Settings:
    """What the arguments say beyond the tensors.

    Attributes:
        root: numbers that the tensors must confirm, by config field.
        mapping: the same for the mapping network.
        conv_clamp: bound of every layer's output, or None.
        lr_multiplier: of the mapping network.
        use_noise: whether layers add noise.
        defaulted: what the file does not say, with the value taken.
        unused: names of arguments steerx does not know.
    """

    root: dict[str, object]
    mapping: dict[str, object]
    conv_clamp: float | None
    lr_multiplier: float
    use_noise: bool
    defaulted: tuple[str, ...]
    unused: tuple[str, ...]

    def check_agrees(self, config: StyleGAN2Config) -> None:
        """Refuse arguments that contradict the shapes of the tensors."""
        found_by_name = config.to_json()
        told = {name: (value, found_by_name[name]) for name, value in self.root.items()}
        told["num_layers"] = (self.mapping.get("num_layers"), config.mapping_layers)
        told["layer_features"] = (self.mapping.get("layer_features"), config.w_dim)
        if config.c_dim:
            told["embed_features"] = (self.mapping.get("embed_features"), config.embed_dim)
        for name, (value, found) in told.items():
            if value is not None and (type(value) is not int or value != found):
                what = str(value) if type(value) is int else f"of type {type(value).__name__}"
                raise _bad(f"the file says {name} = {what}, its tensors say {found}")


def read_settings(modules: Modules, budget: Budget) -> Settings:
    """Read attributes and `_init_kwargs`; what neither says takes its default, and is listed.

    Raises:
        CheckpointError: `bad-structure` for anything but plain data or for a contradiction,
            `unsupported` for an architecture or activation steerx does not run.
    """
    plain = plain_data(modules.states[""].get("_init_kwargs"), budget)
    if plain is None:
        plain = {}
    if not isinstance(plain, dict):
        raise _bad("_init_kwargs is not a dict")
    mapping = _part(plain, "mapping_kwargs")
    spread = {name: value for name, value in plain.items() if name in _SYNTHESIS}
    synthesis = spread | _part(plain, "synthesis_kwargs")
    defaulted: list[str] = []

    def tell(name: str, said: dict[str, Any], default: object, *, of: str, attribute: str) -> Any:
        found = modules.attribute(attribute, of=of)
        argument = said.get(name, ABSENT)
        if found is ABSENT and argument is ABSENT:
            defaulted.append(f"{'mapping' if said is mapping else 'synthesis'} {name} = {default}")
            return default
        if ABSENT not in (found, argument) and found != argument:
            raise _bad(f"the arguments of the network and its layers disagree about {name}")
        return argument if found is ABSENT else found

    layer, block, dense = (
        r"synthesis\.b[0-9]+\.conv[01]",
        r"synthesis\.b[0-9]+",
        r"mapping\.fc[0-9]+",
    )
    for told, name, of in (
        (synthesis, "architecture", block),
        (synthesis, "activation", layer),
        (mapping, "activation", dense),
    ):
        expected = "skip" if name == "architecture" else "lrelu"
        _require(tell(name, told, expected, of=of, attribute=name), expected, name)
    clamp = tell(
        "conv_clamp", synthesis, None, of=rf"{block}\.(conv[01]|torgb)", attribute="conv_clamp"
    )
    use_noise = tell("use_noise", synthesis, True, of=layer, attribute="use_noise")
    rate = tell("lr_multiplier", mapping, MAPPING_RATE, of=dense, attribute="bias_gain")
    if type(rate) not in (int, float) or not math.isfinite(rate) or not 0 < rate <= 100:
        raise _bad("the mapping learning rate multiplier is not a number between 0 and 100")
    if type(use_noise) is not bool:
        raise _bad("use_noise is not True or False")
    unused = [
        *(set(plain) - set(_ROOT) - set(spread) - {"mapping_kwargs", "synthesis_kwargs"}),
        *(set(mapping) - _USED_MAPPING - _TOLD_BY_TENSORS),
        *(set(synthesis) - _SYNTHESIS),
    ]
    return Settings(
        root={field: plain[name] for name, field in _ROOT.items() if name in plain},
        mapping=mapping,
        conv_clamp=clamp,
        lr_multiplier=float(rate),
        use_noise=use_noise,
        defaulted=tuple(defaulted),
        unused=listed(unused),
    )


def plain_data(value: object, budget: Budget, *, depth: int = 0) -> Any:
    """A copy of plain data (dicts, lists, tuples, numbers, texts), within depth and count.

    Raises:
        CheckpointError: `limit`, or `bad-structure` where something is not plain.
    """
    budget.spend("settings", 1)
    if value is None or type(value) in (bool, int, float, str):
        return value
    if depth >= _MAX_DEPTH:
        raise CheckpointError(Kind.LIMIT, f"settings nested deeper than {_MAX_DEPTH}")
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            raise _bad("a setting whose name is not text")
        return {key: plain_data(item, budget, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(item, budget, depth=depth + 1) for item in value]
    raise _bad(f"a setting of type {type(value).__name__}, not plain data")


def _part(plain: dict[str, Any], name: str) -> dict[str, Any]:
    part = plain.get(name, {})
    if not isinstance(part, dict):
        raise _bad(f"{name} is not a dict")
    return part


def _require(value: object, expected: str, name: str) -> None:
    if value not in (None, expected):
        what = shown(value) if type(value) is str else f"of type {type(value).__name__}"
        raise CheckpointError(
            Kind.UNSUPPORTED, f"{name} {what}; steerx reads generators with {name} '{expected}'"
        )


def _bad(what: str) -> CheckpointError:
    return CheckpointError(Kind.BAD_STRUCTURE, what)
