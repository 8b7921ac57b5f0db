"""Config-f by others: torch.compile with CUDA graphs, TensorRT, stylegan2-ada-pytorch as shipped and tuned.

Every side makes the pictures of the same random weights and agrees before it is timed. Each of these runs in a process
of its own (`gpu_process.apart`): compilers may take any time, and another project's modules have names like ours.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.gpu_device import Device
from bench.gpu_pictures import WITHIN, Answer, best, half
from bench.gpu_plan import network
from bench.gpu_sides import OURS, compared, gathered
from bench.shared_form import SharedForm
from steerx.checkpoints import nvlabs
from steerx.checkpoints.exporting import unfolded
from steerx.checkpoints.nvlabs_settings import Settings
from steerx.checkpoints.state_dict import MAPPING_RATE
from steerx.generators import StyleGAN2
from steerx.rendering import PlainRenderer


@torch.no_grad()
def compiled(device: Device, resolution: int, batches: Sequence[int]) -> Answer:
    """The layers in plain torch under torch.compile with CUDA graphs (mode "reduce-overhead")."""
    net, dtype = network(device.name, resolution), half(device)
    # Rehearsed without code generation, which takes the CPU's compiler half a minute.
    how: dict[str, Any] = {"mode": "reduce-overhead"} if device.real else {"backend": "eager"}
    module = SharedForm(net.synthesis, dtype)
    rows = []
    for batch in batches:
        # One at a time: a graph's outputs are overwritten by its next run, so that they are copied.
        quick = torch.compile(module, fullgraph=True, dynamic=False, **how)
        sides = {
            "torch.compile": lambda styles, quick=quick: quick(*styles).clone(),
            "eager": module,
        }
        rows.append(_against(device, net, batch, sides))
    return {"how": how} | gathered(rows, "batch")


@torch.no_grad()
def tensorrt(device: Device, resolution: int, batches: Sequence[int]) -> Answer:
    """The same layers through TensorRT, where torch_tensorrt is installed."""
    if importlib.util.find_spec("torch_tensorrt") is None:
        return {"skipped": "torch_tensorrt is not installed"}
    torch_tensorrt: Any = importlib.import_module("torch_tensorrt")
    net, rows = network(device.name, resolution), []
    module = SharedForm(net.synthesis, half(device)).eval()
    for batch in batches:
        styles = net.codes(seeds=range(batch), space="styles")
        way: dict[str, Any] = {"ir": "dynamo", "use_explicit_typing": True, "min_block_size": 1}
        try:
            engine = torch_tensorrt.compile(module, inputs=list(styles), **way)
        except Exception as error:  # theirs, of any kind; it says nothing of our kernels
            return {"skipped": f"torch_tensorrt {torch_tensorrt.__version__}: {error}"[:600]}
        rows.append(_against(device, net, batch, {"TensorRT": engine}))
    return {"version": torch_tensorrt.__version__} | gathered(rows, "batch")


def _against(
    device: Device, net: StyleGAN2, batch: int, others: dict[str, Callable[..., Tensor]]
) -> Answer:
    """Ours and others from the same styles; others take them one by one, unless they take a list."""
    styles: list[Tensor] = net.codes(seeds=range(batch), space="styles")
    fused = best(device, net)
    sides: dict[str, Callable[[], Tensor]] = {OURS: lambda: fused.render(styles)}
    for name, other in others.items():
        spread = name != "torch.compile"
        sides[name] = lambda o=other, s=spread: o(*styles) if s else o(styles)  # type: ignore[misc]
    truth = PlainRenderer(net.synthesis).render(styles)
    return {"batch": batch} | compared(device, sides, truth, within=WITHIN)


@torch.no_grad()
def stylegan2_ada(device: Device, folder: str, resolution: int, batches: Sequence[int]) -> Answer:
    """A checkout of stylegan2-ada-pytorch from w to picture: float32, as shipped, and tuned.

    As shipped: the four largest resolutions in float16, samples' weights fused as it chooses. Tuned: all in float16,
    channels last, cuDNN's benchmark. Ours starts from w too: its affines are in the time.
    """
    if not (Path(folder) / "training" / "networks.py").is_file():
        raise AssertionError(f"{folder} is no checkout of stylegan2-ada-pytorch: no networks.py")
    net = network(device.name, resolution)
    try:
        theirs = {
            "float32": _theirs(net, folder, halves=0, last=False),
            "as shipped": _theirs(net, folder, halves=4, last=False),
            "tuned": _theirs(net, folder, halves=99, last=True),
        }
    except ModuleNotFoundError as error:
        return {"skipped": f"{folder} needs {error.name}; pip install {error.name}"}
    rows = []
    for batch in batches:
        w = net.codes(seeds=range(batch), space="w_plus")
        fused, plain = best(device, net), PlainRenderer(net.synthesis)
        sides: dict[str, Callable[[], Tensor]] = {
            OURS: lambda w=w, f=fused: f.render(net.styles(w))
        }  # type: ignore[misc]
        for name, other in theirs.items():
            sides[name] = _called(other, w, tuned=name == "tuned", exact=not device.real)
        truth = plain.render(net.styles(w))
        row = {"batch": batch} | compared(device, sides, truth, within=WITHIN)
        ms = row["ms"]
        row |= {f"{k} / {OURS}": round(ms[k] / ms[OURS], 3) for k in theirs if {k, OURS} <= set(ms)}
        rows.append(row)
    return {"plugins": _plugins()} | gathered(rows, "batch")


def _called(other: Any, w: Tensor, *, tuned: bool, exact: bool) -> Callable[[], Tensor]:
    def run() -> Tensor:
        torch.backends.cudnn.benchmark = tuned
        made: Tensor = other.synthesis(w, noise_mode="const", force_fp32=exact)
        return made

    return run


def _theirs(net: StyleGAN2, folder: str, *, halves: int, last: bool) -> Any:
    """Their generator with our weights; `halves` of the largest resolutions in float16."""
    if folder not in sys.path:
        sys.path.insert(0, folder)
    config = net.config
    made = importlib.import_module("training.networks").Generator(
        config.z_dim, 0, config.w_dim, config.resolution, config.img_channels,
        mapping_kwargs={"num_layers": config.mapping_layers},
        synthesis_kwargs={
            "channel_base": 32768, "channel_max": max(config.channels.values()),
            "num_fp16_res": halves, "fp16_channels_last": last, "conv_clamp": config.conv_clamp,
        },
    )  # fmt: skip
    missing, unknown = made.load_state_dict(state_of(net), strict=False)
    left = [name for name in missing if not name.endswith("resample_filter")]
    if left or unknown:
        raise AssertionError(f"weights that have no place in {folder}: {left[:3]} {unknown[:3]}")
    return made.eval().requires_grad_(False).to(next(net.parameters()).device)


def state_of(net: StyleGAN2) -> dict[str, Tensor]:
    """The weights under the names of stylegan2-ada-pytorch, as numbers before its gains."""
    settings = Settings({}, {}, net.config.conv_clamp, MAPPING_RATE, True, (), ())
    own = net.state_dict()
    rules = nvlabs.rules(net.config, settings, stored_mean=True)
    return {rule.source: unfolded(own[rule.target], rule) for rule in rules}


def _plugins() -> dict[str, bool]:
    """Whether their CUDA kernels were compiled; where not, they are timed without, and it says so."""
    names = ("bias_act", "upfirdn2d")
    modules = (sys.modules.get(f"torch_utils.ops.{name}") for name in names)
    return {n: getattr(m, "_plugin", None) is not None for n, m in zip(names, modules, strict=True)}
