"""The gate of the embedded generator: every factor must change the picture as it changes the drawing.

A mean error hides lost smiles and thin eyeglasses, so the measure is on differences: move one
factor from its 10th to its 90th percentile and correlate the two difference pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from steerx.faces.drawing import draw
from steerx.faces.truth import FACTORS, Z_DIM, moved
from steerx.generators import load

Render = Callable[[Tensor], Tensor]
PASS: Final = 0.8
# The coordinate along one direction of a normalised 64-vector is close to normal; this is the
# 90th percentile of a standard normal, and the 10th with a minus sign.
PERCENTILE_90: Final = 1.2816
_MASK_LEVEL: Final = 0.1


@dataclass(frozen=True)
class Gate:
    """What the gate measured.

    Attributes:
        correlation: mean over z of the correlation of the two differences, one per factor.
        low: 10th percentile over z of that correlation, one per factor.
        gain: slope of the generated difference over the drawn one, one per factor (1 = as strong).
        error: mean absolute error of the pictures on [-1, 1], over fresh z.
    """

    correlation: dict[str, float]
    low: dict[str, float]
    gain: dict[str, float]
    error: float

    @property
    def passed(self) -> bool:
        """Whether every factor reaches `PASS`."""
        return min(self.correlation.values()) >= PASS


def pictures_of(path: str | Path = "faces") -> Render:
    """What renders the pictures of a generator file: z [N, Z] -> images [N, 3, R, R]."""
    network = load(path)

    @torch.no_grad()
    def render(z: Tensor) -> Tensor:
        return network.renderer.render(network.enter(z, space="z"), noise="none")

    return render


def measure(
    render: Render,
    *,
    resolution: int,
    count: int = 200,
    fresh: int = 1000,
    seed: int = 1,
    batch: int = 100,
) -> Gate:
    """Compare a generator with the drawings it learnt from.

    Args:
        render: z [N, Z] -> images [N, 3, H, W] in [-1, 1].
        resolution: H = W of those images in pixels.
        count: z per factor.
        fresh: z for the mean absolute error.
        seed: of all z.
        batch: z per call.

    Returns:
        A `Gate`. A factor's mask holds the pixels whose mean drawn change is at least a tenth of the
        largest one.
    """
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(count, Z_DIM, generator=random)
    correlation, low, gain = {}, {}, {}
    for name in FACTORS:
        drawn, made = [], []
        for part in z.split(batch):
            ends = [moved(part, name, sign * PERCENTILE_90) for sign in (-1, 1)]
            first, last = (draw(end, resolution=resolution) for end in ends)
            drawn.append(last - first)
            made.append(_clamped(render, ends[1]) - _clamped(render, ends[0]))
        truth, change = torch.cat(drawn), torch.cat(made)
        size = truth.abs().mean((0, 1))
        mask = size >= _MASK_LEVEL * size.max()
        truth, change = truth[:, :, mask].flatten(1), change[:, :, mask].flatten(1)
        each = _correlation(truth, change)
        correlation[name] = float(each.mean())
        low[name] = float(each.quantile(0.1))
        gain[name] = float((truth * change).sum() / truth.square().sum())
    error = torch.zeros(())
    for part in torch.randn(fresh, Z_DIM, generator=random).split(batch):
        pictures = draw(part, resolution=resolution)
        error += (_clamped(render, part) - pictures).abs().mean() * len(part) / fresh
    return Gate(correlation, low, gain, float(error))


def _clamped(render: Render, z: Tensor) -> Tensor:
    with torch.no_grad():
        return render(z).clamp(-1, 1)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson correlation of each row of a [N, P] with the same row of b; [N]."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    sizes = torch.linalg.vector_norm(a, dim=1) * torch.linalg.vector_norm(b, dim=1)
    correlation: Tensor = (a * b).sum(1) / sizes.clamp(min=1e-12)
    return correlation
