"""Honest files of every layout that were cut, lengthened, or changed in one tensor, setting or number."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from steerx.checkpoints import Checkpoint, Config
from steerx.checkpoints.canonical import describe_in_json
from tests.checkpoints import progressive_writers as progressive
from tests.checkpoints import stylegan3_writers as stylegan3
from tests.checkpoints import tensorflow_writers as tensorflow
from tests.checkpoints import writers
from tests.checkpoints.corpus import Attack
from tests.checkpoints.corpus.headers import file

State = dict[str, Any]
_SMALL: dict[str, Any] = {"resolution": 8, "channels": {4: 3, 8: 2}, "z_dim": 4}
TWO = writers.tiny_config(**_SMALL, w_dim=5, mapping_layers=2)
STYLE = progressive.tiny_stylegan(**_SMALL, w_dim=5, mapping_layers=2)
PGGAN = progressive.tiny_pggan(**_SMALL)
_THREE = stylegan3.tiny()


def attacks() -> Iterator[Attack]:
    """Every layout: its tensors, its settings, its bytes."""
    for layout, (container, state, write) in layouts().items():
        for name, changed in changes(state):
            yield Attack(f"weights@{container}@{layout}-{name}", write(changed))
        for name, changed in nonfinite(state):
            yield Attack(f"finite@{container}@{layout}-{name}", write(changed))
        honest = write(dict(state))
        for cut in range(1, 17):
            at = max(1, len(honest) * cut // 17)
            yield Attack(f"cut@{container}@{layout}-{cut}", honest[:at])
        for i, tail in enumerate((*_TAILS, honest)):
            yield Attack(f"longer@{container}@{layout}-{i}", honest + tail)
    yield from settings()
    yield from configs()
    told = json.loads(describe_in_json(Checkpoint("pggan", PGGAN, {}, "", {})))
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    for name, value in (("many", [[0] * 9] * 3_000), ("deep", deep), ("infinite", 1e999)):
        data = own_file(PGGAN, progressive.random_tensors(PGGAN), told | {"facts": {"a": value}})
        yield Attack(f"config@safetensors@facts-{name}", data)
    yield from attributes()


_TAILS = (
    *(b"\0", b".", b"PK", bytes(1000), b"N.", b"\x80\x04N.", b"\n", b"{}", b"\xff" * 8, b"ustar"),
    *(b"0", b"a" * 100, struct.pack("<q", 4), b"\x80\x02", b"PK\x05\x06" + bytes(18)),
)


def layouts() -> dict[str, tuple[str, State, Callable[[State], bytes]]]:
    """Container, state dict and writer of each layout."""
    two = writers.random_tensors(TWO)
    style, pggan = (
        progressive.stylegan_state(STYLE, progressive.random_tensors(STYLE)),
        progressive.pggan_state(PGGAN, progressive.random_tensors(PGGAN)),
    )
    three = stylegan3.state_of(_THREE, stylegan3.random_tensors(_THREE))
    return {
        "nvlabs": ("pickle", dict(writers.nvlabs_state(TWO, two)), _nvlabs),
        "stylegan3": ("pickle", dict(three), _stylegan3),
        "rosinality": ("zip", dict(writers.rosinality_state(TWO, two)), rosinality_file),
        "genforce": ("legacy", dict(writers.genforce_state(TWO, two)), _legacy),
        "genforce-stylegan": ("zip", dict(style), genforce_file),
        "genforce-pggan": ("legacy", dict(pggan), _legacy),
        "own": ("safetensors", dict(two), lambda state: own_file(TWO, state)),
    }


def _nvlabs(state: State) -> bytes:
    return writers.dumps(writers.nvlabs_tree(TWO, state), 4)


def _stylegan3(state: State, **more: Any) -> bytes:
    said = {"z_dim": _THREE.z_dim, "c_dim": _THREE.c_dim, "w_dim": _THREE.w_dim}
    said |= {"img_resolution": _THREE.resolution, "img_channels": _THREE.img_channels}
    layers = stylegan3.attributes(_THREE)
    for module, facts in more.get("layers", {}).items():
        layers[module] = layers.get(module, {}) | facts
    network = writers.nvlabs_network(state, kwargs=more.get("kwargs", said), layers=layers)
    return writers.dumps({"G_ema": network}, 4)


def saved(tree: Any, *, zip_file: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(tree, buffer, _use_new_zipfile_serialization=zip_file)
    return buffer.getvalue()


def rosinality_file(state: State) -> bytes:
    return saved({"g_ema": state, "latent_avg": torch.zeros(5)}, zip_file=True)


def genforce_file(state: State) -> bytes:
    return saved({"generator_smooth": state}, zip_file=True)


def _legacy(state: State) -> bytes:
    return saved({"generator": state}, zip_file=False)


def own_file(config: Config, state: State, told: dict[str, Any] | None = None) -> bytes:
    said = json.loads(describe_in_json(Checkpoint(config.family, config, state, "", {})))
    header: dict[str, Any] = {"__metadata__": {"steerx": json.dumps(told or said)}}
    at, data = 0, b""
    for name, tensor in state.items():
        raw = tensor.contiguous().numpy().tobytes() if isinstance(tensor, Tensor) else b""
        tag = {"float32": "F32", "int64": "I64"}[str(tensor.dtype).removeprefix("torch.")]
        header[name] = {
            "dtype": tag,
            "shape": list(tensor.shape),
            "data_offsets": [at, at + len(raw)],
        }
        at, data = at + len(raw), data + raw
    return file(header, data)


def changes(state: State) -> Iterator[tuple[str, State]]:
    """One tensor gone, another shape, whole numbers, or one too many."""
    names = list(state)
    step = max(1, len(names) // 8)
    for name in dict.fromkeys([*names[::step], *(n for n in names if "noise_str" not in n)][:24]):
        tensor: Tensor = state[name]
        rest = {key: value for key, value in state.items() if key != name}
        yield f"without-{name}", rest
        yield f"wide-{name}", state | {name: torch.zeros(*tensor.shape, 2)}
        if tensor.ndim:
            grown = torch.zeros(tensor.shape[0] + 1, *tensor.shape[1:])
            yield f"grown-{name}", state | {name: grown}
    last = names[-1]
    yield "whole", state | {last: torch.zeros(state[last].shape, dtype=torch.int64)}
    yield "surplus", state | {"surprise.weight": torch.zeros(1)}
    yield "none", {}


def nonfinite(state: State) -> Iterator[tuple[str, State]]:
    """NaN and infinity at the first, a middle and the last number."""
    wide = [name for name, tensor in state.items() if tensor.numel() > 2 and "filter" not in name]
    wide = [name for name in wide if "kernel" not in name and "output0" not in name]
    for i, name in enumerate(wide[:: max(1, len(wide) // 15)]):
        tensor = state[name].clone()
        value = (torch.nan, torch.inf, -torch.inf)[i % 3]
        tensor.view(-1)[(0, tensor.numel() // 2, -1)[i % 3]] = value
        yield f"{value}-{name}", state | {name: tensor}


_ABSURD: tuple[Any, ...] = (
    *(None, True, "4", -1, 0, 3, 10**6, 2**70, 1.5, float("inf"), float("nan")),
    *([], {}, [1, 2], {"x": 1}, b"x", (4,)),
)
_KWARGS = ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels", "mapping_kwargs")


def some(values: tuple[Any, ...], number: int, of: int) -> Iterator[tuple[int, Any]]:
    """One in `of` values with their places, others for every number."""
    return ((i, value) for i, value in enumerate(values) if i % of == number % of)


def settings() -> Iterator[Attack]:
    """Arguments of networks that are absurd, of other types, or contradict the tensors."""
    state = dict(writers.nvlabs_state(TWO, writers.random_tensors(TWO)))
    for number, name in enumerate((*_KWARGS, "synthesis_kwargs")):
        for i, value in some(_ABSURD, number, 2):
            data = _with(state, {**writers.nvlabs_kwargs(TWO), name: value})
            yield Attack(f"settings@pickle@{name}-{i}", data)
    for number, name in enumerate(("conv_clamp", "architecture", "activation", "use_noise")):
        for i, value in some(_ABSURD, number, 2):
            data = _with(state, writers.nvlabs_kwargs(TWO, **{name: value}))
            yield Attack(f"settings@pickle@synthesis-{name}-{i}", data)
    for number, name in enumerate(("num_layers", "layer_features", "lr_multiplier", "activation")):
        for i, value in some(_ABSURD, number, 2):
            said = {**writers.nvlabs_kwargs(TWO), "mapping_kwargs": {name: value}}
            yield Attack(f"settings@pickle@mapping-{name}-{i}", _with(state, said))
    for i, value in enumerate(_ABSURD):
        yield Attack(f"settings@pickle@kwargs-{i}", _with(state, {}, {"_init_kwargs": value}))
        tree = tensorflow.pggan(
            progressive.pggan_state(PGGAN, progressive.random_tensors(PGGAN)), resolution=value
        )
        yield Attack(f"settings@pickle@tensorflow-{i}", writers.dumps(tree, 4))


def _with(state: State, kwargs: Any, attributes: dict[str, Any] | None = None) -> bytes:
    network = writers.nvlabs_network(state, kwargs=kwargs, attributes=attributes)
    return writers.dumps({"G_ema": network}, 4)


def configs() -> Iterator[Attack]:
    """Numbers of our own files outside their bounds."""
    for config in (TWO, STYLE, PGGAN, _THREE):
        tensors = progressive.random_tensors(config) if config is not TWO else {}
        tensors = tensors or writers.random_tensors(TWO)
        honest = json.loads(describe_in_json(Checkpoint(config.family, config, tensors, "", {})))
        fields: list[tuple[Any, Any]] = [(honest["config"], name) for name in honest["config"]]
        for layer in honest["config"].get("layers", [])[:1]:
            fields += [(layer, name) for name in layer]
        more = [(honest["config"], "surprise"), (honest, "facts")]
        for number, (target, name) in enumerate([*fields, *more]):
            kept = target.get(name)
            for i, value in some(_JSON, number, 3):
                target[name] = value
                if value != kept:
                    data = own_file(config, tensors, honest)
                    yield Attack(f"config@safetensors@{config.family}-{name}-{i}", data)
            target[name] = kept
            if kept is None and name not in ("conv_clamp",):
                del target[name]


_JSON: tuple[Any, ...] = (
    *(None, "4", -1, 0, 10**6, 1.5, [], {}, [[1]], 8193, 12, [5, 5]),
    *({"4": 3, "8": 9000}, {"4": 3}, [10**9] * 4),
)


def attributes() -> Iterator[Attack]:
    """Attributes of StyleGAN3's modules, and of StyleGAN2's layers."""
    state = dict(stylegan3.state_of(_THREE, stylegan3.random_tensors(_THREE)))
    absurd = (*_ABSURD, ["x"] * 4, [10**9] * 4, 10**9)
    for module, facts in list(stylegan3.attributes(_THREE).items())[:3]:
        for number, name in enumerate(facts):
            for i, value in some(absurd, number, 2):
                data = _stylegan3(state, layers={module: {name: value}})
                yield Attack(f"attribute@pickle@{module}-{name}-{i}", data)
    for i, value in enumerate(_ABSURD):
        yield Attack(f"attribute@pickle@kwargs-{i}", _stylegan3(state, kwargs={"z_dim": value}))
