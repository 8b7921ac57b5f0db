"""Directions: the value, its file, and the methods that find them, one file per method."""

from .correlation import Correlation, correlate
from .directions import Directions
from .file import DirectionsFileError
from .foreign import (
    load_boundary,
    load_ganspace,
    load_ganspace_activations,
    save_boundary,
    save_ganspace,
)
from .ganspace import GANSpace
from .interfacegan import InterFaceGAN
from .opening import DirectionsLike, as_directions
from .sefa import SeFa

__all__ = [
    "Correlation",
    "Directions",
    "DirectionsFileError",
    "DirectionsLike",
    "GANSpace",
    "InterFaceGAN",
    "SeFa",
    "as_directions",
    "correlate",
    "load_boundary",
    "load_ganspace",
    "load_ganspace_activations",
    "save_boundary",
    "save_ganspace",
]
