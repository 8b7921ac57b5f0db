"""project: pictures -> the codes whose pictures come closest."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from .._seeds import normal, subkey
from .._shapes import floating, shape
from ..checkpoints import model_id
from ..generators import Generator
from ..generators.module_generator import MappedModuleGenerator
from ..generators.styled import StyledGenerator
from ..rendering import NoiseMaps
from . import noise_pictures
from .descent import Descent
from .journal import Journal
from .losses import Features, Loss
from .schedule import Schedule

PUBLISHED = Schedule()
NOISE_WEIGHT = 1e5  # of how far the noise pictures are from noise, as published
DRAWS, _AT_ONCE = 10_000, 1_000  # of w, for its mean and spread
PIXELS_PER_BATCH = {"cpu": 2**16, "cuda": 2**20}  # a picture on its way takes all its activations
_DRAW, _STEP, _NOISE = 1, 2, 3  # purposes of the seed


@dataclass(frozen=True, eq=False)
class Projection:
    """Codes of pictures.

    Attributes:
        codes: w [N, D] or w_plus [N, L, D], as they are rendered.
        space: which of these.
        error: [N] mean |picture - target| on the scale of the images, [-1, 1], with the network's own noise.
    """

    codes: Tensor
    space: Literal["w", "w_plus"]
    error: Tensor


def project(
    G: Generator,
    pictures: Tensor,
    *,
    space: Literal["w", "w_plus"] = "w_plus",
    schedule: Schedule = PUBLISHED,
    features: Features | None = None,
    pixels: float = 1.0,
    learn_noise: bool = True,
    label: int | None = None,
    seed: int = 0,
    batch: int | None = None,
    journal: str | os.PathLike[str] | None = None,
    watch: Callable[[int, int], object] | None = None,
) -> Projection:
    """Codes whose pictures come closest to the given ones.

    Starts at the mean of w and descends by Adam; noise that fades is added to w on the way. Where the network has
    noise, each picture's own noise is learned beside the code, held to be noise, and left behind at the end. Weights
    get no gradient. The codes are rendered as they are: no truncation has anything to do with them.

    Args:
        G: a generator with a w.
        pictures: [N, 3, H, W] of the generator's size, nominal range [-1, 1].
        space: "w", where edits do best, or "w_plus", which comes closer.
        schedule: of learning rate and noise.
        features: a network whose features are compared too: images [N, 3, h, w] of at most 256 px in [-1, 1] ->
            [N, ...] or several of these. Squared differences are summed, as of LPIPS.
        pixels: weight of the pixels and their Laplacian pyramid.
        learn_noise: whether noise pictures are learned beside the code.
        label: class of a conditional network, whose mean of w is the start.
        seed: of what is drawn. Picture n draws the same in any batch.
        batch: pictures at once; None = by resolution.
        journal: file that keeps a run on its way. The same call goes on from it after a kill: *repeatable*, the
            result has the bits of a run that was never cut short. It stays when all is done.
        watch: is told (steps made, steps in all) before the first step and after each; a step is one picture's.

    Returns:
        Codes and errors, on the generator's device. *close* between two batch sizes.

    Raises:
        JournalError: a ValueError: the journal belongs to another projection.
        ValueError, TypeError: a generator without w, pictures of another size, or numbers that do not fit.
        OSError: the journal cannot be written.

    Source: Karras et al. 2020 (StyleGAN2), appendix D; w_plus: Abdal et al. 2019 (Image2StyleGAN).

    Example:
        >>> found = steerx.project(G, pictures)  # doctest: +SKIP
        >>> smiling = steerx.edit(found.codes, "smile.safetensors", alpha=2.0)  # doctest: +SKIP
    """
    loss = Loss(features, pixels)
    loss.check("project")
    schedule.check("project")
    if space not in ("w", "w_plus"):
        raise ValueError(f'project: space must be "w" or "w_plus", got {space!r}')
    check_pictures("project", G, pictures)
    targets = pictures.detach().to(G.device, next(G.parameters()).dtype)
    count = len(targets)
    size = min(per_batch("project", G, batch), count)
    about = {
        "network": G.model_id,
        "pictures": model_id({"pictures": targets}),
        "space": space,
        "schedule": asdict(schedule),
        "features": named(features),
        "pixels": pixels,
        "learn_noise": learn_noise,
        "label": label,
        "seed": seed,
        "batch": size,
    }
    notes = Journal(journal, caller="project", of=about)
    kept = notes.read()
    finished: dict[str, Tensor] = {}
    done = step = 0
    if kept is not None:
        done, step = kept.done, kept.step
        finished = {n: t.to(targets) for n, t in kept.tensors.items() if n in ("codes", "error")}
        if done != (len(finished["codes"]) if finished else 0):
            raise notes.damaged()
    tell = watch or (lambda made, of: None)
    total = count * schedule.steps
    with frozen(G):
        mean, spread = spread_of_w(G, label=label, seed=subkey(seed, _DRAW))
        begin = mean if space == "w" else G.truncate(mean)
        tell(done * schedule.steps + step * min(size, count - done), total)
        while done < count:
            ids = torch.arange(done, min(done + size, count), device=targets.device)
            values = {"codes": begin.repeat(len(ids), *[1] * (begin.dim() - 1))}
            if learn_noise:
                values |= noise_pictures.drawn(G, subkey(seed, _NOISE), ids)
            descent = Descent.begin(values)
            if step:
                assert kept is not None
                try:
                    descent = descent.taken_up(kept.tensors, step)
                except KeyError as missing:
                    raise notes.damaged() from missing
            search = _Search(G, loss, schedule, spread, subkey(seed, _STEP), targets[ids], ids)
            try:
                while descent.step < schedule.steps:
                    descent = search.step(descent)
                    notes.keep({**descent.tensors(), **finished}, done=done, step=descent.step)
                    tell(done * schedule.steps + descent.step * len(ids), total)
            except BaseException:
                notes.keep(
                    {**descent.tensors(), **finished}, done=done, step=descent.step, now=True
                )
                raise
            codes = descent.values["codes"]
            with torch.no_grad():
                error = (rendered(G, codes).clamp(-1, 1) - targets[ids]).abs().mean(dim=(1, 2, 3))
            new = {"codes": codes, "error": error}
            finished = {
                n: torch.cat((finished[n], t)) if n in finished else t for n, t in new.items()
            }
            done, step = done + len(ids), 0
            notes.keep(finished, done=done, step=0, now=True)
    return Projection(finished["codes"], space, finished["error"])


@dataclass(frozen=True, eq=False)
class _Search:
    """What every step of a batch of pictures needs."""

    G: Generator
    loss: Loss
    schedule: Schedule
    spread: Tensor
    key: int
    targets: Tensor
    ids: Tensor

    @cached_property
    def seen(self) -> list[Tensor]:
        with torch.no_grad():
            return self.loss.see(self.targets)

    def step(self, descent: Descent) -> Descent:
        """The descent one step further."""
        codes = descent.values["codes"]
        draw = normal(subkey(self.key, descent.step), self.ids, codes[0].numel())
        added = self.spread * self.schedule.noise_at(descent.step) * draw.view_as(codes).to(codes)

        def objective(now: Mapping[str, Tensor]) -> Tensor:
            maps = _maps(now)
            total = self.loss.of(rendered(self.G, now["codes"] + added, maps), self.seen).sum()
            if maps:
                total = total + NOISE_WEIGHT * noise_pictures.structure(maps.values()).sum()
            return total

        rate = self.schedule.rate_at(descent.step)
        return descent.advanced(
            objective, rate, then=lambda new: noise_pictures.renew(_maps(new).values())
        )


def _maps(values: Mapping[str, Tensor]) -> dict[int, Tensor]:
    return {int(n.removeprefix("noise.")): t for n, t in values.items() if n != "codes"}


def rendered(G: Generator, codes: Tensor, maps: Mapping[int, Tensor] | None = None) -> Tensor:
    """Images of w or w_plus as they are, with gradients; with noise pictures of their own, or the network's."""
    if isinstance(G, StyledGenerator):
        images: Tensor = G.synthesis(codes, noise=NoiseMaps(maps) if maps else "const")
        return images
    assert isinstance(G, MappedModuleGenerator)
    return G.synthesis(codes)


