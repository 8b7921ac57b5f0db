"""Generators: networks behind one contract, and `load`."""

from .generator import Generator, StyleRow
from .loading import load
from .stylegan2 import StyleGAN2

__all__ = ["Generator", "StyleGAN2", "StyleRow", "load"]
