"""Which renderer makes a generator's pictures: one by name, or the fastest that serves where it is."""

from __future__ import annotations

from typing import Literal

import torch

from ..ops import _epilogue
from ..rendering import FusedRenderer, NativeRenderer, PlainRenderer
from .generator import Generator
from .stylegan2 import StyleGAN2

RendererName = Literal["plain", "native", "fused"]


def fastest(generator: Generator) -> RendererName:
    """Name of the fastest renderer for a generator, its device and the dtype of its activations.

    "native" on a CPU for which its kernels are built, for StyleGAN2, but in float64; else "plain". "fused" has
    not run on a GPU, so it is never the answer.
    """
    if not isinstance(generator, StyleGAN2) or not _epilogue.built():
        return "plain"
    const = generator.synthesis.const
    return "native" if const.is_cpu and const.dtype != torch.float64 else "plain"


def install(generator: Generator, name: RendererName) -> None:
    """Make a generator's pictures by another renderer, in the dtype of activations that it has.

    Raises:
        ValueError: a renderer that does not run this family.
    """
    if generator.renderer.name == name:
        return
    if not isinstance(generator, StyleGAN2):
        raise ValueError(f'"{name}" runs stylegan2, this is {generator.family}; use "auto"')
    network, dtype = generator.synthesis, getattr(generator.renderer, "dtype", None)
    if name == "plain":
        generator.renderer = PlainRenderer(network, dtype=dtype)
    else:
        kind = NativeRenderer if name == "native" else FusedRenderer
        generator.renderer = kind(network, dtype=dtype)
