"""Operators: schema, reference, fake, gradient and public function, one file each."""

from ._backend import backend, build_info, hold_isa
from ._bias_act import bias_act
from ._edit_styles import edit_styles
from ._eigh import eigh
from ._filtered_lrelu import filtered_lrelu
from ._library import REGISTRY, load_native
from ._modulated_conv2d import modulated_conv2d
from ._style_layer import style_layer
from ._to_rgb import to_rgb
from ._upfirdn2d import upfirdn2d

__all__ = [
    "REGISTRY",
    "backend",
    "bias_act",
    "build_info",
    "edit_styles",
    "eigh",
    "filtered_lrelu",
    "hold_isa",
    "modulated_conv2d",
    "style_layer",
    "to_rgb",
    "upfirdn2d",
]

load_native()
