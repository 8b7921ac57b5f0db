"""Sides that need nothing but torch: the renderers of steerx, the papers' form, torch.compile."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import steerx
from bench.peers.forms import Published, Shared
from bench.peers.job import Call, Job, Precision
from bench.peers.network import OURS

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}


def generator(job: Job, renderer: Any, precision: Precision) -> Any:
    return steerx.load(job.path(OURS), dtype=DTYPES[precision], renderer=renderer)


def w_plus(job: Job) -> Tensor:
    return torch.from_numpy(job.codes())


def ours(job: Job, *, renderer: str, precision: Precision) -> Call:
    """The affines are inside, as they are in every peer."""
    G, codes = generator(job, renderer, precision), w_plus(job)
    return lambda: G.renderer.render(G.styles(codes))


def module(job: Job, form: str, precision: Precision = "fp32") -> nn.Module:
    network = generator(job, "plain", "fp32").synthesis
    return Published(network) if form == "published" else Shared(network, DTYPES[precision])


def published(job: Job) -> Call:
    network, codes = module(job, "published"), w_plus(job)
    return lambda: network(codes)


def compiled(job: Job, *, precision: Precision) -> Call:
    """The rewritten network; constants are folded and weights packed."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    network, codes = module(job, "shared", precision), w_plus(job)
    network.to(memory_format=torch.channels_last)
    call = torch.compile(network.eval(), dynamic=False)
    return lambda: call(codes)


def compiled_plain(job: Job) -> Call:
    """What a user of steerx compiles: the plain renderer as it is."""
    G, codes = generator(job, "plain", "fp32"), w_plus(job)
    call = torch.compile(lambda w: G.renderer.render(G.styles(w)), dynamic=False)
    return lambda: call(codes)
