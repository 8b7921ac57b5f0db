"""Generators: networks behind one contract, and `load`."""

from .generator import Generator, StyleRow
from .loading import load
from .pggan import PGGAN
from .previews import previewed
from .saving import save
from .start import Start
from .stylegan import StyleGAN
from .stylegan2 import StyleGAN2
from .stylegan3 import StyleGAN3

__all__ = [
    "PGGAN",
    "Generator",
    "Start",
    "StyleGAN",
    "StyleGAN2",
    "StyleGAN3",
    "StyleRow",
    "load",
    "previewed",
    "save",
]
