"""Published programs from folders that the user names: their own classes, given our weights by name."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from bench.peers import network
from bench.peers.job import Call, Job
from bench.peers.torch_sides import w_plus
from steerx.checkpoints import StyleGAN2Config


def config(job: Job) -> StyleGAN2Config:
    """The sizes of the network."""
    return StyleGAN2Config.from_json(json.loads(job.path(network.CONFIG).read_text()))


def imported(job: Job, name: str) -> Any:
    """A module of the checkout."""
    assert job.checkout is not None
    if job.checkout not in sys.path:
        sys.path.insert(0, job.checkout)
    return importlib.import_module(name)


def filled(module: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    """A peer's module with our weights; what it alone has are filters and counters, never weights."""
    missing, unexpected = module.load_state_dict(state, strict=False)
    weights = {name for name, _ in module.named_parameters()} & set(missing)
    if weights or unexpected:
        raise ValueError(f"its names are others: {sorted(weights)[:3]}, {unexpected[:3]}")
    return module.requires_grad_(False).eval()


def nvlabs(job: Job, name: str, **spread: Any) -> nn.Module:
    """The StyleGAN2 generator in module `name` of stylegan2-ada-pytorch or stylegan3."""
    c = config(job)
    sizes = {
        "z_dim": c.z_dim,
        "c_dim": 0,
        "w_dim": c.w_dim,
        "img_resolution": c.resolution,
        "img_channels": 3,
    }
    mapping = {"num_layers": c.mapping_layers}
    kind = imported(job, name).Generator
    made = kind(**sizes, mapping_kwargs=mapping, **spread)
    return filled(made, torch.load(job.path(network.NVLABS), weights_only=True))


class StyleGAN2Ada(nn.Module):
    """stylegan2-ada-pytorch, as it is; fused=None leaves the choice of the form to it."""

    def __init__(self, job: Job, *, fused: bool | None = None) -> None:
        super().__init__()
        most = {"channel_max": max(config(job).channels.values())}
        self.network = nvlabs(job, "training.networks", synthesis_kwargs=most).synthesis
        self.options = {} if fused is None else {"fused_modconv": fused}

    def forward(self, w: Tensor) -> Tensor:
        return self.network(w, noise_mode="const", **self.options)


def stylegan2_ada(job: Job) -> Call:
    call, codes = StyleGAN2Ada(job), w_plus(job)
    return lambda: call(codes)


def compiled_ada(job: Job, *, fused: bool) -> Call:
    """The same through torch.compile; folding constants fails on it."""
    call, codes = torch.compile(StyleGAN2Ada(job, fused=fused), dynamic=False), w_plus(job)
    return lambda: call(codes)


def stylegan3(job: Job) -> Call:
    """The StyleGAN2 of stylegan3's repository; it compares versions by a module that setuptools dropped."""
    if importlib.util.find_spec("pkg_resources") is None:
        from packaging.version import parse

        stand_in: Any = ModuleType("pkg_resources")
        stand_in.parse_version = parse
        sys.modules["pkg_resources"] = stand_in
    spread = {"channel_max": max(config(job).channels.values()), "num_fp16_res": 0}
    synthesis = nvlabs(job, "training.networks_stylegan2", **spread).synthesis
    codes = w_plus(job)
    return lambda: synthesis(codes, noise_mode="const")


def rosinality(job: Job) -> Call:
    """Its operators build CUDA extensions when they are imported; on a CPU they never call them."""
    with mock.patch("torch.utils.cpp_extension.load", lambda *a, **k: SimpleNamespace()):
        kind = imported(job, "model").Generator
    if not job.path(network.ROSINALITY).exists():
        raise ValueError("its files cannot hold this network")
    c = config(job)
    made = kind(c.resolution, c.w_dim, c.mapping_layers)
    if any(made.channels[side] != channels for side, channels in c.channels.items()):
        raise ValueError("it knows the channels of config f alone")
    state = torch.load(job.path(network.ROSINALITY), weights_only=True)["g_ema"]
    G, codes = filled(made, state), w_plus(job)
    return lambda: G([codes], input_is_latent=True, randomize_noise=False)[0]


def genforce(job: Job) -> Call:
    c = config(job)
    sizes = {"z_space_dim": c.z_dim, "w_space_dim": c.w_dim, "mapping_fmaps": c.w_dim}
    kind = imported(job, "models.stylegan2_generator").StyleGAN2Generator
    most = max(c.channels.values())
    made = kind(c.resolution, mapping_layers=c.mapping_layers, fmaps_max=most, **sizes)
    state = torch.load(job.path(network.GENFORCE), weights_only=True)["generator_smooth"]
    synthesis, codes = filled(made, state).synthesis, w_plus(job)
    return lambda: synthesis(codes, randomize_noise=False)["image"]
