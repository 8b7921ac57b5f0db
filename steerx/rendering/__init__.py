"""Renderers: what turns styles into images, behind one contract."""

from .noise import Noise, SampleNoise
from .packing import Packed
from .plain import PlainRenderer
from .renderer import LayerState, Renderer

__all__ = ["LayerState", "Noise", "Packed", "PlainRenderer", "Renderer", "SampleNoise"]
