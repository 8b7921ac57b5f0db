"""Sweeps: the grid seed x direction x alpha."""

from .costs import predicted_seconds
from .grid import Batch, Sweep, sweep

__all__ = ["Batch", "Sweep", "predicted_seconds", "sweep"]
