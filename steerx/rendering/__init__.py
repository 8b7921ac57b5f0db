"""Renderers: what turns styles into images, behind one contract."""

from .noise import Noise, NoiseMode, SampleNoise, noise_of
from .packing import Packed
from .plain import PlainRenderer
from .renderer import LayerState, Renderer

__all__ = [
    "LayerState",
    "Noise",
    "NoiseMode",
    "Packed",
    "PlainRenderer",
    "Renderer",
    "SampleNoise",
    "noise_of",
]
