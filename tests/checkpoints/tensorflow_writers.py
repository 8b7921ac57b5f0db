"""Writes the pickles of StyleGAN's and PGGAN's own TensorFlow code from genforce state dicts, for tests only.

Opcodes and attribute dicts are those of files that the published code wrote under TensorFlow 1.15; their source
text is a stub.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from tests.checkpoints.writers import STUB, Call, Name

STYLEGAN = Name("dnnlib.tflib.network", "Network")
PGGAN = Name("tfutil", "Network")


def network(
    of: Name, variables: dict[str, Any], settings: dict[str, Any], **components: Any
) -> Call:
    """A network with its own variables."""
    state = {
        "version": 3,
        "name": "Gs",
        "static_kwargs": settings,
        "components": components,
        "build_module_src": STUB,
        "build_func_name": "G_style",
        "variables": list(variables.items()),
    }
    return Call(of, (), state=state, new=True)


def array(tensor: Tensor, *axes: int) -> Any:
    """What TensorFlow holds; a number where there are no axes."""
    value = tensor.numpy()
    return np.ascontiguousarray(value.transpose(axes) if axes else value)[()]


def pggan(state: dict[str, Tensor], *, fused: bool = True, **settings: Any) -> tuple[Any, ...]:
    """The triple of a PGGAN, with fused upsampling or without."""
    blocks = sum(name.startswith("output") and name.endswith("weight") for name in state)
    variables: dict[str, Any] = {"lod": np.float32(0)}
    first = state["layer0.weight"].flip((2, 3))
    variables["4x4/Dense/weight"] = array(first.permute(1, 0, 2, 3).reshape(first.shape[1], -1))
    for i in range(2 * blocks):
        side, up = 4 << i // 2, "Conv0_up" if fused else "Conv0"
        name = ("Dense", "Conv", up, "Conv1")[i if i < 2 else 2 + i % 2]
        weight = state[f"layer{i}.weight"]
        if name == "Conv0_up":
            variables[f"{side}x{side}/{name}/weight"] = array(weight.flip((2, 3)), 2, 3, 0, 1)
        elif i:
            variables[f"{side}x{side}/{name}/weight"] = array(weight, 2, 3, 1, 0)
        variables[f"{side}x{side}/{name}/bias"] = array(state[f"layer{i}.bias"])
    variables |= to_rgbs(state, "", blocks)
    said = {"num_channels": 3, "resolution": 2 << blocks, "label_size": 0, "fused_scale": fused}
    whole = network(PGGAN, variables, said | settings)
    return whole, whole, whole


def stylegan(
    state: dict[str, Tensor], *, changes: dict[str, Any] | None = None, **settings: Any
) -> tuple[Any, ...]:
    """The triple of a StyleGAN; `changes` are of the synthesis network's variables."""
    blocks = sum("output" in name and name.endswith("weight") for name in state)
    synthesis: dict[str, Any] = {"lod": np.float32(0)}
    for i in range(2 * blocks):
        side = 4 << i // 2
        name = f"{side}x{side}/" + ("Const", "Conv", "Conv0_up", "Conv1")[i if i < 2 else 2 + i % 2]
        layer = f"synthesis.layer{i}"
        synthesis[f"noise{i}"] = array(state[f"{layer}.apply_noise.noise"])
        part = "const" if i == 0 else "weight"
        axes = () if i == 0 else (2, 3, 1, 0)
        synthesis[f"{name}/{part}"] = array(state[f"{layer}.{part}"], *axes)
        synthesis[f"{name}/Noise/weight"] = array(state[f"{layer}.apply_noise.weight"])
        synthesis[f"{name}/bias"] = array(state[f"{layer}.bias"])
        synthesis[f"{name}/StyleMod/weight"] = array(state[f"{layer}.style.weight"], 1, 0)
        synthesis[f"{name}/StyleMod/bias"] = array(state[f"{layer}.style.bias"])
    synthesis |= to_rgbs(state, "synthesis.", blocks)
    synthesis |= changes or {}
    mapping: dict[str, Any] = {}
    for name, tensor in state.items():
        if name.startswith("mapping.dense"):
            number, part = name.removeprefix("mapping.dense").split(".")
            axes = (1, 0) if part == "weight" else ()
            mapping[f"Dense{number}/{part}"] = array(tensor, *axes)
    said = {"num_channels": 3, "resolution": 2 << blocks, "label_size": 0, "fused_scale": "auto"}
    said |= settings
    own = {"lod": np.float32(0), "dlatent_avg": array(state["truncation.w_avg"])}
    parts = {
        "synthesis": network(STYLEGAN, synthesis, said),
        "mapping": network(STYLEGAN, mapping, said),
    }
    whole = network(STYLEGAN, own, said, **parts)
    return whole, whole, whole


def to_rgbs(state: dict[str, Tensor], prefix: str, blocks: int) -> dict[str, Any]:
    """The layers to pictures, by how many resolutions are above theirs."""
    found = {}
    for b in range(blocks):
        name, source = f"ToRGB_lod{blocks - 1 - b}", f"{prefix}output{b}"
        found[f"{name}/weight"] = array(state[f"{source}.weight"], 2, 3, 1, 0)
        found[f"{name}/bias"] = array(state[f"{source}.bias"])
    return found
