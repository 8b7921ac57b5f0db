"""The scorer of the drawn world: pictures -> values of the named factors, with noise on request.

A small convolutional network trained on drawings and on generated pictures, both labelled by the
truth. Real scorers err; `label_noise` adds errors of a known size, drawn from a seed.
"""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from steerx.faces.truth import FACTORS

_SIDE: Final = 64  # pictures are resized to this before they are scored
_CHANNELS: Final = (16, 32, 64, 96)
_HIDDEN: Final = 96


class Scorer(nn.Module):
    """Pictures -> scores, one column per named factor.

    Scores estimate `faces.factors` in its own units: standard deviations of the normalised z; a
    picture shows eyeglasses where that column is positive.

    Attributes:
        names: the factor of each column.
        label_noise: standard deviation of the noise added to each score, in units of that factor's
            standard deviation.
        seed: of the noise.
    """

    spread: Tensor

    def __init__(self, *, label_noise: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        if label_noise < 0:
            raise ValueError(f"Scorer: label_noise must be at least 0, got {label_noise}")
        self.names = FACTORS
        self.label_noise, self.seed = label_noise, seed
        sizes = (3, *_CHANNELS)
        kernels = (5, 3, 3, 3)
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2)
            for inputs, outputs, kernel in zip(sizes, _CHANNELS, kernels, strict=False)
        )
        side = _SIDE // 2 ** len(_CHANNELS)
        self.hidden = nn.Linear(_CHANNELS[-1] * side * side, _HIDDEN)
        self.out = nn.Linear(_HIDDEN, len(FACTORS))
        self.register_buffer("spread", torch.ones(len(FACTORS)))
        self._random = torch.Generator().manual_seed(seed)

    def forward(self, images: Tensor) -> Tensor:
        """Score pictures.

        Args:
            images: [N, 3, H, W] in [-1, 1], any size.

        Returns:
            [N, F]. With label noise, the noise of one call follows that of the call before; `reset`
            starts it again.

        Raises:
            ValueError: if images are not [N, 3, H, W].
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"Scorer: images must be [N, 3, H, W], got {list(images.shape)}")
        x = images.to(self.out.weight.dtype)
        if images.shape[2:] != (_SIDE, _SIDE):
            x = F.interpolate(x, size=(_SIDE, _SIDE), mode="bilinear", antialias=True)
        for conv in self.convs:
            x = F.silu(conv(x))
        scores: Tensor = self.out(F.silu(self.hidden(x.flatten(1))))
        if self.label_noise:
            noise = torch.randn(scores.shape, generator=self._random).to(scores)
            scores = scores + self.label_noise * self.spread * noise
        return scores

    def reset(self) -> None:
        """Start the label noise again from its seed."""
        self._random.manual_seed(self.seed)


def scorer(*, label_noise: float = 0.0, seed: int = 0) -> Scorer:
    """The shipped scorer, in evaluation mode, without gradients on its parameters.

    Args:
        label_noise: standard deviation of the noise added to each score, in units of that factor's
            standard deviation; 0 for none.
        seed: of the noise: two scorers with one seed make the same errors on the same calls.
    """
    from safetensors.torch import load_file

    path = Path(str(importlib.resources.files("steerx") / "faces" / "scorer.safetensors"))
    network = Scorer(label_noise=label_noise, seed=seed)
    network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return network.requires_grad_(False).eval()
