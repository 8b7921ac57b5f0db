"""Renderers: what turns styles into images, behind one contract."""

from .batching import Batches, is_out_of_memory
from .noise import Noise, NoiseMode, SampleNoise, noise_of
from .packing import Packed
from .plain import PlainRenderer
from .renderer import LayerState, Out, Renderer

__all__ = [
    "Batches",
    "LayerState",
    "Noise",
    "NoiseMode",
    "Out",
    "Packed",
    "PlainRenderer",
    "Renderer",
    "SampleNoise",
    "is_out_of_memory",
    "noise_of",
]
