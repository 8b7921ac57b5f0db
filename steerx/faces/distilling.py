"""Distillation of the drawings into a StyleGAN2 network: batches, losses, and a run that can go on.

Each batch holds pairs of drawings that differ in one named factor, so that the loss sees both the
pictures and how a factor changes them; the second is what the gate asks for.
"""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from steerx.checkpoints.config import StyleGAN2Config
from steerx.faces.drawing import draw
from steerx.faces.gate import PERCENTILE_90
from steerx.faces.student import Student
from steerx.faces.truth import FACTORS, Z_DIM, moved

_log = logging.getLogger("steerx.faces.distilling")


@dataclass
class Options:
    """Everything that decides a run; stored in the file it makes."""

    seconds: float = 4800.0
    seed: int = 0
    pairs: int = 8
    rate: float = 2e-2
    mapping_rate: float = 1.0
    mapping_layers: int = 2
    base: int = 2048
    maximum: int = 128
    resolution: int = 64
    gradient_weight: float = 1.0
    change_weight: float = 0.1
    knee: float = 0.1  # at the end; 1 at the start
    average: float = 0.999
    boost: dict[str, float] = field(default_factory=dict)  # extra weight of lagging factors


def config_of(options: Options) -> StyleGAN2Config:
    """Sizes of the network of a run."""
    sizes = [2**power for power in range(2, options.resolution.bit_length())]
    return StyleGAN2Config(
        z_dim=Z_DIM,
        c_dim=0,
        w_dim=Z_DIM,
        resolution=options.resolution,
        img_channels=3,
        channels={size: min(options.base // size, options.maximum) for size in sizes},
        mapping_layers=options.mapping_layers,
    )


def change_sizes(resolution: int) -> Tensor:
    """Mean absolute change of the drawing, 10th to 90th percentile of each factor; [F]."""
    z = torch.randn(128, Z_DIM, generator=torch.Generator().manual_seed(0))
    sizes = []
    for name in FACTORS:
        low, high = (moved(z, name, sign * PERCENTILE_90) for sign in (-1, 1))
        change = draw(high, resolution=resolution) - draw(low, resolution=resolution)
        sizes.append(change.abs().mean())
    return torch.stack(sizes)


def pairs_of(options: Options, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """z [2 P, Z] in which row P + i is row i with one factor moved, and which factor [P]."""
    z = torch.randn(options.pairs, Z_DIM, generator=random)
    which = torch.randint(len(FACTORS), (options.pairs,), generator=random)
    ends = 0.8 + torch.rand(options.pairs, 2, generator=random)
    ends = ends * torch.where(torch.rand(options.pairs, generator=random) < 0.5, -1.0, 1.0)[:, None]
    low, high = [], []
    for row, factor, (start, stop) in zip(z, which.tolist(), ends.tolist(), strict=True):
        low.append(moved(row[None], FACTORS[factor], -start))
        high.append(moved(row[None], FACTORS[factor], stop))
    return torch.cat(low + high), which


def losses(made: Tensor, drawn: Tensor, change_weight: Tensor, *, knee: float) -> dict[str, Tensor]:
    """Error of the pictures, of their gradients, and of the change within each pair.

    Args:
        made: generated pictures [2 P, 3, R, R].
        drawn: the drawings [2 P, 3, R, R].
        change_weight: weight [P] of each pair's change.
        knee: errors below it count squared, above it linearly (Huber). A large one learns much
            faster at first, a small one keeps edges sharp.
    """
    error = made - drawn
    across = _huber(error[..., 1:] - error[..., :-1], knee).mean()
    down = _huber(error[..., 1:, :] - error[..., :-1, :], knee).mean()
    first, second = error.chunk(2)
    change = _huber(second - first, knee).mean((1, 2, 3)) * change_weight
    return {
        "pixels": _huber(error, knee).mean(),
        "gradients": across + down,
        "changes": change.mean(),
        "error": error.detach().abs().mean(),
    }


def _huber(error: Tensor, knee: float) -> Tensor:
    return F.smooth_l1_loss(error, torch.zeros_like(error), reduction="none", beta=knee)


class Run:
    """One training run: the student, its slow average, its optimiser, and where it stands."""

    def __init__(self, options: Options, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.student = Student(
            config_of(options), mapping_rate=options.mapping_rate, seed=options.seed
        )
        self.average = [value.detach().clone() for value in self.student.parameters()]
        self.optimiser = torch.optim.Adam(
            self.student.parameters(), lr=options.rate, betas=(0.9, 0.99), eps=1e-8
        )
        self.step = 0
        self.elapsed = 0.0

    def train(self, *, stop: float, compiled: bool, every: float = 120.0) -> None:
        """Train until `stop` seconds of this call have gone or the schedule ends."""
        forward: Any = torch.compile(self.student, dynamic=False) if compiled else self.student
        boost = torch.tensor([self.options.boost.get(name, 1.0) for name in FACTORS])
        weight = boost / change_sizes(self.options.resolution)
        start, saved, before = time.perf_counter(), 0.0, self.elapsed
        steps, shown = self.step, start
        while self.elapsed < self.options.seconds and self.elapsed - before < stop:
            random = torch.Generator().manual_seed(self.options.seed * 1_000_003 + self.step)
            z, which = pairs_of(self.options, random)
            drawn = draw(z, resolution=self.options.resolution)
            knee = self.options.knee ** min(self.elapsed / self.options.seconds, 1.0)
            parts = losses(forward(z), drawn, weight[which], knee=knee)
            total = (
                parts["pixels"]
                + self.options.gradient_weight * parts["gradients"]
                + self.options.change_weight * parts["changes"]
            )
            total.backward()
            self._update()
            if self.step == steps + 1:  # compiling is not training
                start = shown = time.perf_counter()
            self.elapsed = before + time.perf_counter() - start
            if self.step % 200 == 0:
                now = time.perf_counter()
                rate = 200 * len(z) / (now - shown)
                shown = now
                values = "  ".join(f"{name} {value.detach():.4f}" for name, value in parts.items())
                _log.info(
                    "step %d  %.0f s  %.0f images/s  %s", self.step, self.elapsed, rate, values
                )
            if self.elapsed - before - saved > every:
                saved = self.elapsed - before
                self.save()
        if self.step > steps:
            self.save()

    def _update(self) -> None:
        progress = min(self.elapsed / self.options.seconds, 1.0)
        rate = self.options.rate * (0.5 + 0.5 * math.cos(math.pi * progress))
        rate *= min(1.0, (self.step + 1) / 100)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        keep = min(self.options.average, self.step / (self.step + 10))
        torch._foreach_lerp_(self.average, list(self.student.parameters()), 1 - keep)

    def save(self) -> None:
        """Write everything needed to go on, whole or not at all."""
        tensors: dict[str, Tensor] = {}
        for (name, value), slow in zip(self.student.named_parameters(), self.average, strict=True):
            state = self.optimiser.state[value]
            tensors |= {f"value/{name}": value.detach(), f"average/{name}": slow}
            tensors |= {f"first/{name}": state["exp_avg"], f"second/{name}": state["exp_avg_sq"]}
        facts = {"step": self.step, "elapsed": self.elapsed, "options": asdict(self.options)}
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / "run.part"
        save_file(
            {name: value.contiguous() for name, value in tensors.items()},
            part,
            metadata={"run": json.dumps(facts)},
        )
        part.replace(self.folder / "run.safetensors")

    def resume(self) -> None:
        """Go on from the folder's last save, if there is one."""
        path = self.folder / "run.safetensors"
        if not path.exists():
            return
        with safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()["run"])
            for i, (name, value) in enumerate(self.student.named_parameters()):
                with torch.no_grad():
                    value.copy_(file.get_tensor(f"value/{name}"))
                self.average[i].copy_(file.get_tensor(f"average/{name}"))
                self.optimiser.state[value] = {
                    "step": torch.tensor(float(facts["step"])),
                    "exp_avg": file.get_tensor(f"first/{name}"),
                    "exp_avg_sq": file.get_tensor(f"second/{name}"),
                }
        self.step, self.elapsed = facts["step"], facts["elapsed"]

    def averaged(self) -> Student:
        """A student with the slow average of the parameters."""
        copy = Student(self.student.config, mapping_rate=self.options.mapping_rate, seed=0)
        with torch.no_grad():
            for value, slow in zip(copy.parameters(), self.average, strict=True):
                value.copy_(slow)
        return copy
