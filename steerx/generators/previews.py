"""Previews: a StyleGAN2 that ends at an earlier block, whose skip picture is the whole one's beginning."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn

from .generator import Generator
from .renderers import renderer_of
from .stylegan2 import StyleGAN2

Module = TypeVar("Module", bound=nn.Module)


def previewed(G: Generator, side: int) -> StyleGAN2:
    """The generator up to the block of `side` pixels: what its to_rgbs have summed up there is the picture.

    An approximation: contrast and colours are those of the first blocks alone, and what edits do in
    style_layers after the block is not seen at all. On `faces` (64 px) the 32 px preview differs from the
    whole picture, made small, by 0.32 rms where that has 0.42. Share of a whole picture's time (native, float32, one
    thread): 0.33 at 64 px and 0.64 at 128 px of 256 px with 512 channels; 0.48 at 16 px and 0.74 at 32 px of `faces`.

    Codes in z, w and w_plus are those of the whole generator, slots that the preview does not read included;
    its styles are the first rows of the whole one's. Parameters are shared.

    Args:
        G: a StyleGAN2; any other network has no picture before its end.
        side: pixels of the preview, 4 ... G.resolution.

    Returns:
        The generator that ends there, with a renderer of the same name and dtype. Directions know `G` by its
        model and resolution: check them against `G`.

    Raises:
        ValueError: another family, or no block of this side.
    """
    if not isinstance(G, StyleGAN2):
        raise ValueError(f"a preview is a skip picture of stylegan2, this is {G.family}")
    sides = G.config.resolutions[: len(G.synthesis.to_rgbs)]
    if side not in sides:
        raise ValueError(f"a preview has {', '.join(map(str, sides))} pixels a side, got {side}")
    block = list(sides).index(side)
    network = _apart(G.synthesis)
    network.layers = nn.ModuleList(list(G.synthesis.layers)[: 2 * block + 1])
    network.to_rgbs = nn.ModuleList(list(G.synthesis.to_rgbs)[: block + 1])
    network.rows = G.synthesis.rows[: 3 * block + 2]
    first = _apart(G)
    first.synthesis, first.style_rows, first.resolution = network, network.rows, side
    dtype = getattr(G.renderer, "dtype", None)
    first.renderer = renderer_of(G.renderer.name, network, dtype)
    return first


def _apart(module: Module) -> Module:
    """A module with the same parameters whose parts can be replaced."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin
