"""Generators: networks behind one contract, and `load`."""

from .generator import Generator, StyleRow
from .loading import load
from .start import Start
from .stylegan2 import StyleGAN2

__all__ = ["Generator", "Start", "StyleGAN2", "StyleRow", "load"]
