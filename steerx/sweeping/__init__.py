"""Sweeps: the grid seed x direction x alpha."""

from .grid import Batch, Sweep, sweep

__all__ = ["Batch", "Sweep", "sweep"]
