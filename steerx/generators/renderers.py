"""Which renderer makes a generator's pictures: one by name, or the fastest that serves where it is."""

from __future__ import annotations

from typing import Literal

import torch

from ..ops import _epilogue
from ..rendering import FusedRenderer, NativeRenderer, PlainRenderer, Renderer
from .generator import Generator
from .stylegan2 import StyleGAN2, Synthesis

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
    dtype = getattr(generator.renderer, "dtype", None)
    generator.renderer = renderer_of(name, generator.synthesis, dtype)


def renderer_of(name: str, network: Synthesis, dtype: torch.dtype | None) -> Renderer:
    """A renderer by its name.

    Raises:
        ValueError: no such renderer.
    """
    if name == "plain":
        return PlainRenderer(network, dtype=dtype)
    if name == "native":
        return NativeRenderer(network, dtype=dtype)
    if name == "fused":
        return FusedRenderer(network, dtype=dtype)
    raise ValueError(f'a renderer is "plain", "native" or "fused", got {name!r}')
