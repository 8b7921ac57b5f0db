"""Why a crew does not go on."""

from __future__ import annotations


class CrewError(ValueError):
    """Workers cannot be had, or cannot do what they were told; the message says why and what to do."""
