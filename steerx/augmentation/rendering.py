"""Pictures of a plan's samples, a micro-batch at a time.

*sample-exact* for one backend: a micro-batch is always of the plan's size, and a sample's place in it follows from
the plan, so that no worker count and no crash changes a bit. On the CPU one thread computes, since libraries
split sums by the number of threads; more processes make it faster.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .._layers import format_layers
from .._seeds import subkey
from ..directions import Directions
from ..editing import along
from ..generators import Generator, Start
from ..generators.generator import Codes
from ..generators.labels import one_hot
from ..rendering import SampleNoise
from ..rendering.noise import Noise
from .errors import PlanError
from .judging import Judge, Verdict, check_judge, judged
from .plan import Given, Plan
from .samples import NOISE, Samples, drawn_z, samples_of


@dataclass(frozen=True, eq=False)
class Batch:
    """Some samples, at most a micro-batch of them.

    Attributes:
        samples: as they were drawn.
        images: [B, 3, H, W] in [-1, 1] on the device.
        verdict: of the scorer, where the job has one.
    """

    samples: Samples
    images: Tensor
    verdict: Verdict | None = None


class Pictures:
    """Renders samples of a plan.

    Args:
        plan: the plan.
        G: its generator.
        directions: its edits, one direction each.
        codes: of its sources, where they are given.
        judge: its scorer, where it has one.

    Raises:
        PlanError: these are not the ones that the plan names.
    """

    def __init__(
        self,
        plan: Plan,
        G: Generator,
        directions: Sequence[Directions],
        codes: Codes | None = None,
        judge: Judge | None = None,
    ) -> None:
        self.plan, self.G, self.directions, self.codes = plan, G, tuple(directions), codes
        self.judge = judge
        came = tuple(map(fingerprint, directions))
        if came != tuple(edit.sha256 for edit in plan.edits):
            raise PlanError("the directions are not those of the plan; give those it was made with")
        if G.model_id != plan.model_id:
            raise PlanError(
                f"the network is {G.model_id[:12]}, the plan's is {plan.model_id[:12]}; give that one"
            )
        if isinstance(plan.sources, Given) and (
            codes is None or fingerprint_of_codes(codes) != plan.sources.sha256
        ):
            raise PlanError("the codes are not those of the plan; give the file it was made with")
        check_judge(plan, judge)

    @torch.inference_mode()
    def batch(self, ids: Sequence[int]) -> Batch:
        """Samples of a shard that follow each other, at most a micro-batch of them.

        Raises:
            ShardError: the scorer failed.
        """
        filled = [*ids, *[ids[-1]] * (self.plan.batch - len(ids))]
        if self.judge is None:
            samples = samples_of(self.plan, filled)
            return Batch(samples.first(len(ids)), self.render(samples)[: len(ids)])
        relative = all(one.motion == "relative" for one in self.directions)
        samples, images, verdict = judged(
            self.plan, self.judge, filled, self.render, from_source=relative
        )
        return Batch(samples.first(len(ids)), images[: len(ids)], verdict)

    def with_batch(self, size: int) -> Pictures:
        """The same pictures in micro-batches of another size: close, not the same bits."""
        return self.by(self.plan.with_batch(size))

    def by(self, plan: Plan) -> Pictures:
        """The same pictures by an amendment of their plan."""
        other = copy.copy(self)
        other.plan = plan
        return other

    def render(self, samples: Samples) -> Tensor:
        """Images [B, 3, H, W] of a whole micro-batch."""
        G = self.G
        moves = [(one, samples.alphas[:, k]) for k, one in enumerate(self.directions)]
        entrance = along(self._start(samples), G, moves).rendered(G)
        noise: Noise = "const" if self.plan.noise == "const" else "none"
        if self.plan.noise == "sample":
            noise = SampleNoise(subkey(self.plan.key, NOISE), samples.ids.to(G.device))
        return G.renderer.render(entrance, noise=noise)

    def _start(self, samples: Samples) -> Start:
        plan, G, sources = self.plan, self.G, samples.sources
        like = next(G.parameters())
        if isinstance(plan.sources, Given):
            rows = sources.to(like.device)
            parts = self.codes if isinstance(self.codes, list) else [self.codes]
            some = [part.to(like)[rows] for part in parts if part is not None]
            codes: Codes = some if isinstance(self.codes, list) else some[0]
            start = Start(codes, plan.sources.space, plan.psi, plan.cutoff)
        else:
            z = drawn_z(plan, samples, G.z_dim).to(like)
            start = Start(z, "z", plan.psi, plan.cutoff)
        if start.space != "z" or not plan.labels:
            return start
        classes = torch.tensor(plan.labels)[sources % len(plan.labels)]
        label = one_hot(classes, len(sources), G.c_dim, like=like)
        return Start(start.codes, "z", plan.psi, plan.cutoff, label)


def fingerprint(one: Directions) -> str:
    """sha256 of what a direction does to codes."""
    assert len(one) == 1, "a set of one direction"
    told = [one.space, one.motion, one.origin, one.when, one.layers, one.style_sizes]
    digest = hashlib.sha256(repr(told).encode())
    tensors = [one.vectors, one.scale]
    if one.intercepts is not None and one.motion == "absolute":
        tensors.append(one.intercepts)
    for tensor in tensors:
        digest.update(tensor.double().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def fingerprint_of_codes(codes: Codes) -> str:
    """sha256 of the numbers of codes."""
    digest = hashlib.sha256()
    for part in codes if isinstance(codes, list) else [codes]:
        digest.update(repr(list(part.shape)).encode())
        for rows in part.split(4096):
            digest.update(rows.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def layers_said(one: Directions) -> str:
    """Layers that a direction moves, as people say them."""
    (layers,) = one.layers
    return "all" if layers is None else format_layers(layers)
