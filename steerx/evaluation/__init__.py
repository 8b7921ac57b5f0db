"""Evaluation: what an edit did to the pictures."""

from .matrix import Effects, Leak
from .measuring import effects

__all__ = ["Effects", "Leak", "effects"]
