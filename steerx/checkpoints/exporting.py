"""Checkpoint -> a file under the names of another tool: the readers' rules, the other way round.

A reader computes canonical = stored * gain + shift in float32. Here `stored` is the float32 number that comes
back nearest: to the bit for weights that came out of such a file, else within a unit in the last place.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from steerx._files import whole_file
from steerx.checkpoints import genforce, rosinality
from steerx.checkpoints.checkpoint import Checkpoint
from steerx.checkpoints.config import StyleGAN2Config
from steerx.checkpoints.plan import Rule
from steerx.checkpoints.records import Storage, TensorRecord
from steerx.checkpoints.state_dict import UP_GAIN
from steerx.checkpoints.stylegan3_config import StyleGAN3Config

Layout = Literal["rosinality", "genforce"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
_DTYPES = (torch.float32, torch.float16)
_TAPS = (4, 4)  # of the filters that both tools build
_RGB = 3


def export(
    path: str | os.PathLike[str],
    checkpoint: Checkpoint,
    layout: Layout,
    *,
    dtype: torch.dtype | None = None,
    overwrite: bool = False,
) -> None:
    """Write a checkpoint as rosinality's `.pt` (`g_ema`, `latent_avg`) or genforce's `.pth` (`generator_smooth`).

    The file is a torch archive of plain tensors; torch reads it with `weights_only=True`, which runs nothing.

    Args:
        path: the new file.
        checkpoint: what to write.
        layout: whose names.
        dtype: float32 (None), or float16 to store rounded weights in half the bytes.
        overwrite: replace an existing file.

    Raises:
        ValueError: something that this layout cannot express, by name; or another dtype.
        OSError: the file cannot be written; `FileExistsError` where it exists.
    """
    stored = torch.float32 if dtype is None else dtype
    if stored not in _DTYPES:
        raise ValueError(f"export: dtype must be torch.float32 or float16, got {dtype}; use None")
    lost = unsaid(checkpoint, layout)
    if lost:
        raise ValueError(f"{layout} files cannot hold {'; nor '.join(lost)}; write .safetensors")
    state = state_of(checkpoint, layout)
    for name, tensor in state.items():
        state[name] = tensor.to(stored)
        if not state[name].isfinite().all():
            raise ValueError(f"export: {name} has numbers too large for {stored}; use float32")
    tree: dict[str, Any] = {"generator_smooth": state}
    if layout == "rosinality":
        tree = {"latent_avg": state.pop(rosinality.MEAN), "g_ema": state}
    with whole_file(path, overwrite=overwrite) as handle:
        torch.save(tree, handle)


def unsaid(checkpoint: Checkpoint, layout: Layout) -> list[str]:
    """What a checkpoint has and files of this layout cannot hold, in words; [] where all of it fits."""
    config = checkpoint.config
    if not isinstance(config, StyleGAN2Config):
        if layout == "genforce" and not isinstance(
            config, StyleGAN3Config
        ):  # whose own programs ask for all of them
            return [
                f"a {config.family} without its to_rgbs of lower resolutions, which are not kept"
            ]
        return [f"a {config.family}"]
    kernel = checkpoint.tensors["synthesis.filter"]
    found = []
    if config.c_dim:
        found.append(f"the {config.c_dim} classes of a conditional network")
    if config.conv_clamp is not None:
        found.append(f"conv_clamp = {config.conv_clamp:g}")
    if tuple(kernel.shape) != _TAPS or not torch.equal(kernel, kernel.flip((0, 1))):
        found.append(f"an upsampling filter {list(kernel.shape)} other than a symmetric [4, 4]")
    if layout == "rosinality" and config.img_channels != _RGB:
        found.append(f"pictures of {config.img_channels} channels (only {_RGB})")
    if layout == "rosinality" and config.z_dim != config.w_dim:
        found.append(f"z of width {config.z_dim} beside w of width {config.w_dim}")
    return found


def state_of(checkpoint: Checkpoint, layout: Layout) -> dict[str, Tensor]:
    """The state dict of a layout, in float32; rosinality's `latent_avg` is in it."""
    config, tensors = checkpoint.config, checkpoint.tensors
    assert isinstance(config, StyleGAN2Config)
    mean = tensors["mapping.w_avg"]
    if layout == "rosinality":
        rules = list(rosinality.rules(config, {rosinality.MEAN: _record(mean)}))
    else:
        rules = list(genforce.rules(config, {genforce.MEAN: _record(mean.reshape(-1))}))
    state = {rule.source: unfolded(tensors[rule.target], rule) for rule in rules}
    kernel = tensors["synthesis.filter"] * UP_GAIN
    state.update((name, kernel.reshape(shape)) for name, shape in _filters(config, layout))
    return state


def unfolded(tensor: Tensor, rule: Rule) -> Tensor:
    """The stored numbers that a rule makes `tensor` of, each the nearest there is in float32."""
    wanted = tensor.detach().to(device="cpu", dtype=torch.float32)
    if rule.flip:
        wanted = wanted.flip((-2, -1))
    wanted = wanted.reshape(rule.shape).clone()
    if rule.gain == 1.0 and rule.shift == 0.0:
        return wanted
    gain = torch.tensor(rule.gain, dtype=torch.float32).double()  # as the reader multiplies by it
    best = ((wanted.double() - rule.shift) / gain).float()
    # One rounding here and one in the reader may add up to a step; a neighbour may meet the number.
    for end in (-math.inf, math.inf):
        near = torch.nextafter(best, torch.tensor(end))
        closer = (_folded(near, rule) - wanted).abs() < (_folded(best, rule) - wanted).abs()
        best = torch.where(closer, near, best)
    return best


def _folded(stored: Tensor, rule: Rule) -> Tensor:
    """What the reader makes of stored numbers."""
    return stored * rule.gain + rule.shift


def _filters(config: StyleGAN2Config, layout: Layout) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the filter buffers."""
    if layout == "genforce":
        yield "synthesis.upsample.kernel", (1, 1, *_TAPS)
    for i in range(1, config.num_layers, 2):
        if layout == "genforce":
            yield f"synthesis.layer{i}.filter.kernel", (1, 1, *_TAPS)
        else:
            yield f"convs.{i - 1}.conv.blur.kernel", _TAPS
            yield f"to_rgbs.{i // 2}.upsample.kernel", _TAPS


def _record(tensor: Tensor) -> TensorRecord:
    """The shape of a tensor, as the rules ask for it."""
    shape = tuple(tensor.shape)
    return TensorRecord(Storage("", "f4", tensor.numel()), 0, shape, tensor.stride())
