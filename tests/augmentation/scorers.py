"""Scorers of tests, by name."""

from __future__ import annotations

import torch


def light(images: torch.Tensor) -> torch.Tensor:
    """How light a picture is, and how red, in units that a tiny network spreads over."""
    means = images.clamp(-1, 1).mean(dim=(2, 3)) * 10
    return torch.stack((means.mean(dim=1), means[:, 0] - means[:, 2]), dim=1)


light.names = ("light", "red")  # type: ignore[attr-defined]