@contextlib.contextmanager
def frozen(G: Generator) -> Iterator[None]:
    """No weight asks for a gradient inside: operators compute what is asked for alone."""
    asking = [p for p in G.parameters() if p.requires_grad]
    try:
        for parameter in asking:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in asking:
            parameter.requires_grad_(True)


def spread_of_w(G: Generator, *, label: int | None, seed: int) -> tuple[Tensor, Tensor]:
    """Mean of w [1, D] and its root mean square distance from it, over 10,000 draws of z."""
    parts = []
    with torch.no_grad():
        for start in range(0, DRAWS, _AT_ONCE):
            ids = torch.arange(start, start + _AT_ONCE, device=G.device)
            parts.append(G.mapping(normal(seed, ids, G.z_dim), label))
        w = torch.cat(parts).double()
        mean = w.mean(dim=0, keepdim=True)
        spread = (w - mean).square().sum(dim=1).mean().sqrt()
    return mean.to(parts[0]), spread.to(parts[0])


def named(features: Features | None) -> str | None:
    """How a journal knows a feature network again."""
    return None if features is None else getattr(features, "__name__", type(features).__name__)


def per_batch(caller: str, G: Generator, batch: int | None) -> int:
    """Pictures at once, as asked or by resolution."""
    if batch is not None and batch < 1:
        raise ValueError(f"{caller}: batch must be 1 or more pictures, or None, got {batch}")
    at_once = PIXELS_PER_BATCH.get(G.device.type, PIXELS_PER_BATCH["cpu"])
    return batch or max(1, at_once // G.resolution**2)


def check_pictures(caller: str, G: Generator, pictures: Tensor) -> None:
    """Refuse a generator without w, and pictures that are not of its size.

    Raises:
        ValueError, TypeError: says which.
    """
    if not isinstance(G, (StyledGenerator, MappedModuleGenerator)):
        raise ValueError(f"{caller}: this generator has no w; its spaces are {', '.join(G.spaces)}")
    name = f"{caller}: pictures"
    floating(name, pictures)
    with torch.no_grad():  # a network of the user's own may make any
        height, width = rendered(G, torch.zeros(1, G.w_dim).to(next(G.parameters()))).shape[2:]
    shape(name, pictures, "N C H W", C=3, H=height, W=width)
    if not len(pictures):
        raise ValueError(f"{caller}: there are no pictures; give at least one")
    if not bool(pictures.isfinite().all()):
        raise ValueError(f"{name} must be finite numbers, got NaN or infinity")
