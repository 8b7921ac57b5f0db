"""The layout of StyleGAN's and PGGAN's own pickles: (G, D, Gs), networks that hold named numpy arrays.

Gs, the moving average, is read. Its variables get the names of genforce, which keeps the same numbers: dense
weights [I, O] and kernels [k, k, I, O] turn by their strides alone. PGGAN's `Conv0_up` is a transposed convolution
[k, k, O, I]: its kernel turned around is what convolves a picture upsampled by repetition.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

from steerx.checkpoints import genforce_progressive as progressive
from steerx.checkpoints.budget import Budget
from steerx.checkpoints.containers import Contents
from steerx.checkpoints.errors import CheckpointError, Kind, shown
from steerx.checkpoints.nvlabs_settings import plain_data
from steerx.checkpoints.plan import Plan
from steerx.checkpoints.records import Array, Slice, Storage, TensorRecord, VariableSet
from steerx.checkpoints.source import LatinSource, MemorySource, Source
from steerx.checkpoints.state_dict import State, listed

_COMMON = {"label_size": 0, "use_wscale": True, "normalize_latents": True}
_STYLEGAN: dict[str, object] = {
    **_COMMON,
    "mapping_lrmul": 0.01,
    "mapping_nonlinearity": "lrelu",
    "nonlinearity": "lrelu",
    "use_styles": True,
    "const_input_layer": True,
    "use_noise": True,
    "use_pixel_norm": False,
    "use_instance_norm": True,
    "blur_filter": [1, 2, 1],
    "fused_scale": "auto",
}
_PGGAN: dict[str, object] = {
    **_COMMON,
    "use_pixelnorm": True,
    "use_leakyrelu": True,
    "pixelnorm_epsilon": 1e-8,
}
_SAID = {"resolution": "resolution", "num_channels": "img_channels"}
_TOLD_BY_ARRAYS = {
    *("latent_size", "dlatent_size", "mapping_layers", "mapping_fmaps"),
    *("fmap_base", "fmap_decay", "fmap_max", "structure", "dtype", "randomize_noise"),
    *("truncation_psi", "truncation_cutoff", "dlatent_avg_beta", "style_mixing_prob"),
}
_LAYER = re.compile(r"([0-9]{1,4})x\1/(Const|Dense|Conv|Conv0|Conv0_up|Conv1)/(.+)")
_PARTS = {
    "weight": "weight",
    "bias": "bias",
    "const": "const",
    "StyleMod/weight": "style.weight",
    "StyleMod/bias": "style.bias",
    "Noise/weight": "apply_noise.weight",
}
_DENSE = re.compile(r"Dense([0-9]{1,2})/(weight|bias)")
_NOISE = re.compile(r"noise([0-9]{1,2})")
_TO_RGB = re.compile(r"ToRGB_lod([0-9]{1,2})/(weight|bias)")
_TURNED = {2: (1, 0), 4: (3, 2, 0, 1)}  # axes of the file in the order of torch
_TURNED_UP = (2, 3, 0, 1)
_PIXELS = (4, 4)


@dataclass
class _Renamed:
    """Variables under genforce's names, as records of the file's bytes.

    Attributes:
        budget: of the file; arrays count as storages here, since nothing counted them before.
        tensors: by name.
        upsampling: names of PGGAN's transposed convolutions.
    """

    budget: Budget
    tensors: dict[str, TensorRecord] = field(default_factory=dict)
    upsampling: set[str] = field(default_factory=set)
    _storages: dict[int, Storage] = field(default_factory=dict)

    def add(self, name: str, array: Array, axes: tuple[int, ...] | None = None) -> None:
        """Take an array, its axes in another order where `axes` says so."""
        shape, stride = array.shape, _strides(array)
        if axes is not None and len(axes) == len(shape):
            shape, stride = tuple(shape[a] for a in axes), tuple(stride[a] for a in axes)
        self._put(name, array, shape, stride)

    def add_first(self, name: str, array: Array) -> None:
        """PGGAN's first layer: dense [Z, C * 16] is [C, Z, 4, 4]."""
        if len(array.shape) != 2 or array.shape[1] % 16 or array.fortran:
            raise _bad(f"{shown(name)} has the shape {list(array.shape)}, not [z, channels * 16]")
        (inputs, columns), stride = array.shape, (16, array.shape[1], 4, 1)
        self._put(name, array, (columns // 16, inputs, *_PIXELS), stride)

    def _put(
        self, name: str, array: Array, shape: tuple[int, ...], stride: tuple[int, ...]
    ) -> None:
        storage = self._storages.get(id(array))
        if storage is None:
            storage = self._storages[id(array)] = _storage(name, array, self.budget)
            self.budget.add_storage(storage.nbytes)
        if name in self.tensors:
            raise _bad(f"two variables become {shown(name)}")
        self.budget.add_tensor(storage.nbytes)
        self.tensors[name] = TensorRecord(storage, 0, shape, stride)


def plan(contents: Contents) -> Plan | None:
    """The plan for a pickle of the TensorFlow era; None where the file is of another layout.

    Raises:
        CheckpointError: such a pickle that is damaged, or of a network steerx does not run.
    """
    tree = contents.tree
    if type(tree) is not tuple or len(tree) != 3 or not isinstance(tree[2], VariableSet):
        return None
    network = tree[2]
    settings = plain_data(network.state.get("static_kwargs"), contents.budget)
    if not isinstance(settings, dict):
        raise _bad("the network's static_kwargs are not a dict")
    own = _variables(network)
    parts = network.state.get("components", {})
    renamed = _Renamed(contents.budget)
    if "4x4/Dense/weight" in own:
        _check_settings(settings, _PGGAN)
        _rename_synthesis(renamed, own, "")
        contents.budget.check_tensor_bytes()
        found = _pggan(renamed)
    elif isinstance(parts, dict) and _is_stylegan(parts):
        _check_settings(settings, _STYLEGAN)
        _rename_mapping(renamed, _variables(parts["mapping"]))
        _rename_synthesis(renamed, _variables(parts["synthesis"]), "synthesis.")
        _rename_synthesis(renamed, own, "")
        contents.budget.check_tensor_bytes()
        found = progressive.plan_stylegan(State("Gs", renamed.tensors, ()))
    else:
        what = "a TensorFlow network that is no StyleGAN (2019) and no PGGAN"
        hint = "convert it to a PyTorch .pkl with stylegan2-ada-pytorch's legacy.py"
        raise CheckpointError(Kind.UNSUPPORTED, f"{what}; {hint}")
    _check_said(settings, found)
    known = _TOLD_BY_ARRAYS | _STYLEGAN.keys() | _PGGAN.keys() | _SAID.keys()
    unused = listed(settings.keys() - known)
    facts = {**found.facts, "defaulted": [], "unused_settings": list(unused)}
    return replace(found, layout="tensorflow", facts=facts | {"not_loaded": ["D", "G"]})


def _check_said(settings: dict[str, Any], plan: Plan) -> None:
    """Refuse settings that contradict the shapes of the arrays."""
    config = plan.config.to_json()
    for name, key in _SAID.items():
        said = settings.get(name, config[key])
        if type(said) is not int or said != config[key]:
            what = str(said) if type(said) is int else f"of type {type(said).__name__}"
            raise _bad(f"the file says {name} = {what}, its arrays say {config[key]}")


def _check_settings(settings: dict[str, Any], expected: dict[str, object]) -> None:
    for name, value in expected.items():
        if name in settings and settings[name] != value:
            said = settings[name]
            plain = type(said) in (bool, int, float)
            what = repr(said) if plain else f"of type {type(said).__name__}"
            hint = f"steerx reads TensorFlow networks with {name} = {value!r}"
            raise CheckpointError(Kind.UNSUPPORTED, f"{name} = {what}; {hint}")


def _is_stylegan(parts: dict[object, object]) -> bool:
    synthesis = parts.get("synthesis")
    return (
        isinstance(synthesis, VariableSet)
        and isinstance(parts.get("mapping"), VariableSet)
        and "4x4/Const/const" in _variables(synthesis)
        and "4x4/Const/StyleMod/weight" in _variables(synthesis)  # which StyleGAN2 has not
    )


def _variables(network: object) -> dict[str, object]:
    """Values by name of a network's own variables."""
    listed = network.state.get("variables") if isinstance(network, VariableSet) else None
    if type(listed) is not list or not all(type(p) is tuple and len(p) == 2 for p in listed):
        raise _bad("a network's variables are not pairs of name and array")
    found = {name: value for name, value in listed if type(name) is str}
    if len(found) != len(listed):
        raise _bad("a network's variables have no names, or two have the same")
    return found


def _rename_mapping(renamed: _Renamed, variables: dict[str, object]) -> None:
    for name, value in variables.items():
        match = _DENSE.fullmatch(name)
        turned = _TURNED[2] if name.endswith("weight") else None
        new = f"mapping.dense{int(match[1])}.{match[2]}" if match else f"mapping/{name}"
        renamed.add(new, _array(name, value), turned)


def _rename_synthesis(renamed: _Renamed, variables: dict[str, object], prefix: str) -> None:
    levels = [int(m[1]) for name in variables if (m := _TO_RGB.fullmatch(name))]
    for name, value in variables.items():
        if name == "lod":
            if type(value) not in (int, float) or value != 0:
                what = "a network that has not grown to its full resolution"
                raise CheckpointError(
                    Kind.UNSUPPORTED, f"{what}; steerx reads finished ones (lod 0)"
                )
            continue
        array = _array(name, value)
        if name == "dlatent_avg":
            renamed.add(progressive.MEAN, array)
        elif match := _TO_RGB.fullmatch(name):
            new = f"{prefix}output{max(levels) - int(match[1])}.{match[2]}"
            renamed.add(new, array, _TURNED[4])
        elif match := _NOISE.fullmatch(name):
            renamed.add(f"{prefix}layer{int(match[1])}.apply_noise.noise", array)
        elif (match := _LAYER.fullmatch(name)) and match[3] in _PARTS:
            _rename_layer(renamed, prefix, match, array)
        else:
            renamed.add(f"{prefix}{name}", array)  # reported as not expected


def _rename_layer(renamed: _Renamed, prefix: str, match: re.Match[str], array: Array) -> None:
    kind, part = match[2], _PARTS[match[3]]
    block = int(match[1]).bit_length() - 3
    second = kind in ("Conv", "Conv1")
    name = f"{prefix}layer{2 * block + second}.{part}"
    if kind == "Dense" and part == "weight":
        renamed.add_first(name, array)
    elif part == "style.weight":
        renamed.add(name, array, _TURNED[2])
    elif kind == "Conv0_up" and part == "weight" and not prefix:
        renamed.upsampling.add(name)
        renamed.add(name, array, _TURNED_UP)
    else:
        renamed.add(name, array, _TURNED[4] if part == "weight" else None)


def _pggan(renamed: _Renamed) -> Plan:
    """genforce's plan, but for which kernels are turned around."""
    found = progressive.plan_pggan(State("Gs", renamed.tensors, ()))
    rules = (
        replace(rule, flip=rule.source in renamed.upsampling) if len(rule.shape) == 4 else rule
        for rule in found.rules
    )
    return replace(found, rules=tuple(rules))


def _array(name: str, value: object) -> Array:
    if not isinstance(value, Array) or not value.built:
        raise _bad(f"the variable {shown(name)} is not an array")
    return value


def _storage(name: str, array: Array, budget: Budget) -> Storage:
    data = array.data
    numel = math.prod(array.shape)
    source: Source
    if isinstance(data, Slice):
        return Storage(name, array.dtype, numel, data.source, data.start)
    if isinstance(data, bytes):
        source = MemorySource(data, origin=0)
    else:
        text = data.text
        source = LatinSource(text.source, text.start, text.length, budget)
    return Storage(name, array.dtype, numel, source)


def _strides(array: Array) -> tuple[int, ...]:
    """Steps in elements, row-major unless the array says the other."""
    sizes = array.shape if array.fortran else array.shape[::-1]
    steps = [math.prod(sizes[:i]) for i in range(len(sizes))]
    return tuple(steps if array.fortran else steps[::-1])


def _bad(what: str) -> CheckpointError:
    return CheckpointError(Kind.BAD_STRUCTURE, what)
