"""Train the scorer: `python -m steerx.faces.scorer_training --out scorer.safetensors`.

It sees drawings and pictures of the shipped generator; both carry the truth of their z as labels.
A little blur and noise keeps the scorer from reading single pixels.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from steerx.faces.drawing import draw
from steerx.faces.gate import Render, pictures_of
from steerx.faces.scorer import Scorer
from steerx.faces.truth import BINARY_FACTORS, FACTORS, Z_DIM, factors

_log = logging.getLogger("steerx.faces.scorer_training")


@dataclass(frozen=True)
class Quality:
    """How well scores follow the truth.

    Attributes:
        r2: coefficient of determination of every factor.
        auc: area under the ROC curve of every binary factor.
    """

    r2: dict[str, float]
    auc: dict[str, float]


def quality(scores: Tensor, truth: Tensor) -> Quality:
    """Compare scores [N, F] with the truth [N, F]."""
    left = (truth - scores).square().sum(0)
    r2 = 1 - left / (truth - truth.mean(0)).square().sum(0)
    auc = {}
    for name in BINARY_FACTORS:
        i = FACTORS.index(name)
        ranks = torch.empty(len(scores), dtype=torch.float64)
        ranks[scores[:, i].argsort()] = torch.arange(1, len(scores) + 1, dtype=torch.float64)
        positive = truth[:, i] > 0
        count, other = int(positive.sum()), int((~positive).sum())
        above = ranks[positive].sum() - count * (count + 1) / 2
        auc[name] = float(above / (count * other))
    return Quality(dict(zip(FACTORS, r2.tolist(), strict=True)), auc)


def disturbed(images: Tensor, random: torch.Generator) -> Tensor:
    """Images with a random share of blur and of noise, per picture."""
    count = len(images)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = 0.8 * torch.rand(count, 1, 1, 1, generator=random)
    noise = 0.06 * torch.rand(count, 1, 1, 1, generator=random)
    noise = noise * torch.randn(images.shape, generator=random)
    return (torch.lerp(images, soft, share) + noise).clamp(-1, 1)


def pool_of(render: Render, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures [count, 3, R, R] in half precision, and their truth [count, F]."""
    z = torch.randn(count, Z_DIM, generator=random)
    images = [render(part).clamp(-1, 1).half() for part in z.split(128)]
    return torch.cat(images), factors(z)


def train(
    pools: Sequence[tuple[Tensor, Tensor]],
    *,
    seconds: float,
    seed: int,
    start_from: dict[str, Tensor] | None = None,
    size: int = 128,
    rate: float = 2e-3,
) -> Scorer:
    """Train a scorer for the given time.

    Args:
        pools: pictures and their truth (see `pool_of`); every picture is as likely as any other.
        seconds: processor time.
        seed: of everything random.
        start_from: state of an earlier scorer to go on from.
        size: pictures per batch.
        rate: first learning rate; it falls along a cosine.
    """
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    pictures, truths = (torch.cat(parts) for parts in zip(*pools, strict=True))
    network = Scorer()
    network.spread.copy_(truths.std(0))
    if start_from is not None:
        network.load_state_dict(start_from)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    start, progress, step = time.process_time(), 0.0, 0
    while progress < 1:
        for group in optimiser.param_groups:
            warm = min(1.0, (step + 1) / 100)
            group["lr"] = rate * warm * (0.5 + 0.5 * math.cos(math.pi * progress))
        rows = torch.randint(len(pictures), (size,), generator=random)
        images = disturbed(pictures[rows].float(), random)
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            scores = network(images)
        loss = F.mse_loss(scores.float(), truths[rows])
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step % 200 == 0:
            _log.info("step %d  %.0f %%  loss %.4f", step, 100 * progress, loss.detach())
        step += 1
        progress = (time.process_time() - start) / seconds
    network.eval()
    return network


def evaluate(network: Scorer, render: Render, *, count: int = 2000, seed: int = 7) -> Quality:
    """Quality on held-out z rendered by `render`."""
    z = torch.randn(count, Z_DIM, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        scores = torch.cat([network(render(part).clamp(-1, 1)) for part in z.split(100)])
    return quality(scores, factors(z))


def main() -> None:
    """Command line of the script."""
    from safetensors.torch import load_file, save_file

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--generator", default="faces", help="a checkpoint, or none")
    parser.add_argument("--start-from", type=Path, help="an earlier scorer file")
    parser.add_argument("--drawn", type=int, default=32_768, help="drawings")
    parser.add_argument("--generated", type=int, default=16_384, help="generated pictures")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    random = torch.Generator().manual_seed(given.seed)
    pools = [pool_of(draw, given.drawn, random)]
    render = None if given.generator == "none" else pictures_of(given.generator)
    if render is not None:
        pools.append(pool_of(render, given.generated, random))
    earlier = None
    if given.start_from is not None:
        earlier = {name: value.float() for name, value in load_file(given.start_from).items()}
    trained = train(
        pools, seconds=given.seconds, seed=given.seed, start_from=earlier, rate=given.rate
    )
    result = {"drawings": asdict(evaluate(trained, draw))}
    if render is not None:
        result["generated"] = asdict(evaluate(trained, render))
    _log.info("%s", json.dumps(result, indent=1))
    tensors = {name: value.half().contiguous() for name, value in trained.state_dict().items()}
    facts = {"script": "steerx.faces.scorer_training", "seed": given.seed, **result}
    save_file(tensors, given.out, metadata={"steerx": json.dumps(facts)})


if __name__ == "__main__":
    main()
