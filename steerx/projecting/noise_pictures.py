"""The noise pictures that a projection may learn beside the code, and what keeps them noise."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from .._seeds import normal, subkey
from ..generators import Generator

SMALLEST = 8  # pixels; smaller pictures are left alone


def noisy_layers(G: Generator) -> dict[int, tuple[int, int]]:
    """Number and noise picture's size of each style_layer in which noise is seen at all."""
    layers = getattr(getattr(G, "synthesis", None), "layers", ())
    found = {}
    for i, layer in enumerate(layers):
        noise, strength = getattr(layer, "noise", None), getattr(layer, "noise_strength", None)
        if noise is not None and strength is not None and bool(strength.detach().any()):
            found[i] = (noise.shape[0], noise.shape[1])
    return found


def drawn(G: Generator, seed: int, ids: Tensor) -> dict[str, Tensor]:
    """Noise to begin with, "noise.<layer>": [N, 1, H, W]; a sample's depends on its id alone."""
    like = next(G.parameters())
    return {
        f"noise.{i}": normal(subkey(seed, i), ids, h * w).view(-1, 1, h, w).to(like)
        for i, (h, w) in noisy_layers(G).items()
    }


def structure(pictures: Iterable[Tensor]) -> Tensor:
    """How far noise pictures [N, 1, H, W] are from noise: their neighbours' products, at each halving [N].

    Source: Karras et al. 2020 (StyleGAN2), appendix D.
    """
    total: Tensor | None = None
    for picture in pictures:
        while min(picture.shape[2:]) >= SMALLEST:
            for axis in (2, 3):
                product = (picture * picture.roll(1, dims=axis)).mean(dim=(1, 2, 3))
                total = product.square() if total is None else total + product.square()
            # Twice the mean of four keeps the variance.
            picture = avg_pool2d(picture, 2) * 2
    return torch.zeros(()) if total is None else total


def renew(pictures: Iterable[Tensor]) -> None:
    """Give each sample's noise picture mean 0 and variance 1 again, in place."""
    for picture in pictures:
        picture.sub_(picture.mean(dim=(1, 2, 3), keepdim=True))
        picture.mul_(picture.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt())
