"""Renderers: what turns styles into images, behind one contract."""

from .batching import Batches, is_out_of_memory
from .choosing import Choices
from .convolution import Policy
from .fused import FusedRenderer
from .linear import LinearLayer, Step, Term, layer_after
from .memory import free_memory
from .native import NativeRenderer
from .noise import Noise, NoiseMaps, NoiseMode, SampleNoise, noise_of
from .packing import Packed
from .plain import PlainRenderer
from .renderer import LayerState, Out, Renderer

__all__ = [
    "Batches",
    "Choices",
    "FusedRenderer",
    "LayerState",
    "LinearLayer",
    "NativeRenderer",
    "Noise",
    "NoiseMaps",
    "NoiseMode",
    "Out",
    "Packed",
    "PlainRenderer",
    "Policy",
    "Renderer",
    "SampleNoise",
    "Step",
    "Term",
    "free_memory",
    "is_out_of_memory",
    "layer_after",
    "noise_of",
]
