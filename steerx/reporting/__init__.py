"""Self-contained HTML pages of sweeps."""

from .page import Figure, Section, report

__all__ = ["Figure", "Section", "report"]
