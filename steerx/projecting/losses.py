"""What a projection makes small: differences of pixels, of their Laplacian pyramids, of a network's features."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d, interpolate, pad

Features = Callable[[Tensor], "Tensor | Sequence[Tensor]"]
SMALLEST = 8  # pixels of the pyramid's last level
SEEN = 256  # pixels; a feature network sees larger pictures at this size, as published


@dataclass(frozen=True, eq=False)
class Loss:
    """What a picture is away from its target.

    Mean (x - y)^2, and mean |x - y| of each level of the Laplacian pyramid, and sum (x - y)^2 of features.

    Attributes:
        features: images [N, 3, h, w], nominal range [-1, 1], of at most 256 px -> [N, ...], or several of these;
            None = pixels alone. Its squared differences are summed, so that it says itself how they weigh.
        pixels: weight of the pixels and their pyramid.

    Source: Bojanowski et al. 2018 (GLO), section 3.2 (pixels and pyramid); Karras et al. 2020 (StyleGAN2), appendix
        D (features of pictures of 256 px).
    """

    features: Features | None = None
    pixels: float = 1.0

    def check(self, caller: str) -> None:
        """Refuse weights that leave nothing to be made small.

        Raises:
            ValueError: says what is wrong.
        """
        if not (math.isfinite(self.pixels) and self.pixels >= 0):
            raise ValueError(f"{caller}: pixels must be a weight from 0, got {self.pixels}")
        if self.features is None and not self.pixels:
            raise ValueError(f"{caller}: pixels=0 leaves nothing to compare; give features")

    def see(self, images: Tensor) -> list[Tensor]:
        """All that is compared of images [N, 3, H, W]; that of targets is made once."""
        seen = [images, *laplacian(images)] if self.pixels else []
        return seen + self._features(images)

    def of(self, images: Tensor, target: Sequence[Tensor]) -> Tensor:
        """The loss of each image [N] against what was seen of its target."""
        found = self.see(images)
        total = torch.zeros(len(images), dtype=images.dtype, device=images.device)
        for i, (one, other) in enumerate(zip(found, target, strict=True)):
            difference = (one - other).flatten(1)
            if i >= self._levels(images):
                total = total + difference.square().sum(dim=1).to(total)
            else:
                part = difference.square() if i == 0 else difference.abs()
                total = total + self.pixels * part.mean(dim=1)
        return total

    def _levels(self, images: Tensor) -> int:
        return 1 + len(_sides(min(images.shape[2:]))) if self.pixels else 0

    def _features(self, images: Tensor) -> list[Tensor]:
        if self.features is None:
            return []
        if max(images.shape[2:]) > SEEN:
            images = adaptive_avg_pool2d(images, SEEN)
        found = self.features(images)
        several = [found] if isinstance(found, Tensor) else list(found)
        for one in several:
            if not isinstance(one, Tensor) or one.dim() < 2 or len(one) != len(images):
                came = list(one.shape) if isinstance(one, Tensor) else type(one).__name__
                raise ValueError(
                    f"project: features must return [N, ...] with N = {len(images)}, got {came}"
                )
        return several


def _sides(side: int) -> list[int]:
    sides = [side]
    while sides[-1] >= 2 * SMALLEST and sides[-1] % 2 == 0:
        sides.append(sides[-1] // 2)
    return sides


def laplacian(images: Tensor) -> list[Tensor]:
    """What each halving of the picture takes away, and the smallest picture that is left.

    Args:
        images: [N, C, H, W].

    Source: Burt and Adelson 1983, "The Laplacian pyramid as a compact image code".
    """
    levels = []
    for _ in _sides(min(images.shape[2:]))[1:]:
        small = blurred(images)[:, :, ::2, ::2]
        large = interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
        levels.append(images - large)
        images = small
    return [*levels, images]


def blurred(images: Tensor) -> Tensor:
    """Images behind the binomial filter [1, 4, 6, 4, 1] / 16 in both directions, edges mirrored."""
    channels = images.shape[1]
    row = images.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    wide = pad(images, (2, 2, 2, 2), mode="reflect")
    wide = conv2d(wide, row.view(1, 1, 1, 5).expand(channels, 1, 1, 5), groups=channels)
    return conv2d(wide, row.view(1, 1, 5, 1).expand(channels, 1, 5, 1), groups=channels)
