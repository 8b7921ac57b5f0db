"""Another family fits the contract: StyleGAN-like styles with a scale half and a shift half."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import steerx
from steerx.generators import Generator, StyleRow
from steerx.rendering import PlainRenderer


class HalvesGenerator(Generator):
    """Two layers, x * (scale + 1) + shift each, styles [N, 2 C]."""

    family = "halves"

    def __init__(self) -> None:
        super().__init__()
        self.z_dim = self.w_dim = 8
        self.num_ws, self.resolution, self.model_id = 2, 4, "halves"
        self.spaces = ("z", "w", "w_plus", "styles")
        self.style_rows = tuple(StyleRow(f"4:conv{i}", i, 10, False) for i in range(2))
        self.mapping_layer = nn.Linear(8, 8)
        self.affine = nn.ModuleList(nn.Linear(8, 10) for _ in range(2))
        self.const = nn.Parameter(torch.randn(1, 5, 4, 4))
        self.conv = nn.ModuleList((nn.Conv2d(5, 5, 3, padding=1), nn.Conv2d(5, 3, 1)))
        self.mapping = lambda z, label=None: self.mapping_layer(z).tanh()
        self.renderer = PlainRenderer(self)

    def truncation_scale(self, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        return torch.full((2,), psi)

    def truncate(self, w: Tensor, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        return psi * w[:, None].repeat(1, 2, 1)

    def styles(self, w_plus: Tensor) -> list[Tensor]:
        return [affine(w_plus[:, i]) for i, affine in enumerate(self.affine)]

    def style_steps(self, steps: Tensor) -> list[Tensor]:
        return [steps[:, i] @ affine.weight.t() for i, affine in enumerate(self.affine)]

    def style_weights(self, layers=None, *, to_rgb="last") -> list[Tensor]:  # type: ignore[no-untyped-def]
        return [self.affine[i].weight for i in (range(2) if layers is None else layers)]

    def run(self, styles, *, state, stop, noise, dtype, packed):  # type: ignore[no-untyped-def]
        x = self.const.expand(len(styles[0]), -1, -1, -1)
        for style, conv in zip(styles, self.conv, strict=True):
            scale, shift = style[:, :, None, None].chunk(2, dim=1)
            x = conv(x * (scale + 1) + shift)
        return x


@pytest.fixture
def G() -> HalvesGenerator:
    return HalvesGenerator().requires_grad_(False).eval()


def test_sefa_reads_both_halves(G) -> None:
    found = steerx.SeFa(k=8).fit(G)
    assert float(found.eigenvalues_.sum()) == pytest.approx(2 * 10)  # one per style column


@pytest.mark.parametrize("psi", [1.0, 0.5])
def test_sweeps_and_scores_run_on_it(G, psi) -> None:
    components = steerx.GANSpace(k=2, n=500).fit(G).directions_
    sweep = steerx.sweep(G, seeds=[0, 4], directions=components, alphas=[0.0, 2.0], psi=psi)
    w = G.codes(seeds=[0, 4], space="w") + 2.0 * components.scale[1] * components.vectors[1]
    expected = G.renderer.render(G.styles(G.truncate(w, psi=psi)), out="uint8").numpy()
    assert np.abs(sweep.images[:, 1, 1].astype(int) - expected).max() <= 1
    assert steerx.score(G, lambda x: x.mean((1, 2, 3)), seeds="0-2").shape == (3, 1)
