"""How fast and with how much noise a projection searches."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Learning rate and noise of each step; the defaults are the published ones.

    Attributes:
        steps: how many there are.
        rate: the highest learning rate.
        ramp_up, ramp_down: shares of the steps, at the start and at the end, in which it rises from zero
            (linearly) and falls to zero (as a cosine).
        noise: standard deviation of what is added to w at first, in spreads of w.
        noise_until: share of the steps after which nothing is added any more.

    Source: Karras et al. 2020 (StyleGAN2), appendix D.
    """

    steps: int = 1000
    rate: float = 0.1
    ramp_up: float = 0.05
    ramp_down: float = 0.25
    noise: float = 0.05
    noise_until: float = 0.75

    def rate_at(self, step: int) -> float:
        """Learning rate of step 0 ... steps-1."""
        t = step / self.steps
        down = min(1.0, (1 - t) / self.ramp_down) if self.ramp_down else 1.0
        up = min(1.0, t / self.ramp_up) if self.ramp_up else 1.0
        return self.rate * up * (0.5 - 0.5 * math.cos(math.pi * down))

    def noise_at(self, step: int) -> float:
        """What is added to w in step 0 ... steps-1, in spreads of w."""
        if not self.noise_until:
            return 0.0
        left = max(0.0, 1 - step / self.steps / self.noise_until)
        return self.noise * left**2

    def check(self, caller: str) -> None:
        """Refuse numbers that are no schedule.

        Raises:
            ValueError: which one, and what it must be.
        """
        if self.steps < 1:
            raise ValueError(f"{caller}: steps must be 1 or more, got {self.steps}")
        for name in ("rate", "noise"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{caller}: {name} must be a number from 0, got {value}")
        for name in ("ramp_up", "ramp_down", "noise_until"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{caller}: {name} must be a share, 0 to 1, got {value}")
